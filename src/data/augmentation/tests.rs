//! Pictures that are moved, turned, bent, mixed and recolored by known amounts.

use super::*;

/// A picture of 28 × 28 pixels with a square of 4 × 4 in its middle.
fn square() -> Tensor {
    let picture = Tensor::zeros([28, 28], (Kind::Float, Device::Cpu));
    let _ = picture.narrow(0, 12, 4).narrow(1, 12, 4).fill_(1.0);
    picture.reshape([1, 784])
}

fn many() -> Tensor {
    square().expand([200, 784], false).contiguous()
}

fn changed(augmentation: Augmentation) -> Tensor {
    augmentation.apply(&many(), &[28, 28], &mut generator(1, Purpose::Noise(1))).unwrap()
}

/// Where the ink of each picture lies on average: columns and rows from the middle.
fn middles(pictures: &Tensor, [height, width]: [i64; 2]) -> [Tensor; 2] {
    let pictures = pictures.reshape([-1, height, width]);
    let ink = pictures.sum_dim_intlist([1, 2].as_slice(), false, Kind::Float);
    [(1, width), (2, height)].map(|(across, side): (i64, i64)| {
        let places = Tensor::arange(side, (Kind::Float, Device::Cpu)) - (side - 1) as f64 / 2.0;
        (pictures.sum_dim_intlist(across, false, Kind::Float) * places).sum_dim_intlist(1, false, Kind::Float) / &ink
    })
}

#[test]
fn nothing_asked_for_changes_nothing() {
    assert!(changed(Augmentation::default()).equal(&many()));
}

