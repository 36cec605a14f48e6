//! What corruptions do to pictures, and what they refuse.

use super::*;
use mnist_classification::data::Classes;

/// Drawn strokes of this size: an oblique bar in the middle, of full ink.
fn digits(count: i64, [height, width]: [usize; 2]) -> Images {
    let picture = FloatImage::new([height, width], |row, column| {
        let (row, column) = (row as f64 / height as f64, column as f64 / width as f64);
        let is_ink = (row - column).abs() < 0.12 && (0.2..0.8).contains(&row);
        f64::from(u8::from(is_ink))
    });
    let one = Tensor::from_slice(&picture.to_bytes());
    let images = one.reshape([1, height as i64, width as i64]).repeat([count, 1, 1]);
    let labels = Tensor::zeros([count], (Kind::Int64, Device::Cpu));
    Images { name: "bars".into(), images, labels, classes: Classes::numbered(10) }
}

fn mean(images: &Tensor) -> f64 {
    images.to_kind(Kind::Float).mean(Kind::Float).double_value(&[])
}

#[test]
fn each_corruption_changes_every_picture_and_leaves_shape_type_and_labels() {
    for size in [[28, 28], [8, 8], [9, 40], [40, 13]] {
        let digits = digits(20, size);
        for corruption in Corruption::ALL {
            let corrupted = corruption.apply(&digits, 0).unwrap();
            assert_eq!(corrupted.images.size(), digits.images.size(), "{corruption}");
            assert_eq!(corrupted.images.kind(), Kind::Uint8, "{corruption}");
            assert!(corrupted.labels.equal(&digits.labels), "{corruption}");
            assert_eq!(corrupted.name, format!("bars, {corruption}"));
            let changed = corrupted.images.ne_tensor(&digits.images).any_dims([1, 2].as_slice(), false);
            assert!(changed.all().int64_value(&[]) == 1 || size != [28, 28], "{corruption} of {size:?}");
        }
    }
}

#[test]
fn the_seed_decides_and_pictures_differ_among_themselves() {
    let digits = digits(20, [28, 28]);
    let same_for_all = [Corruption::Scale, Corruption::Brightness, Corruption::Stripe, Corruption::CannyEdges];
    for corruption in Corruption::ALL {
        let [one, again, other] = [1, 1, 2].map(|seed| corruption.apply(&digits, seed).unwrap().images);
        assert!(one.equal(&again), "{corruption}");
        let is_random = !same_for_all.contains(&corruption);
        assert_eq!(one.equal(&other), !is_random, "{corruption}");
        let first = one.narrow(0, 0, 1).expand_as(&one);
        assert_eq!(one.equal(&first), !is_random, "{corruption}");
    }
}

#[test]
fn corruptions_do_what_their_names_say() {
    let digits = digits(200, [28, 28]);
    let corrupted = |corruption: Corruption| corruption.apply(&digits, 0).unwrap().images;
    let before = mean(&digits.images);
    // 127.5 on paper, without the fraction; full ink stays.
    let bright = corrupted(Corruption::Brightness);
    assert!(bright.equal(&digits.images.clamp_min(127)));
    let striped = corrupted(Corruption::Stripe);
    assert!(striped.narrow(2, 7, 14).equal(&digits.images.narrow(2, 7, 14)));
    assert!(striped.narrow(2, 0, 7).equal(&(255 - digits.images.narrow(2, 0, 7))));
    // Half of 17 % of the paper becomes ink, and half of 17 % of the ink becomes paper.
    let noisy = mean(&corrupted(Corruption::ImpulseNoise));
    let expected = before + 0.17 * (127.5 - before);
    assert!((noisy - expected).abs() < 1.0, "{noisy}, expected {expected}");
    // A Poisson number of mean 3, cut off at 3, has the mean 2.328.
    let shot = mean(&corrupted(Corruption::ShotNoise));
    assert!((shot / before - 2.328 / 3.0).abs() < 0.01, "{shot} of {before}");
    assert!((mean(&corrupted(Corruption::Scale)) / before - 0.49).abs() < 0.03);
    for kept in [Corruption::Shear, Corruption::Rotate, Corruption::Translate, Corruption::MotionBlur] {
        assert!((mean(&corrupted(kept)) / before - 1.0).abs() < 0.05, "{kept}");
    }
    // An edge is of full ink.
    let edges = corrupted(Corruption::CannyEdges).narrow(0, 0, 1);
    assert!(edges.eq(0).logical_or(&edges.eq(255)).all().int64_value(&[]) == 1);
}

