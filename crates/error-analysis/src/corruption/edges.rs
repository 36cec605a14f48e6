//! Edges in place of strokes: J. Canny, 1986, as scikit-image's `canny` finds them with its default settings.

use super::float_image::FloatImage;

/// Below the lower one there is no edge; from the higher one on there is; between them where it leads to one.
const LOW: f64 = 0.1;
const HIGH: f64 = 0.2;

pub(super) fn canny(picture: &FloatImage) -> FloatImage {
    let smoothed = smoothed(picture);
    let [down, across] = [[1, 0], [0, 1]].map(|axis| slopes(&smoothed, axis));
    let steepness = down.map(|row, column, down| down.hypot(across.at(row, column)));
    let crests = steepness.map(|row, column, value| {
        let is_edge = row == 0 || column == 0 || row + 1 == picture.height || column + 1 == picture.width;
        let slope = [down.at(row, column), across.at(row, column)];
        if !is_edge && value >= LOW && is_crest(&steepness, [row, column], slope) { value } else { 0.0 }
    });
    joined(&crests)
}

/// Smooths by a Gaussian of 1 pixel, of the pixels within the picture only.
fn smoothed(picture: &FloatImage) -> FloatImage {
    // With a frame of paper as wide as the Gaussian reaches, the edge that goes on is paper's.
    const FRAME: usize = 4;
    let framed = |picture: &FloatImage| {
        let size = picture.size().map(|side| side + 2 * FRAME);
        let inside = |place: usize| place as f64 - FRAME as f64;
        FloatImage::new(size, |row, column| picture.bilinear(inside(row), inside(column)))
    };
    let [blurred, weights] = [picture, &picture.map(|_, _, _| 1.0)].map(|picture| framed(picture).blurred(1.0));
    picture.map(|row, column, _| {
        let (row, column) = (row + FRAME, column + FRAME);
        blurred.at(row, column) / (weights.at(row, column) + f64::EPSILON)
    })
}

/// Returns how much the picture rises along an axis, down or across (I. Sobel, 1968).
fn slopes(picture: &FloatImage, [down, across]: [isize; 2]) -> FloatImage {
    picture.map(|row, column, _| {
        let near = |along: isize, beside: isize| {
            let (below, right) = (along * down + beside * across, along * across + beside * down);
            picture.clamped(row as isize + below, column as isize + right)
        };
        let rise = |beside: isize| near(1, beside) - near(-1, beside);
        rise(-1) + 2.0 * rise(0) + rise(1)
    })
}

/// Tells whether the picture is steepest here along the slope, compared with places between the neighbouring pixels.
fn is_crest(steepness: &FloatImage, [row, column]: [usize; 2], [down, across]: [f64; 2]) -> bool {
    let diagonal = [down, across].map(|slope| if slope < 0.0 { -1 } else { 1 });
    let (straight, share) = if down.abs() > across.abs() {
        ([diagonal[0], 0], across.abs() / down.abs())
    } else {
        ([0, diagonal[1]], down.abs() / across.abs())
    };
    [1, -1].iter().all(|&way| {
        let at =
            |[down, right]: [isize; 2]| steepness.clamped(row as isize + way * down, column as isize + way * right);
        share * at(diagonal) + (1.0 - share) * at(straight) <= steepness.at(row, column)
    })
}

/// Puts ink on the crests that are high somewhere, or touch one that is.
fn joined(crests: &FloatImage) -> FloatImage {
    let mut edges = crests.map(|_, _, _| 0.0);
    let mut open: Vec<_> = (0..crests.values.len()).filter(|&place| crests.values[place] >= HIGH).collect();
    while let Some(place) = open.pop() {
        if edges.values[place] == 0.0 {
            edges.values[place] = 1.0;
            // Crests never lie at the picture's edge.
            let rows = [place - crests.width, place, place + crests.width];
            let near = rows.into_iter().flat_map(|middle| middle - 1..=middle + 1);
            open.extend(near.filter(|&near| crests.values[near] > 0.0));
        }
    }
    edges
}