#[test]
fn settings_leave_out_changes_that_are_not_asked_for() {
    let written = |augmentation: Augmentation| serde_json::to_string(&augmentation).unwrap();
    // As in results from before there were such changes, whose fingerprints stay.
    let plain = r#"{"shift":0.0,"rotation":0.0,"scale":0.0,"shear":0.0,"elastic":0.0}"#;
    assert_eq!(written(Augmentation::default()), plain);
    let changed = Augmentation { pieces: 0.5, grey: 0.25, ..Augmentation::default() };
    assert_eq!(written(changed), plain.replace('}', r#","pieces":0.5,"grey":0.25}"#));
    for augmentation in [Augmentation::default(), changed] {
        let read: Augmentation = serde_json::from_str(&written(augmentation)).unwrap();
        assert_eq!(read, augmentation);
    }
}

#[test]
fn shifts_go_as_far_as_asked_in_both_directions() {
    let shifted = changed(Augmentation { shift: 3.0, ..Augmentation::default() });
    for middle in middles(&shifted, [28, 28]) {
        let (low, high) = (middle.min().double_value(&[]), middle.max().double_value(&[]));
        assert!((-3.001..-2.5).contains(&low) && (2.5..3.001).contains(&high), "{low} {high}");
    }
}

#[test]
fn turning_keeps_the_middle_and_the_ink_and_bending_moves_it() {
    let turned = changed(Augmentation { rotation: 45.0, ..Augmentation::default() });
    assert!(middles(&turned, [28, 28]).iter().all(|middle| middle.abs().max().double_value(&[]) < 0.01));
    let ink = turned.sum_dim_intlist(1, false, Kind::Float);
    assert!((ink - 16.0).abs().max().double_value(&[]) < 1.0);
    let [columns, _] = middles(&changed(Augmentation { elastic: 3.0, ..Augmentation::default() }), [28, 28]);
    assert!((0.7..1.5).contains(&columns.std(true).double_value(&[])), "{columns}");
}

#[test]
fn pictures_that_are_not_square_turn_and_shift_in_pixels() {
    // A dot four pixels to the right of the middle of 14 × 56 pixels.
    let picture = Tensor::zeros([14, 56], (Kind::Float, Device::Cpu));
    let _ = picture.narrow(0, 6, 2).narrow(1, 31, 2).fill_(1.0);
    let pictures = picture.reshape([1, 784]).expand([200, 784], false).contiguous();
    let changed = |augmentation: Augmentation| {
        augmentation.apply(&pictures, &[14, 56], &mut generator(1, Purpose::Noise(1))).unwrap()
    };
    let [right, down] = middles(&changed(Augmentation { rotation: 90.0, ..Augmentation::default() }), [14, 56]);
    let distance = (&right * &right + &down * &down).sqrt();
    assert!((distance - 4.0).abs().max().double_value(&[]) < 0.1);
    assert!(down.max().double_value(&[]) > 3.8);
    let [right, down] = middles(&changed(Augmentation { shift: 3.0, ..Augmentation::default() }), [14, 56]);
    for shift in [right - 4.0, down] {
        let (low, high) = (shift.min().double_value(&[]), shift.max().double_value(&[]));
        assert!((-3.001..-2.5).contains(&low) && (2.5..3.001).contains(&high), "{low} {high}");
    }
}

#[test]
fn only_pictures_can_be_augmented() {
    let numbers = Tensor::zeros([1, 6], (Kind::Float, Device::Cpu));
    let shifted = Augmentation { shift: 1.0, ..Augmentation::default() };
    let error =
        |shape: &[usize]| shifted.apply(&numbers, shape, &mut generator(1, Purpose::Noise(1))).unwrap_err().to_string();
    let expected = "expected [count, height × width] of the shape [height, width]";
    assert_eq!(error(&[6]), format!("pictures to augment: found [1, 6] of the shape [6], {expected}"));
    assert_eq!(error(&[3, 3]), format!("pictures to augment: found [1, 6] of the shape [3, 3], {expected}"));
}

fn random(seed: u64) -> Random {
    generator(seed, Purpose::Noise(1))
}

/// Pictures of 28 × 28 pixels, each with a number of its own on all pixels: from 0.01 to 1.
fn plain() -> Tensor {
    let numbers = Tensor::arange_start(1, 101, (Kind::Float, Device::Cpu)) / 100.0;
    numbers.reshape([100, 1, 1, 1]).expand([100, 1, 28, 28], false).contiguous()
}

#[test]
fn a_share_of_none_changes_nothing_and_the_seed_decides_the_rest() {
    let pictures = plain();
    for change in [cutmix, random_greys] {
        assert!(change(&pictures, 0.0, &mut random(1)).unwrap().equal(&pictures));
        let [one, again, other] = [1, 1, 2].map(|seed| change(&pictures, 1.0, &mut random(seed)).unwrap());
        assert!(one.equal(&again) && !one.equal(&other) && !one.equal(&pictures));
        assert_eq!(one.size(), pictures.size());
    }
}

#[test]
fn a_piece_is_a_rectangle_of_one_other_picture_and_takes_no_ink_away() {
    let pictures = plain();
    let changed = cutmix(&pictures, 1.0, &mut random(1)).unwrap();
    let mut with_piece = 0;
    for number in 0..100 {
        let [before, after] = [&pictures, &changed].map(|all| all.get(number).get(0));
        let own = before.double_value(&[0, 0]);
        let is_new = after.ne_tensor(&before);
        if is_new.any().int64_value(&[]) == 0 {
            continue;
        }
        with_piece += 1;
        let found = after.masked_select(&is_new);
        let (low, high) = (found.min().double_value(&[]), found.max().double_value(&[]));
        assert!(low == high && low > own, "{low} {high} on {own}");
        assert!(pictures.eq(low).any().int64_value(&[]) == 1, "{low} is no other picture's");
        // As many pixels as the rows and columns that it lies on span.
        let lines = [1, 0].map(|axis: i64| is_new.any_dim(axis, false).sum(Kind::Int64).int64_value(&[]));
        assert_eq!(is_new.sum(Kind::Int64).int64_value(&[]), lines[0] * lines[1]);
        assert!(lines.iter().all(|&side| side <= 14), "{lines:?}");
    }
    // A piece with less ink than the picture does not show.
    assert!((1..100).contains(&with_piece), "{with_piece}");
}

#[test]
fn pieces_lie_on_the_share_that_was_asked_for() {
    // Paper and full ink in turn.
    let ink = Tensor::arange(1_000, (Kind::Float, Device::Cpu)).remainder(2.0);
    let pictures = ink.reshape([1_000, 1, 1, 1]).expand([1_000, 1, 28, 28], false).contiguous();
    let mut shares = Vec::new();
    for seed in 0..20 {
        let changed = cutmix(&pictures, 0.4, &mut random(seed)).unwrap();
        let is_new = changed.ne_tensor(&pictures).any_dims([1, 2, 3].as_slice(), false);
        shares.push(is_new.sum(Kind::Int64).int64_value(&[]) as f64 / 500.0);
    }
    // In each batch papers get their pieces either all from papers or all from pictures of ink.
    let some: Vec<_> = shares.into_iter().filter(|&share| share > 0.0).collect();
    assert!(!some.is_empty() && some.iter().all(|share| (0.3..0.5).contains(share)), "{some:?}");
}

#[test]
fn greys_stay_between_paper_and_ink_and_lie_on_the_share_of_batches_that_was_asked_for() {
    let stroke = Tensor::zeros([20, 1, 28, 28], (Kind::Float, Device::Cpu));
    let _ = stroke.narrow(3, 12, 4).fill_(1.0);
    let (mut random, mut changed_batches, mut lights) = (random(1), 0, 0);
    for _ in 0..200 {
        let changed = random_greys(&stroke, 0.3, &mut random).unwrap();
        let (low, high) = (changed.min().double_value(&[]), changed.max().double_value(&[]));
        assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high), "{low} {high}");
        if !changed.equal(&stroke) {
            changed_batches += 1;
            let [ink, paper] =
                [12, 0].map(|column| changed.narrow(3, column, 4).mean_dim([1, 2, 3].as_slice(), false, Kind::Float));
            lights += ink.lt_tensor(&paper).sum(Kind::Int64).int64_value(&[]);
        }
    }
    assert!((40..80).contains(&changed_batches), "{changed_batches} of 200");
    // Light strokes on dark paper are as frequent as the reverse.
    let share = lights as f64 / f64::from(20 * changed_batches);
    assert!((0.4..0.6).contains(&share), "{share}");
}
