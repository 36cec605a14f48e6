//! Edges in place of strokes: J. Canny, 1986, as scikit-image's `canny` finds them with its default settings.

use super::float_image::{Axis, FloatImage};

/// Below the lower one there is no edge; from the higher one on there is; between them where it leads to one.
const LOW: f64 = 0.1;
const HIGH: f64 = 0.2;

pub(super) fn canny(picture: &FloatImage) -> FloatImage {
    let smoothed = smoothed(picture);
    let [down, across] = [slopes(&smoothed, Axis::Down), slopes(&smoothed, Axis::Across)];
    let steepness = down.map(|row, column, down| down.hypot(across.at(row, column)));
    let crests = steepness.map(|row, column, value| {
        let is_edge = row == 0 || column == 0 || row + 1 == picture.height || column + 1 == picture.width;
        let slope = [down.at(row, column), across.at(row, column)];
        if !is_edge && value >= LOW && is_crest(&steepness, [row, column], slope) { value } else { 0.0 }
    });
    joined(&crests)
}

/// By a Gaussian of 1 pixel, of the pixels within the picture only.
fn smoothed(picture: &FloatImage) -> FloatImage {
    // With a frame of paper as wide as the Gaussian reaches, the edge that goes on is paper's.
    const FRAME: usize = 4;
    let size = picture.size().map(|size| size + 2 * FRAME);
    let framed = |value: &dyn Fn(usize, usize) -> f64| {
        let inside = |row: usize, column: usize| {
            let (row, column) = (row.wrapping_sub(FRAME), column.wrapping_sub(FRAME));
            if row < picture.height && column < picture.width { value(row, column) } else { 0.0 }
        };
        FloatImage::new(size, inside).blurred(1.0)
    };
    let (blurred, weights) = (framed(&|row, column| picture.at(row, column)), framed(&|_, _| 1.0));
    let at = |grey: &FloatImage, row: usize, column: usize| grey.at(row + FRAME, column + FRAME);
    picture.map(|row, column, _| at(&blurred, row, column) / (at(&weights, row, column) + f64::EPSILON))
}

/// By how much the picture rises along an axis (I. Sobel, 1968).
fn slopes(picture: &FloatImage, axis: Axis) -> FloatImage {
    picture.map(|row, column, _| {
        let near = |along: isize, beside: isize| match axis {
            Axis::Down => picture.clamped(row as isize + along, column as isize + beside),
            Axis::Across => picture.clamped(row as isize + beside, column as isize + along),
        };
        let rise = |beside: isize| near(1, beside) - near(-1, beside);
        rise(-1) + 2.0 * rise(0) + rise(1)
    })
}

/// Whether the picture is steepest here along the slope, compared with places between the neighbouring pixels.
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

/// Ink on the crests that are high somewhere, or touch one that is.
fn joined(crests: &FloatImage) -> FloatImage {
    let mut edges = crests.map(|_, _, _| 0.0);
    let is_high = |place: &usize| crests.values[*place] >= HIGH;
    let mut open: Vec<usize> = (0..crests.values.len()).filter(is_high).collect();
    while let Some(place) = open.pop() {
        if edges.values[place] == 0.0 {
            edges.values[place] = 1.0;
            let (row, column) = (place / crests.width, place % crests.width);
            // Crests never lie at the picture's edge.
            let near = (row - 1..=row + 1).flat_map(|row| (column - 1..=column + 1).map(move |column| (row, column)));
            open.extend(
                near.filter(|&(row, column)| crests.at(row, column) > 0.0)
                    .map(|(row, column)| row * crests.width + column),
            );
        }
    }
    edges
}
