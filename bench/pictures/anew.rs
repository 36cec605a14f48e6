//! MNIST's digits drawn anew: with other pens, on other grounds, scanned, photographed, several in a row.

use std::{
    f32::consts::TAU,
    fmt::Write,
    fs::{self, File},
    path::Path,
};

use image::{GrayImage, ImageBuffer, Luma, codecs::jpeg::JpegEncoder, imageops};
use mnist_classification::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::shapes::{Shape, shape};

/// How much ink each pixel has, from 0 to 1; or light.
pub type LumaImage = ImageBuffer<Luma<f32>, Vec<f32>>;

/// What a picture of some kind shows, drawn with a pen of some width: its name, and the ink on its page.
pub type Drawing<'a> = &'a dyn Fn(&str, f32, &mut StdRng) -> Result<(String, LumaImage)>;

/// Draws this many pictures into a folder, with a `labels.csv`.
pub fn draw(drawing: Drawing, folder: &Path, count: usize, seed: u64) -> Result<()> {
    let io = |source| Error::Io { file: folder.into(), source };
    fs::create_dir_all(folder).map_err(io)?;
    let mut random = StdRng::seed_from_u64(seed);
    let mut labels = String::from("file,digit,kind,pen_in_mnist_pixels\n");
    for number in 0..count {
        let kind = ["canvas", "canvas", "canvas", "scan", "photo", "row"][random.gen_range(0..6)];
        let pen = match random.gen_range(0..10) {
            0..3 => 0.0,
            3..6 => random.gen_range(0.05..0.3),
            _ => random.gen_range(0.3_f32..3.2),
        };
        let (answer, ink) = drawing(kind, pen, &mut random)?;
        let (picture, is_jpeg) = (on_ground(&ink, kind, &mut random), kind == "photo" || random.gen_bool(0.4));
        let name = format!("{number:04}.{}", if is_jpeg { "jpg" } else { "png" });
        let path = folder.join(&name);
        let encoded = if is_jpeg {
            let file = File::create(&path).map_err(io)?;
            JpegEncoder::new_with_quality(file, random.gen_range(60..92)).encode_image(&picture)
        } else {
            picture.save(&path)
        };
        encoded.map_err(|error| Error::Figure(error.to_string()))?;
        writeln!(labels, "{name},{answer},{kind},{pen:.2}").map_err(|error| Error::Figure(error.to_string()))?;
    }
    fs::write(folder.join("labels.csv"), labels).map_err(io)
}

/// A digit of these, or a row of them.
pub fn of_digits(digits: &Images, kind: &str, pen: f32, random: &mut StdRng) -> Result<(String, LumaImage)> {
    if kind == "row" {
        return row(digits, pen, random);
    }
    let (label, ink) = digit(digits, random.gen_range(120.0..450.0), pen, random)?;
    Ok((label.to_string(), with_margins(&ink, random)))
}

/// One of these letters and shapes.
pub fn of_shapes(shapes: &[Shape], pen: f32, random: &mut StdRng) -> Result<(String, LumaImage)> {
    let (name, strokes) = shapes[random.gen_range(0..shapes.len())];
    let ink = shape(strokes, random.gen_range(120.0..450.0), pen, random);
    Ok((name.into(), with_margins(&ink, random)))
}

/// A digit on its side or in a mirror, where that makes another thing of it.
pub fn of_turned(digits: &Images, pen: f32, random: &mut StdRng) -> Result<(String, LumaImage)> {
    let (label, ink) = digit(digits, random.gen_range(120.0..450.0), pen, random)?;
    let ink = match (label, random.gen_range(0..4)) {
        (2..=5 | 7, 0) => imageops::rotate90(&ink),
        (2..=5 | 7, 1) => imageops::rotate270(&ink),
        (2..=7 | 9, _) => imageops::flip_horizontal(&ink),
        _ => return of_turned(digits, pen, random),
    };
    Ok((format!("turned {label}"), with_margins(&ink, random)))
}

