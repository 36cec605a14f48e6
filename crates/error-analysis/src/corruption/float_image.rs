//! One grey picture of numbers, and the filters of scikit-image and SciPy that corruptions are made from.

/// A grey picture: numbers from 0 (paper) to 1 (ink), row by row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FloatImage {
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) values: Vec<f64>,
}

impl FloatImage {
    pub(super) fn from_bytes([height, width]: [usize; 2], bytes: &[u8]) -> Self {
        Self { height, width, values: bytes.iter().map(|&byte| f64::from(byte) / 255.0).collect() }
    }

    /// Converts the numbers as MNIST-C does: floats of 32 bits times 255, without their fractions.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.values.iter().map(|&value| (value.clamp(0.0, 1.0) * 255.0) as f32 as u8).collect()
    }

    /// Makes a picture whose numbers come from their rows and columns.
    pub(super) fn new([height, width]: [usize; 2], mut value: impl FnMut(usize, usize) -> f64) -> Self {
        let places = (0..height).flat_map(|row| (0..width).map(move |column| (row, column)));
        Self { height, width, values: places.map(|(row, column)| value(row, column)).collect() }
    }

    pub(super) fn size(&self) -> [usize; 2] {
        [self.height, self.width]
    }

    /// Makes a picture of the same size from this one's numbers, with their rows and columns.
    pub(super) fn map(&self, mut with: impl FnMut(usize, usize, f64) -> f64) -> Self {
        Self::new(self.size(), |row, column| with(row, column, self.at(row, column)))
    }

    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.values[row * self.width + column]
    }

    /// Returns the number at a place that may lie beyond the edge, where the edge's goes on.
    pub(super) fn clamped(&self, row: isize, column: isize) -> f64 {
        let within = |place: isize, size: usize| place.clamp(0, size as isize - 1) as usize;
        self.at(within(row, self.height), within(column, self.width))
    }

    /// Returns the number at a place between pixels (bilinear), and paper beyond the edge.
    pub(super) fn bilinear(&self, row: f64, column: f64) -> f64 {
        let pixel = |row: f64, column: f64| {
            let is_within = (0.0..self.height as f64).contains(&row) && (0.0..self.width as f64).contains(&column);
            if is_within { self.at(row as usize, column as usize) } else { 0.0 }
        };
        let mix = |one: f64, other: f64, share: f64| (1.0 - share) * one + share * other;
        let in_row = |row: f64| mix(pixel(row, column.floor()), pixel(row, column.ceil()), column - column.floor());
        mix(in_row(row.floor()), in_row(row.ceil()), row - row.floor())
    }

    /// Smooths along both axes by a Gaussian of this standard deviation in pixels, cut off at four of them; the edge
    /// goes on beyond it. That is scikit-image's `gaussian`, of SciPy's `gaussian_filter1d`.
    pub(super) fn blurred(&self, sigma: f64) -> Self {
        let kernel = gaussian(sigma);
        let reach = (kernel.len() / 2) as isize;
        let smoothed = |picture: &Self, [down, across]: [isize; 2]| {
            picture.map(|row, column, _| {
                let near = |offset| picture.clamped(row as isize + offset * down, column as isize + offset * across);
                kernel.iter().zip(-reach..).map(|(weight, offset)| weight * near(offset)).sum()
            })
        };
        smoothed(&smoothed(self, [1, 0]), [0, 1])
    }
}

/// Returns the weights of a Gaussian, which sum to 1; its middle is the middle one.
fn gaussian(sigma: f64) -> Vec<f64> {
    let reach = (4.0 * sigma + 0.5) as i32;
    let weight = |offset: i32| if offset == 0 { 1.0 } else { (-0.5 * (f64::from(offset) / sigma).powi(2)).exp() };
    let weights: Vec<f64> = (-reach..=reach).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}
