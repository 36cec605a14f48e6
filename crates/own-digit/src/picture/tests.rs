//! A picture from its file to a network's inputs.

use std::{io::Write, path::Path};

use image::{GrayImage, Luma, imageops};
use tch::{Kind, Tensor};

use super::{Picture, luma_image::LumaImage, stroke};
use mnist_classification::{Result, data::Dataset};

/// Saves a digit, `[28, 28]`, as a PNG that is `zoom` times larger, and reads it back.
fn read_back(digit: &Tensor, zoom: u32, invert: bool) -> Tensor {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digit.png");
    let mut picture = GrayImage::from_raw(28, 28, Vec::try_from(digit.reshape([-1])).unwrap()).unwrap();
    picture = imageops::resize(&picture, 28 * zoom, 28 * zoom, imageops::FilterType::Nearest);
    if invert {
        imageops::invert(&mut picture);
    }
    picture.save(&path).unwrap();
    Picture::of_digits(&path, [28, 28]).unwrap().inputs
}

fn picture(path: &Path, size: [usize; 2]) -> Result<Tensor> {
    Ok(Picture::of_digits(path, size)?.inputs)
}

fn picture_of(path: &Path) -> Tensor {
    picture(path, [28, 28]).unwrap().reshape([28, 28])
}

#[test]
fn a_digit_comes_back_from_any_size_and_ground() {
    let Some(folder) = std::env::var_os("MNIST_DIR") else {
        // The test runner hides what a passing test prints, but not what goes straight to standard error.
        let _ = writeln!(std::io::stderr(), "skipped: MNIST_DIR is not set");
        return;
    };
    let mnist = Dataset::from_dir(folder).unwrap();
    for (zoom, invert) in [(1, false), (1, true), (9, true)] {
        let (mut difference, mut whole) = (0.0, 0.0);
        for index in 0..100 {
            let digit = mnist.test.images.get(index);
            let found = read_back(&digit, zoom, invert);
            // A digit in pieces may be taken for two.
            if found.size()[0] == 1 {
                whole += 1.0;
                let found = found.reshape([28, 28]);
                difference += (found - digit / 255.0).abs().mean(Kind::Float).double_value(&[]);
            }
        }
        difference /= whole;
        assert!(whole >= 98.0, "zoom {zoom}, inverted {invert}: {whole} digits are whole");
        assert!(difference < 0.04, "zoom {zoom}, inverted {invert}: {difference}");
    }
}

#[test]
fn ink_is_scaled_into_the_box_and_centred() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stroke.png");
    // A stroke of 10 × 100 pixels far from the middle of a large picture.
    let stroke = |x, y| (300..310).contains(&x) && (20..120).contains(&y);
    GrayImage::from_fn(400, 300, |x, y| Luma([if stroke(x, y) { 10 } else { 240 }])).save(&path).unwrap();
    let found = picture_of(&path);
    let rows = found.amax(1, false).gt(0.5).sum(Kind::Int64).int64_value(&[]);
    let columns = found.amax(0, false).gt(0.5).sum(Kind::Int64).int64_value(&[]);
    assert_eq!((rows, columns), (20, 2));
    assert!(found.double_value(&[14, 14]) > 0.89 && found.double_value(&[14, 5]) < 0.01);
}

#[test]
fn other_sizes_keep_the_proportions_of_mnist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stroke.png");
    let stroke = |x, y| (195..205).contains(&x) && (100..200).contains(&y);
    GrayImage::from_fn(400, 300, |x, y| Luma([if stroke(x, y) { 10 } else { 240 }])).save(&path).unwrap();
    for (size, expected) in [([14, 14], [10, 1]), ([56, 56], [40, 4]), ([56, 14], [40, 4]), ([14, 56], [10, 1])] {
        let found = picture(&path, size).unwrap();
        assert_eq!(found.size(), [1, (size[0] * size[1]) as i64]);
        let found = found.reshape(size.map(|side| side as i64));
        let inked = [1, 0].map(|across| found.amax(across, false).gt(0.5).sum(Kind::Int64).int64_value(&[]));
        assert_eq!(inked, expected, "{size:?}");
    }
    // A pixel is the least that a digit can be.
    assert_eq!(picture(&path, [1, 1]).unwrap().size(), [1, 1]);
    let error = picture(&path, [28, 0]).unwrap_err().to_string();
    assert!(error.starts_with("the size of a picture is [28, 0]; expected"), "{error}");
}

#[test]
fn what_is_no_picture_of_a_digit_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digit.png");
    let error = || picture(&path, [28, 28]).unwrap_err().to_string();
    assert!(error().contains("digit.png: no such file"));
    std::fs::write(&path, b"no picture").unwrap();
    assert!(error().contains("digit.png: found ") && error().contains("expected a picture of digits: PNG, JPEG, WebP"));
    GrayImage::from_pixel(30, 30, Luma([200])).save(&path).unwrap();
    assert!(error().contains("found a picture without ink"));
}

