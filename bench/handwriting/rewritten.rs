//! A digit as another hand might write it, seen as `predict` shows it to a network: other strokes, slants and
//! proportions, another pen, a low resolution; then scaled into MNIST's box, its centre of mass in the middle.

use rand::{Rng, rngs::StdRng};

use super::{plane::Plane, strokes::with_strokes};

/// The side of the picture between MNIST's 28 pixels and the result.
const SIDE: usize = 56;

/// Points of the coarse grid that bends a picture, from edge to edge.
const GRID: usize = 7;

/// Returns a digit of 28 × 28 pixels, rewritten.
pub fn rewritten(digit: &Plane, label: i64, random: &mut StdRng) -> Plane {
    let warped = warped(&with_strokes(digit, label, random), label, random);
    let drawn = with_other_pen(warped, random);
    let seen = at_low_resolution(drawn, random);
    let boxed = boxed(&seen, label, random);
    let contrast = random.gen_range(0.9..1.35);
    Plane::from_fn(28, |x, y| (boxed.values[28 * y + x] * contrast).min(1.0))
}

/// Rotates, slants, stretches and bends; a four may get a short leg.
fn warped(digit: &Plane, label: i64, random: &mut StdRng) -> Plane {
    let (sine, cosine) = random.gen_range(-12.0..12.0_f32).to_radians().sin_cos();
    let slant = random.gen_range(-18.0..18.0_f32).to_radians().tan();
    let stretch = random.gen_range(-0.2..0.2_f32).exp();
    // With room for strokes that were added.
    let (wide, high) = (1.15 / stretch, 1.15 * stretch);
    let [uneven_across, mut uneven_down] = [(); 2].map(|()| random.gen_range(-0.25..0.25_f32));
    if label == 4 && random.gen_bool(0.35) {
        uneven_down = random.gen_range(-0.95..-0.3);
    }
    let bends: Vec<[f32; 2]> = (0..GRID * GRID).map(|_| [(); 2].map(|()| random.gen_range(-1.0..1.0) / 14.0)).collect();
    let bend = |x: f32, y: f32, axis: usize| {
        let [across, down] = [x, y].map(|place| (place + 1.0) / 2.0 * (GRID - 1) as f32);
        let (left, top) = ((across as usize).min(GRID - 2), (down as usize).min(GRID - 2));
        let (right, below) = (across - left as f32, down - top as f32);
        let point = |column: usize, row: usize| bends[row * GRID + column][axis];
        let row = |row: usize| point(left, row) * (1.0 - right) + point(left + 1, row) * right;
        row(top) * (1.0 - below) + row(top + 1) * below
    };
    // Moves the middle against the ends.
    let uneven = |place: f32, by: f32| place + by * (1.0 - (place.clamp(-0.8, 0.8) / 0.8).powi(2)) / 2.0;
    let half = digit.side as f32 / 2.0;
    Plane::from_fn(SIDE, |x, y| {
        let [x, y] = [x, y].map(|place| (place as f32 + 0.5) / SIDE as f32 * 2.0 - 1.0);
        let across = cosine * wide * x + (cosine * slant - sine) * high * y;
        let down = sine * wide * x + (sine * slant + cosine) * high * y;
        let [across, down] = [uneven(across, uneven_across) + bend(x, y, 0), uneven(down, uneven_down) + bend(x, y, 1)];
        digit.at((across + 1.0) * half - 0.5, (down + 1.0) * half - 0.5)
    })
}

/// Makes half of the digits' strokes wider, or thinner, by up to a pixel and a half of 28 on each side.
fn with_other_pen(digit: Plane, random: &mut StdRng) -> Plane {
    let steps = if random.gen_bool(0.5) { random.gen_range(-1..4_i32) } else { 0 };
    let pick: fn(f32, f32) -> f32 = if steps < 0 { f32::min } else { f32::max };
    let changed = (0..steps.abs()).fold(Plane::of(SIDE, &digit.values), |digit, _| digit.spread(pick));
    if changed.most() > 0.5 { changed } else { digit }
}

/// Shows three in ten digits with 16 to 31 pixels across, half of these with one bit a pixel.
fn at_low_resolution(digit: Plane, random: &mut StdRng) -> Plane {
    if !random.gen_bool(0.3) {
        return digit;
    }
    let side = random.gen_range(16..32);
    let scale = SIDE as f32 / side as f32;
    let threshold = random.gen_bool(0.5).then(|| random.gen_range(0.22..0.42));
    let small = Plane::from_fn(side, |x, y| {
        // The mean over the pixel's square, by 16 points.
        let points = (0..16).map(|point| [point % 4, point / 4].map(|place| (place as f32 + 0.5) / 4.0));
        let ink =
            points.map(|[right, down]| digit.at((x as f32 + right) * scale - 0.5, (y as f32 + down) * scale - 0.5));
        let mean = ink.sum::<f32>() / 16.0;
        threshold.map_or(mean, |threshold| f32::from(mean > threshold))
    });
    let is_smooth = random.gen_bool(0.7);
    let large = Plane::from_fn(SIDE, |x, y| {
        let [x, y] = [x, y].map(|place| (place as f32 + 0.5) / scale - 0.5);
        if is_smooth { small.at(x, y) } else { small.at(x.round(), y.round()) }
    });
    if large.most() > 0.5 { large } else { digit }
}

/// Scales a digit into the middle 20 of 28 pixels, a third of them stretched towards a square.
fn boxed(digit: &Plane, label: i64, random: &mut StdRng) -> Plane {
    let Some([left, top, right, bottom]) = digit.edges(0.2) else { return Plane::new(28) };
    let (width, height) = (right - left, bottom - top);
    let longer = width.max(height);
    let share = match random.gen_bool(if label == 1 { 0.55 } else { 0.35 }) {
        false => 0.0,
        // Ones change most, up to a square blot.
        true if label == 1 => random.gen_range(0.0..1.0_f32).sqrt(),
        true => random.gen_range(0.0..1.0),
    };
    // Pixels of the digit for one of the result.
    let [across, down] = [width, height].map(|side| longer / (longer / side.max(0.15 * longer)).powf(share) / 20.0);
    let (mass, [x, y]) = digit.values.iter().enumerate().fold((1e-6, [0.0, 0.0]), |(mass, [x, y]), (at, &ink)| {
        (mass + ink, [x + ink * (at % SIDE) as f32, y + ink * (at / SIDE) as f32])
    });
    let [x, y] = [x / mass, y / mass];
    Plane::from_fn(28, |column, row| {
        let points = [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)];
        let place = |(right, below): (f32, f32)| {
            digit.at(x + (column as f32 + right - 14.0) * across, y + (row as f32 + below - 14.0) * down)
        };
        points.map(place).iter().sum::<f32>() / 4.0
    })
}
