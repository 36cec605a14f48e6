//! Pictures of digits as people bring them, through `predict` with the repository's network for handwriting.

mod drawing;
mod layouts;
#[path = "../program/mod.rs"]
mod program;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
};

use drawing::{Ink, Pictures, drawn, on_paper};
use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat, Luma, LumaA};
use own_digit::Classifier;
use program::{program, run, text};
use serde_json::Value;

const BOX: [f32; 4] = [60.0, 36.0, 180.0, 228.0];

#[test]
fn pens_of_any_width_are_read() {
    for digit in ['4', '7'] {
        let pictures = Pictures::new();
        for pen in [1, 2, 3, 5, 8, 16, 32, 64] {
            let ink = drawn(digit, [120.0, 72.0, 360.0, 456.0], pen as f32);
            pictures.save(&format!("{pen:02}.png"), on_paper(600, 600, &ink));
            pictures.save(&format!("{pen:02} light.png"), on_paper(600, 600, &|x, y| 1.0 - ink(x, y)));
        }
        pictures.are_all(&digit.to_string());
    }
}

#[test]
fn light_that_falls_on_paper_is_no_ink() {
    let pictures = Pictures::new();
    let from_middle = |x: u32, y: u32| (x as f32 - 150.0).hypot(y as f32 - 150.0);
    let lights: [(&str, Ink); 5] = [
        ("falls off.jpg", &|x, _| 250.0 - 0.5 * x as f32),
        ("shadow.jpg", &|x, y| if x + y > 390 { 110.0 } else { 230.0 }),
        ("mostly shadow.jpg", &|x, y| if x > y + 90 { 240.0 } else { 140.0 }),
        ("flash.jpg", &|x, y| 255.0 - 0.8 * from_middle(x, y)),
        ("vignette.jpg", &|x, y| 240.0 - 150.0 * (from_middle(x, y) / 212.0).powi(2)),
    ];
    for pen in [5.0, 14.0, 22.0] {
        let ink = drawn('7', BOX, pen);
        for (name, light) in lights {
            let lit = |x, y| Luma([(light(x, y) * (1.0 - 0.7 * ink(x, y))) as u8]);
            pictures.save(&format!("{pen} {name}"), GrayImage::from_fn(300, 300, lit));
            // Chalk on a blackboard.
            let lit = |x, y| Luma([(light(x, y) * (0.15 + 0.7 * ink(x, y))) as u8]);
            pictures.save(&format!("{pen} chalk, {name}"), GrayImage::from_fn(300, 300, lit));
        }
    }
    pictures.are_all("7");
}

#[test]
fn ink_on_a_transparent_ground_is_read_whatever_its_color() {
    let pictures = Pictures::new();
    let ink = drawn('4', BOX, 18.0);
    for grey in [0, 225, 255] {
        let pixel = |x, y| LumaA([grey, (255.0 * ink(x, y)) as u8]);
        pictures.save(&format!("{grey}.png"), GrayAlphaImage::from_fn(300, 300, pixel));
    }
    pictures.are_all("4");
}

#[test]
fn a_phones_picture_is_turned_upright() {
    let pictures = Pictures::new();
    let upright = DynamicImage::from(on_paper(300, 300, &drawn('7', BOX, 16.0)));
    let stored = [(1, upright.clone()), (3, upright.rotate180()), (6, upright.rotate270()), (8, upright.rotate90())];
    for (orientation, picture) in stored {
        let path = pictures.save(&format!("{orientation}.jpg"), picture);
        let jpeg = fs::read(&path).unwrap();
        // An APP1 segment behind the first marker: a TIFF header and one entry, the orientation.
        let mut exif = b"\xff\xd8\xff\xe1\0\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
        exif.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
        fs::write(path, [&exif, &jpeg[2..]].concat()).unwrap();
    }
    pictures.are_all("7");
}

#[test]
fn digits_in_a_row_are_a_number() {
    let pictures = Pictures::new();
    let digits: Vec<_> = "4714"
        .chars()
        .zip(0..)
        .map(|(digit, place)| drawn(digit, [10.0 + 90.0 * place as f32, 30.0, 80.0, 110.0], 8.0))
        .collect();
    let ink = |x, y| digits.iter().map(|digit| digit(x, y)).fold(0.0, f32::max);
    pictures.save("number.png", on_paper(400, 160, &ink));
    pictures.are_all("4714");
}