/// A random digit, `size` pixels long, cut to its ink. The pen is as wide as so many of the digit's 20 pixels;
/// 0 stands for MNIST's own.
fn digit(digits: &Images, size: f32, pen: f32, random: &mut StdRng) -> Result<(i64, LumaImage)> {
    let index = random.gen_range(0..digits.len() as i64);
    let values = Vec::<u8>::try_from(digits.images.get(index).reshape([-1]))?;
    let scale = size / 20.0;
    let small = LumaImage::from_fn(28, 28, |x, y| Luma([f32::from(values[(28 * y + x) as usize]) / 255.0]));
    let side = (28.0 * scale) as u32;
    let large = imageops::resize(&small, side, side, imageops::FilterType::CatmullRom);
    let large = imageops::blur(&large, 0.35 * scale);
    let ink = if pen == 0.0 {
        LumaImage::from_fn(side, side, |x, y| {
            Luma([((large.get_pixel(x, y).0[0] - 0.5) * scale + 0.5).clamp(0.0, 1.0)])
        })
    } else {
        traced(&skeleton(&large), (pen * scale / 2.0).max(0.5))
    };
    Ok((digits.labels.int64_value(&[index]), cut(&ink)))
}

/// The middle line of what is over one half (T. Zhang, C. Suen, 1984).
fn skeleton(plane: &LumaImage) -> Vec<Vec<bool>> {
    let (width, height) = (plane.width() as usize, plane.height() as usize);
    let is_inked = |x: usize, y: usize| plane.get_pixel(x as u32, y as u32).0[0] > 0.5;
    let mut ink: Vec<Vec<bool>> = (0..height).map(|y| (0..width).map(|x| is_inked(x, y)).collect()).collect();
    loop {
        let before = ink.clone();
        for step in 0..2 {
            let now = ink.clone();
            for (y, x) in (1..height - 1).flat_map(|y| (1..width - 1).map(move |x| (y, x))) {
                // The neighbours clockwise from above.
                let around = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)];
                let around = around.map(|(down, right)| now[y.wrapping_add_signed(down)][x.wrapping_add_signed(right)]);
                let [above, _, right, _, below, _, left, _] = around;
                let count = around.iter().filter(|&&is_inked| is_inked).count();
                let rises = (0..8).filter(|&place| !around[place] && around[(place + 1) % 8]).count();
                let is_edge =
                    if step == 0 { !right || !below || !above && !left } else { !above || !left || !right && !below };
                ink[y][x] &= !((2..=6).contains(&count) && rises == 1 && is_edge);
            }
        }
        if ink == before {
            return ink;
        }
    }
}

/// A line drawn with a round pen.
pub fn traced(line: &[Vec<bool>], radius: f32) -> LumaImage {
    let reach = radius.ceil() as i64 + 1;
    let mut ink = LumaImage::new(line[0].len() as u32 + 2 * reach as u32, line.len() as u32 + 2 * reach as u32);
    for (y, row) in line.iter().enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, is_inked)| **is_inked) {
            for (down, right) in (-reach..=reach).flat_map(|down| (-reach..=reach).map(move |right| (down, right))) {
                let (x, y) = ((x as i64 + reach + right) as u32, (y as i64 + reach + down) as u32);
                let cover = (radius + 0.5 - (down as f32).hypot(right as f32)).clamp(0.0, 1.0);
                let pixel = ink.get_pixel_mut(x, y);
                pixel.0[0] = pixel.0[0].max(cover);
            }
        }
    }
    ink
}

pub fn cut(ink: &LumaImage) -> LumaImage {
    let inked = || ink.enumerate_pixels().filter(|(.., value)| value.0[0] > 0.1);
    let (left, top) = inked().fold((u32::MAX, u32::MAX), |(left, top), (x, y, _)| (left.min(x), top.min(y)));
    let (right, bottom) = inked().fold((0, 0), |(right, bottom), (x, y, _)| (right.max(x), bottom.max(y)));
    imageops::crop_imm(ink, left, top, right + 1 - left, bottom + 1 - top).to_image()
}

