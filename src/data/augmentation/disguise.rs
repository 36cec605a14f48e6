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
    let shift = [random.gen_range(0..count), far(size[2], random), far(size[3], random)];
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