#[test]
fn a_letter_is_told_to_be_perhaps_no_digit() {
    let pictures = Pictures::new();
    for letter in ['A', 'K', '4'] {
        pictures.save(&format!("{letter}.png"), on_paper(300, 300, &drawn(letter, BOX, 16.0)));
    }
    let shown = text(&run(pictures.0.path(), &["predict", "."]).stdout);
    let heads: Vec<_> = shown.lines().filter(|line| line.contains(".png: ")).collect();
    assert!(heads[0].ends_with(".png: 4"), "{shown}");
    assert!(heads.len() == 3 && heads[1..].iter().all(|head| head.ends_with(" (this may not be a digit)")), "{shown}");
}

#[test]
fn what_is_on_paper_beside_the_digit_is_left_out() {
    let pictures = Pictures::new();
    let ink = drawn('4', [85.0, 60.0, 130.0, 180.0], 14.0);
    let side = |x: u32, y: u32| x.min(y).min(299 - x).min(299 - y);
    type Is<'a> = &'a dyn Fn(u32, u32) -> bool;
    let marks: [(&str, Is, f32); 7] = [
        ("faint squares", &|x, y| x % 25 < 2 || y % 25 < 2, 0.2),
        ("strong squares", &|x, y| x % 25 < 2 || y % 25 < 2, 0.5),
        ("frame", &|x, y| side(x, y) < 4, 1.0),
        ("form field", &|x, y| (24..28).contains(&side(x, y)), 1.0),
        ("scanner", &|x, y| x > 282 || y < 12, 1.0),
        ("dust", &|x, y| (8..12).contains(&x) && (285..289).contains(&y), 0.9),
        ("underlined", &|x, y| (60..240).contains(&x) && (262..268).contains(&y), 1.0),
    ];
    for (name, is_marked, strength) in marks {
        let mark = |x, y| if is_marked(x, y) { strength } else { 0.0 };
        pictures.save(&format!("{name}.png"), on_paper(300, 300, &|x, y| ink(x, y).max(mark(x, y))));
    }
    pictures.are_all("4");
}

#[test]
fn tiny_cut_and_slim_pictures_are_read() {
    let pictures = Pictures::new();
    pictures.save("tiny.png", on_paper(12, 12, &drawn('7', [1.0, 0.0, 10.0, 12.0], 1.2)));
    let ink = drawn('7', [4.0, 3.0, 20.0, 22.0], 2.0);
    pictures.save("like MNIST.png", GrayImage::from_fn(28, 28, |x, y| Luma([(255.0 * ink(x, y)) as u8])));
    pictures.save("to the edges.png", on_paper(200, 200, &drawn('7', [-30.0, -15.0, 260.0, 222.0], 24.0)));
    pictures.save("small on a large page.png", on_paper(1_300, 1_000, &drawn('7', [900.0, 620.0, 36.0, 48.0], 4.0)));
    pictures.save("in a corner.png", on_paper(900, 120, &drawn('7', [820.0, 20.0, 60.0, 80.0], 6.0)));
    pictures.are_all("7");
    let pictures = Pictures::new();
    pictures.save("slim.png", on_paper(40, 800, &drawn('1', [-5.0, 10.0, 50.0, 780.0], 6.0)));
    pictures.save("a bar.png", on_paper(40, 268, &|x, y| f32::from(y > 1 && y < 266 && x > 0)));
    pictures.are_all("1");
}