#[test]
fn faint_ink_and_none_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.png");
    let error = |grey: &dyn Fn(u32, u32) -> u8| {
        GrayImage::from_fn(200, 200, |x, y| Luma([grey(x, y)])).save(&path).unwrap();
        picture(&path, [28, 28]).err().map(|error| error.to_string())
    };
    let ink = |x: u32, y: u32| (90..100).contains(&x) && (40..160).contains(&y);
    assert_eq!(error(&|x, y| if ink(x, y) { 204 } else { 232 }), None, "a pencil");
    assert!(error(&|x, y| if ink(x, y) { 223 } else { 232 }).unwrap().contains("found too little contrast"));
    // A photographed page: light from one side, and noise.
    let noise = |x: u32, y: u32| (x.wrapping_mul(7_919) ^ y.wrapping_mul(104_729)).wrapping_mul(2_654_435_761) >> 28;
    assert!(error(&|x, y| (180 + x / 8 + noise(x, y)) as u8).unwrap().contains("found a picture without ink"));
}

#[test]
fn most_strokes_of_mnist_stay_as_they_are() {
    let Some(folder) = std::env::var_os("MNIST_DIR") else {
        let _ = writeln!(std::io::stderr(), "skipped: MNIST_DIR is not set");
        return;
    };
    let images = Dataset::from_dir(folder).unwrap().train.images;
    let usual = (0..1_000).filter(|&index| {
        let values = Vec::<u8>::try_from(images.get(index).reshape([-1])).unwrap();
        let digit = LumaImage::from_fn(28, 28, |x, y| Luma([f32::from(values[(y * 28 + x) as usize]) / 255.0]));
        stroke::is_usual(&stroke::cut(&digit))
    });
    let usual = usual.count();
    assert!((960..995).contains(&usual), "{usual} of 1000");
}

#[test]
fn pictures_of_any_size_and_content_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any.png");
    let noise = |x: u32, y: u32| (x.wrapping_mul(7_919) ^ y.wrapping_mul(104_729)).wrapping_mul(2_654_435_761) >> 24;
    let contents: [&dyn Fn(u32, u32) -> u32; 6] = [
        &noise,
        &|x, y| 255 * ((x + y) % 2),
        &|x, _| 255 * (x % 7 / 6),
        &|x, y| if (x, y) == (0, 0) { 0 } else { 255 },
        &|x, y| (x * x + y * y) % 256,
        &|x, y| if x > y { 40 } else { 90 + noise(x, y) / 16 },
    ];
    for (width, height) in [(1, 1), (1, 60), (60, 1), (2, 3), (5, 5), (49, 50), (50, 50), (51, 90), (200, 55)] {
        for content in contents {
            GrayImage::from_fn(width, height, |x, y| Luma([content(x, y) as u8])).save(&path).unwrap();
            for read in [Picture::of_digits, Picture::of_one] {
                if let Ok(picture) = read(&path, [28, 28]) {
                    let inputs = &picture.inputs;
                    assert!(inputs.size()[1] == 784 && inputs.isfinite().all().int64_value(&[]) == 1);
                    assert!(inputs.min().double_value(&[]) >= 0.0 && inputs.max().double_value(&[]) <= 1.0);
                }
            }
        }
    }
}

#[test]
fn pieces_that_are_joined_have_one_box_and_the_marks_stay_where_they_are() {
    let ink = [[50..60, 60..140], [69..79, 60..140], [100..112, 128..140], [130..140, 60..140]];
    let is_inked = |x, y| ink.iter().any(|[across, down]| across.contains(&x) && down.contains(&y));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("11.1.png");
    GrayImage::from_fn(190, 190, |x, y| Luma([if is_inked(x, y) { 20 } else { 250 }])).save(&path).unwrap();
    let picture = Picture::of_digits(&path, [28, 28]).unwrap();
    assert_eq!(picture.layout.boxes, [[50, 60, 60, 140], [69, 60, 79, 140], [130, 60, 140, 140]]);
    assert_eq!(picture.layout.marks, [(2, '.')]);
    assert_eq!((picture.alternatives.len(), picture.alternatives[0].digits.clone()), (1, 0..2));
    let joined = picture.with(&[0]).unwrap();
    assert_eq!(joined.layout.boxes, [[50, 60, 79, 140], [130, 60, 140, 140]]);
    assert_eq!((joined.layout.marks, joined.inputs.size()), (vec![(1, '.')], vec![2, 784]));
    // As an answer to another picture may have it.
    assert_eq!(picture.with(&[9]).unwrap().layout, picture.layout);
}