#[test]
fn a_distortion_of_no_strength_changes_nothing_and_a_stronger_one_changes_more() {
    use Distortion::*;
    let digits = digits(50, [28, 28]);
    let change = |distortion: Distortion| {
        let images = distortion.apply(&digits, 0).unwrap().images;
        mean(&(images.to_kind(Kind::Float) - digits.images.to_kind(Kind::Float)).abs())
    };
    for [nothing, little, more] in [
        [Rotation(0.0), Rotation(5.0), Rotation(20.0)],
        [Shift(0.0), Shift(0.5), Shift(2.0)],
        [Scale(1.0), Scale(0.9), Scale(0.6)],
        [Noise(0.0), Noise(0.1), Noise(0.4)],
        [Blur(0.0), Blur(0.5), Blur(2.0)],
    ] {
        assert_eq!(change(nothing), 0.0, "{nothing:?}");
        assert!(0.5 < change(little) && change(little) < change(more), "{little:?} {more:?}");
    }
    assert_eq!(Rotation(5.0).apply(&digits, 0).unwrap().name, "bars, Rotation(5.0)");
}

#[test]
fn what_cannot_work_is_an_error() {
    let error = |digits: &Images| Corruption::Fog.apply(digits, 0).unwrap_err().to_string();
    for size in [[7, 28], [28, 257]] {
        let found = error(&digits(1, size));
        assert!(found.starts_with("pictures to corrupt: found the shape [1, "), "{found}");
        assert!(found.ends_with("expected [count, height, width] and Uint8, sides of 8..=256 pixels"), "{found}");
    }
    let floats = Images { images: digits(1, [28, 28]).images.to_kind(Kind::Float), ..digits(1, [28, 28]) };
    assert!(error(&floats).contains("the type Float"));
    let rows = Images { images: digits(1, [28, 28]).images.reshape([1, 784]), ..digits(1, [28, 28]) };
    assert!(error(&rows).contains("the shape [1, 784]"));
    for impossible in [
        Distortion::Rotation(f64::NAN),
        Distortion::Shift(f64::INFINITY),
        Distortion::Scale(0.0),
        Distortion::Noise(1.1),
        Distortion::Blur(-1.0),
    ] {
        let error = impossible.apply(&digits(1, [28, 28]), 0).unwrap_err().to_string();
        assert!(error.starts_with("a distortion is "), "{error}");
    }
    // Numbers that make no sense to a float's conversion end as paper.
    assert!(Distortion::Shift(1e300).apply(&digits(1, [28, 28]), 0).unwrap().images.max().int64_value(&[]) == 0);
}

#[test]
fn no_picture_is_too_plain() {
    let paper = Images { images: Tensor::zeros([3, 28, 28], (Kind::Uint8, Device::Cpu)), ..digits(3, [28, 28]) };
    let ink = Images { images: Tensor::full([3, 28, 28], 255, (Kind::Uint8, Device::Cpu)), ..digits(3, [28, 28]) };
    let none = Images {
        images: Tensor::zeros([0, 28, 28], (Kind::Uint8, Device::Cpu)),
        labels: Tensor::zeros([0], (Kind::Int64, Device::Cpu)),
        ..digits(3, [28, 28])
    };
    for corruption in Corruption::ALL {
        for digits in [&paper, &ink, &none] {
            assert_eq!(corruption.apply(digits, 0).unwrap().images.size(), digits.images.size(), "{corruption}");
        }
    }
}