#[test]
fn formats_are_told_by_their_contents_and_what_is_none_in_words() {
    let pictures = Pictures::new();
    let seven = DynamicImage::from(on_paper(200, 200, &drawn('7', [40.0, 24.0, 120.0, 152.0], 14.0)));
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/formats")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), pictures.0.path().join(file.file_name())).unwrap();
    }
    let png = fs::read(pictures.save("7.png", seven.to_rgb8())).unwrap();
    pictures.save("16 bits.png", seven.to_luma16());
    seven.save_with_format(pictures.0.path().join("PNG called.jpg"), ImageFormat::Png).unwrap();
    pictures.are_all("7");

    for (bytes, expected) in [
        (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], "a HEIC or AVIF picture (save it as JPEG)"),
        (b"%PDF-1.4\n", "a PDF document (save its page as a picture)"),
        (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "an SVG drawing (export it as PNG)"),
        (include_bytes!("damaged.webp"), "a damaged WebP picture"),
        (&png[..png.len() / 2], "a damaged Png picture (unexpected end of file; save it again)"),
        (b"", "an empty file"),
    ] {
        let path = pictures.0.path().join("other.png");
        fs::write(&path, bytes).unwrap();
        let output = run(pictures.0.path(), &["predict", "other.png"]);
        let shown = text(&output.stderr);
        assert!(shown.contains(&format!("other.png: found {expected}")), "{shown}");
        // Behind the line that names the network.
        assert_eq!((shown.lines().count(), output.status.code()), (2, Some(1)));
    }
}

#[test]
fn every_good_picture_is_answered_and_every_bad_one_told() {
    let pictures = Pictures::new();
    for (name, digit) in [("a.png", '4'), ("c.png", '7')] {
        pictures.save(name, on_paper(300, 300, &drawn(digit, BOX, 16.0)));
    }
    let folder = pictures.0.path();
    fs::write(folder.join("b.png"), "no picture").unwrap();
    fs::write(folder.join("notes.txt"), "not among the pictures of the folder").unwrap();
    for arguments in [&["predict", "."][..], &["predict", "a.png", "b.png", "c.png"]] {
        let output = run(folder, arguments);
        let (answers, errors) = (text(&output.stdout), text(&output.stderr));
        let heads: Vec<_> = answers.lines().filter(|line| line.contains(".png: ")).collect();
        assert!(heads.len() == 2 && heads[0].ends_with("a.png: 4") && heads[1].ends_with("c.png: 7"), "{answers}");
        let expected = ["Network: models/handwriting", "error: "];
        assert!(errors.lines().zip(expected).all(|(line, begin)| line.starts_with(begin)), "{errors}");
        assert!(errors.contains("b.png: found text"), "{errors}");
        assert_eq!((errors.lines().count(), output.status.code()), (2, Some(1)));
    }
    fs::create_dir(folder.join("empty")).unwrap();
    assert!(text(&run(folder, &["predict", "empty"]).stderr).contains("expected pictures: png, jpg"));
    let output = run(folder, &["predict", "--json", "a.png", "b.png", "--save-steps", "seen.png"]);
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["answer"], &lines[0]["file"], &lines[0]["doubtful"]),
        (&"4".into(), &"a.png".into(), &false.into())
    );
    assert_eq!(
        (&lines[0]["network"], &lines[1]["network"]),
        (&"models/handwriting".into(), &"models/handwriting".into())
    );
    let probabilities = lines[0]["digits"][0]["probabilities"].as_object().unwrap();
    let none = lines[0]["digits"][0]["none"].as_f64().unwrap();
    let sum: f64 = none + probabilities.values().filter_map(Value::as_f64).sum::<f64>();
    assert!(probabilities.len() == 10 && (sum - 1.0).abs() < 1e-9 && probabilities["4"].as_f64() > Some(0.9));
    assert!(lines[1]["error"].as_str().unwrap().contains("b.png"));
    // In grey, ink, strokes, and the network's 28 x 28: four pictures in a row.
    let seen = image::open(folder.join("seen.png")).unwrap();
    assert_eq!((seen.height(), seen.width() > 4 * 200), (300, true));
}

#[test]
fn the_network_is_that_of_mnist_run_or_the_one_for_handwriting() {
    let pictures = Pictures::new();
    pictures.save("7.png", on_paper(300, 300, &drawn('7', BOX, 16.0)));
    let folder = pictures.0.path();
    assert!(text(&run(folder, &["predict", "7.png"]).stdout).starts_with("7.png: 7\n"));
    let output = program(folder).env("MNIST_RUN", "nowhere").args(["predict", "7.png"]).output().unwrap();
    assert!(text(&output.stderr).contains("nowhere"), "{}", text(&output.stderr));
}

