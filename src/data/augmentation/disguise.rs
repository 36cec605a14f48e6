//! Changes beyond those of handwriting: pieces of other pictures, and ink and paper of any grey.

use rand::Rng;
use tch::{Kind, Tensor};

use crate::{
    Result,
    random::{Random, uniform},
};

/// The sides of a piece, as shares of the picture's.
const SIDES: [f64; 2] = [0.1, 0.5];
/// The finest grid of greys has this many columns and rows less one.
const FINEST: i64 = 8;

/// Lays a piece of another picture of the batch over this share of the pictures, `[count, 1, height, width]`: the ink of
/// both stays. The piece is a rectangle, and what it shows lies elsewhere in the other picture.
pub(super) fn pieces(pictures: &Tensor, share: f64, random: &mut Random) -> Result<Tensor> {
    let size = pictures.size();
    let (count, device) = (size[0], pictures.device());
    let far = |side: i64, random: &mut Random| random.gen_range(-side / 3..=side / 3);
    // By at least one, so that a picture does not meet itself.
    let shift = [random.gen_range(1..count.max(2)), far(size[2], random), far(size[3], random)];
    let others = pictures.f_roll(shift, [0, 2, 3])?;
    let mut within = |axis: usize| -> Result<Tensor> {
        let mut shape = [1; 4];
        shape[axis] = size[axis];
        let places = (Tensor::f_arange(size[axis], (Kind::Float, device))?.f_reshape(shape)? + 0.5) / size[axis] as f64;
        let middle = uniform(&[count, 1, 1, 1], [0.0, 1.0], device, random)?;
        let side = uniform(&[count, 1, 1, 1], SIDES, device, random)?;
        Ok((places - middle).f_abs()?.f_lt_tensor(&(side / 2.0))?)
    };
    let rectangles = within(2)?.f_logical_and(&within(3)?)?;
    let chosen = uniform(&[count, 1, 1, 1], [0.0, 1.0], device, random)?.f_lt(share)?;
    Ok(pictures.f_maximum(&(others * rectangles.f_logical_and(&chosen)?))?)
}

/// Gives this share of the batches ink and paper of any grey, `[count, 1, height, width]`: both vary smoothly across each
/// picture, as random greys on a grid of up to 7 × 7 points, and where paper is darker than ink the strokes are light.
///
/// It is whole batches, not single pictures, so that batch normalisation sees one kind at a time, as it does where its
/// statistics are taken anew.
pub(super) fn grey(pictures: &Tensor, share: f64, random: &mut Random) -> Result<Tensor> {
    if random.r#gen::<f64>() >= share {
        return Ok(pictures.shallow_clone());
    }
    let size = pictures.size();
    let points = random.gen_range(1..FINEST);
    let coarse = uniform(&[size[0], 2, points, points], [0.0, 1.0], pictures.device(), random)?;
    let greys = coarse.f_upsample_bicubic2d([size[2], size[3]], false, None, None)?.f_clamp(0.0, 1.0)?;
    let (paper, ink) = (greys.f_narrow(1, 0, 1)?, greys.f_narrow(1, 1, 1)?);
    Ok(&paper + pictures * (ink - &paper))
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::random::{Purpose, generator};

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
        for disguise in [pieces, grey] {
            assert!(disguise(&pictures, 0.0, &mut random(1)).unwrap().equal(&pictures));
            let [one, again, other] = [1, 1, 2].map(|seed| disguise(&pictures, 1.0, &mut random(seed)).unwrap());
            assert!(one.equal(&again) && !one.equal(&other) && !one.equal(&pictures));
            assert_eq!(one.size(), pictures.size());
        }
    }

    #[test]
    fn a_piece_is_a_rectangle_of_one_other_picture_and_takes_no_ink_away() {
        let pictures = plain();
        let changed = pieces(&pictures, 1.0, &mut random(1)).unwrap();
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
            let changed = pieces(&pictures, 0.4, &mut random(seed)).unwrap();
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
            let changed = grey(&stroke, 0.3, &mut random).unwrap();
            let (low, high) = (changed.min().double_value(&[]), changed.max().double_value(&[]));
            assert!((0.0..=1.0).contains(&low) && (0.0..=1.0).contains(&high), "{low} {high}");
            if !changed.equal(&stroke) {
                changed_batches += 1;
                let [ink, paper] = [12, 0]
                    .map(|column| changed.narrow(3, column, 4).mean_dim([1, 2, 3].as_slice(), false, Kind::Float));
                lights += ink.lt_tensor(&paper).sum(Kind::Int64).int64_value(&[]);
            }
        }
        assert!((40..80).contains(&changed_batches), "{changed_batches} of 200");
        // Light strokes on dark paper are as frequent as the reverse.
        let share = lights as f64 / f64::from(20 * changed_batches);
        assert!((0.4..0.6).contains(&share), "{share}");
    }
}
