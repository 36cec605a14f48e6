//! A square picture of ink, from 0 (paper) to 1 (ink).

pub struct Plane {
    pub side: usize,
    /// Row by row.
    pub values: Vec<f32>,
}

impl Plane {
    pub fn new(side: usize) -> Self {
        Self { side, values: vec![0.0; side * side] }
    }

    pub fn of(side: usize, values: &[f32]) -> Self {
        Self { side, values: values.to_vec() }
    }

    /// Computes each pixel from its column and row.
    pub fn from_fn(side: usize, value: impl Fn(usize, usize) -> f32) -> Self {
        Self { side, values: (0..side * side).map(|at| value(at % side, at / side)).collect() }
    }

    /// Returns the ink of a pixel; paper beyond the edges.
    fn pixel(&self, x: i32, y: i32) -> f32 {
        let side = self.side as i32;
        if x < 0 || y < 0 || x >= side || y >= side { 0.0 } else { self.values[(y * side + x) as usize] }
    }

    /// Returns the ink at a place between pixels, whose middles are whole numbers.
    pub fn at(&self, x: f32, y: f32) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (right, down) = (x - left, y - top);
        let (left, top) = (left as i32, top as i32);
        let row = |y| self.pixel(left, y) * (1.0 - right) + self.pixel(left + 1, y) * right;
        row(top) * (1.0 - down) + row(top + 1) * down
    }

    /// Returns the most or the least of each pixel and its eight neighbours.
    pub fn spread(&self, pick: fn(f32, f32) -> f32) -> Self {
        let around = [-1, 0, 1];
        Self::from_fn(self.side, |x, y| {
            let (x, y) = (x as i32, y as i32);
            let all = around.iter().flat_map(|down| around.iter().map(move |right| (x + right, y + down)));
            all.map(|(x, y)| self.pixel(x, y)).reduce(pick).unwrap_or(0.0)
        })
    }

    pub fn most(&self) -> f32 {
        self.values.iter().copied().fold(0.0, f32::max)
    }

    /// Returns the left, top, right and bottom edge of what has more than this much ink, and nothing where nothing has.
    pub fn edges(&self, ink: f32) -> Option<[f32; 4]> {
        let inked = (0..self.values.len()).filter(|&at| self.values[at] > ink);
        inked.map(|at| [at % self.side, at / self.side]).fold(None, |edges, [x, y]| {
            let [x, y] = [x as f32, y as f32];
            let [left, top, right, bottom] = edges.unwrap_or([x, y, x + 1.0, y + 1.0]);
            Some([left.min(x), top.min(y), right.max(x + 1.0), bottom.max(y + 1.0)])
        })
    }
}