#[test]
fn a_run_that_is_not_on_digits_answers_only_when_it_is_asked() {
    let pictures = Pictures::new();
    pictures.save("7.png", on_paper(300, 300, &drawn('7', BOX, 16.0)));
    let folder = pictures.0.path();
    // What macOS keeps beside a file is no picture.
    fs::write(folder.join("._7.png"), "no picture").unwrap();
    let run_folder = folder.join("runs/1");
    fs::create_dir_all(&run_folder).unwrap();
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/page/weights.safetensors");
    fs::copy(weights, run_folder.join("weights.safetensors")).unwrap();
    let digits: Vec<_> = (0..10).map(|digit| digit.to_string()).collect();
    let letters: Vec<_> = ('a'..='j').map(String::from).collect();
    for (classes, expected) in [(&letters, "models/handwriting"), (&digits, "runs/1")] {
        let record = serde_json::json!({ "settings": { "data": { "classes": classes } } });
        fs::write(run_folder.join("run.json"), record.to_string()).unwrap();
        let output = run(folder, &["predict", "."]);
        assert_eq!(text(&output.stderr).trim(), format!("Network: {expected}"));
        assert_eq!(text(&output.stdout).lines().filter(|line| line.contains(".png: 7")).count(), 1);
    }
    fs::write(
        run_folder.join("run.json"),
        serde_json::json!({ "settings": { "data": { "classes": letters } } }).to_string(),
    )
    .unwrap();
    assert!(text(&run(folder, &["predict", "--run", "runs/1", "7.png"]).stdout).starts_with("7.png: h"));
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let pictures = Pictures::new();
    pictures.save("7.png", on_paper(60, 60, &drawn('7', [10.0, 5.0, 40.0, 50.0], 4.0)));
    let mut child = program(pictures.0.path())
        .args(["predict"].iter().chain(&["7.png"; 40]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let shown = text(&output.stderr);
    assert_eq!((shown.as_str(), output.status.success()), ("Network: models/handwriting\n", true));
}

/// Digits drawn anew with other pens, on other grounds and in other light; `labels.csv` says which they are.
#[test]
fn canvases_are_read() {
    let Some(folder) = std::env::var_os("CANVASES_DIR").map(PathBuf::from) else {
        let _ = writeln!(std::io::stderr(), "skipped: CANVASES_DIR is not set");
        return;
    };
    let labels = fs::read_to_string(folder.join("labels.csv")).unwrap();
    let classifier = Classifier::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/handwriting")).unwrap();
    // Of each picture its kind, its pen, whether it is read right, and the probability.
    let read: Vec<(&str, f64, bool, f64)> = (labels.lines().skip(1))
        .map(|line| {
            let fields: Vec<_> = line.split(',').collect();
            let answer =
                classifier.open(&folder.join(fields[0])).and_then(|picture| classifier.classify(&picture)).ok();
            let is_right = answer.as_ref().is_some_and(|answer| answer.text() == fields[1]);
            (fields[2], fields[3].parse().unwrap(), is_right, answer.map_or(0.0, |answer| answer.probability()))
        })
        .collect();
    type Is = fn(&str, f64, f64) -> bool;
    let parts: [(&str, usize, Is); 8] = [
        ("all", 95, |_, _, _| true),
        ("drawn on a canvas", 95, |kind, _, _| kind == "canvas"),
        ("scanned", 95, |kind, _, _| kind == "scan"),
        ("photographed", 90, |kind, _, _| kind == "photo"),
        ("with MNIST's pen", 95, |_, pen, _| pen == 0.0),
        ("with a thin pen", 90, |_, pen, _| pen > 0.0 && pen < 0.3),
        ("with a wider pen", 95, |_, pen, _| pen >= 0.3),
        ("answered with over 95 %", 97, |_, _, probability| probability > 0.95),
    ];
    for (name, least, is_in) in parts {
        let of = read.iter().filter(|(kind, pen, _, probability)| is_in(kind, *pen, *probability));
        let (count, right) = of.fold((0, 0), |(count, right), read| (count + 1, right + usize::from(read.2)));
        assert!(count > 0 && right * 100 >= count * least, "{name}: {right} of {count}");
    }
}
