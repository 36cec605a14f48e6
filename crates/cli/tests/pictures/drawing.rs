//! Digits and letters, drawn with a round pen into a folder of pictures.

use std::path::{Path, PathBuf};

use image::{DynamicImage, GrayImage, Luma};
use own_digit::Classifier;
use tempfile::TempDir;

type Stroke = &'static [(f32, f32)];

/// The strokes of digits and letters that need no curves; x to the right, y down, from 0 to 1.
const STROKES: [(char, &[Stroke]); 5] = [
    ('1', &[&[(0.38, 0.24), (0.54, 0.08), (0.54, 0.92)]]),
    ('4', &[&[(0.62, 0.08), (0.2, 0.62), (0.84, 0.62)], &[(0.64, 0.36), (0.64, 0.94)]]),
    ('7', &[&[(0.2, 0.1), (0.8, 0.1), (0.44, 0.93)]]),
    ('A', &[&[(0.1, 0.95), (0.5, 0.05), (0.9, 0.95)], &[(0.25, 0.6), (0.75, 0.6)]]),
    ('K', &[&[(0.2, 0.05), (0.2, 0.95)], &[(0.8, 0.05), (0.2, 0.55), (0.85, 0.95)]]),
];

/// How much ink, or light, each pixel of a picture has.
pub type Ink<'a> = &'a dyn Fn(u32, u32) -> f32;

/// A digit in a box at `left` and `top`, drawn with a round pen.
pub fn drawn(digit: char, [left, top, width, height]: [f32; 4], pen: f32) -> impl Fn(u32, u32) -> f32 {
    let strokes = STROKES.iter().find(|(name, _)| *name == digit).unwrap().1;
    let place = move |(x, y): (f32, f32)| (left + x * width, top + y * height);
    move |x, y| {
        let lines = strokes.iter().flat_map(|stroke| stroke.windows(2));
        let distance = lines.map(|line| from_line((x as f32, y as f32), place(line[0]), place(line[1])));
        (pen / 2.0 + 0.5 - distance.fold(f32::MAX, f32::min)).clamp(0.0, 1.0)
    }
}

fn from_line((x, y): (f32, f32), (x1, y1): (f32, f32), (x2, y2): (f32, f32)) -> f32 {
    let (across, down) = (x2 - x1, y2 - y1);
    let along = (((x - x1) * across + (y - y1) * down) / (across * across + down * down)).clamp(0.0, 1.0);
    (x - x1 - along * across).hypot(y - y1 - along * down)
}

/// Dark ink on light paper.
pub fn on_paper(width: u32, height: u32, ink: Ink) -> GrayImage {
    GrayImage::from_fn(width, height, |x, y| Luma([(245.0 - 220.0 * ink(x, y)) as u8]))
}

/// A folder of pictures.
pub struct Pictures(pub TempDir);

impl Pictures {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn save(&self, name: &str, picture: impl Into<DynamicImage>) -> PathBuf {
        let path = self.0.path().join(name);
        picture.into().save(&path).unwrap();
        path
    }

    /// What each picture of the folder is read as, in the order of their names.
    pub fn read(&self) -> Vec<(String, String)> {
        let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/handwriting");
        let classifier = Classifier::load(&network).unwrap();
        let read = |path: &PathBuf| classifier.classify(&classifier.open(path)?).map(|answer| answer.text());
        let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        let paths = cli::pictures(self.0.path()).unwrap();
        paths.iter().map(|path| (name(path), read(path).unwrap_or_else(|error| error.to_string()))).collect()
    }

    /// All pictures are read as this.
    pub fn are_all(&self, expected: &str) {
        let wrong: Vec<_> = self.read().into_iter().filter(|(_, answer)| answer != expected).collect();
        assert!(wrong.is_empty(), "not read as {expected}: {wrong:?}");
    }
}