fn with_margins(ink: &LumaImage, random: &mut StdRng) -> LumaImage {
    let size = ink.width().max(ink.height());
    let [left, top, right, bottom] =
        [(); 4].map(|()| 4 + (random.gen_range(0.0..1.0_f32).powi(2) * size as f32) as u32);
    let mut page = LumaImage::new(ink.width() + left + right, ink.height() + top + bottom);
    imageops::replace(&mut page, ink, left.into(), top.into());
    page
}

/// Two to eight digits that do not touch.
fn row(digits: &Images, pen: f32, random: &mut StdRng) -> Result<(String, LumaImage)> {
    let size = random.gen_range(70.0..180.0);
    let drawn = (0..random.gen_range(2..9)).map(|_| digit(digits, size * random.gen_range(0.85..1.1), pen, random));
    let drawn = drawn.collect::<Result<Vec<_>>>()?;
    let space = |random: &mut StdRng| (size * random.gen_range(0.12..0.4)) as u32;
    let height = drawn.iter().map(|(_, ink)| ink.height()).max().unwrap_or(1) + (size * 0.8) as u32;
    let width = drawn.iter().map(|(_, ink)| ink.width()).sum::<u32>() + 10 * (size * 0.4) as u32;
    let (mut page, mut left) = (LumaImage::new(width, height), space(random));
    for (_, ink) in &drawn {
        let top = (height - ink.height()) / 2 + random.gen_range(0..(size * 0.1) as u32);
        imageops::replace(&mut page, ink, left.into(), top.into());
        left += ink.width() + space(random);
    }
    Ok((drawn.iter().map(|(label, _)| label.to_string()).collect(), page))
}

/// Ink on a canvas, a scanned page, or a page that was photographed with light from one side and perhaps a shadow.
fn on_ground(ink: &LumaImage, kind: &str, random: &mut StdRng) -> GrayImage {
    let is_dark = kind == "canvas" && random.gen_bool(0.3);
    let (paper, pen) = match kind {
        _ if is_dark => (random.gen_range(0.0..0.18), random.gen_range(0.75..1.0)),
        "photo" => (1.0, random.gen_range(0.05..0.4)),
        _ => (random.gen_range(0.72..1.0), random.gen_range(0.0..0.42)),
    };
    let (blur, noise) = match kind {
        "photo" => (random.gen_range(0.4..1.0), random.gen_range(0.005..0.035)),
        "scan" => (0.6, 0.012),
        _ => (0.0, 0.0),
    };
    let ink = if blur > 0.0 { imageops::blur(ink, blur) } else { ink.clone() };
    let light = light(kind == "photo", random);
    let [width, height] = [ink.width(), ink.height()];
    GrayImage::from_fn(width, height, |x, y| {
        let grey = paper + (pen - paper) * ink.get_pixel(x, y).0[0];
        let lit = grey * light(x as f32 / width as f32 - 0.5, y as f32 / height as f32 - 0.5);
        // Close enough to the normal distribution.
        let noise = noise * (0..4).map(|_| random.gen_range(-0.87..0.87_f32)).sum::<f32>();
        Luma([(255.0 * (lit + noise)).round().clamp(0.0, 255.0) as u8])
    })
}

fn light(is_photo: bool, random: &mut StdRng) -> Box<dyn Fn(f32, f32) -> f32> {
    if !is_photo {
        return Box::new(|_, _| 1.0);
    }
    let [(from_x, from_y), (shade_x, shade_y)] = [(); 2].map(|()| random.gen_range(0.0..TAU).sin_cos());
    let (brightness, fall) = (random.gen_range(0.55..1.0_f32), random.gen_range(0.0..0.45));
    let (edge, softness) = (random.gen_range(-0.4..0.4), random.gen_range(0.002..0.02));
    let shadow = if random.gen_bool(0.5) { random.gen_range(0.15..0.4) } else { 0.0 };
    Box::new(move |x, y| {
        let in_shadow = ((x * shade_x + y * shade_y - edge) / softness).clamp(0.0, 1.0);
        brightness * (1.0 - fall * (x * from_x + y * from_y + 0.5)) * (1.0 - shadow * in_shadow)
    })
}
