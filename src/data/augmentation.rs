//! Augmentation: training pictures shifted, rotated and bent a little, anew at each step, as other hands would write
//! them.

use rand::Rng;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::{Images, Samples};
use crate::{
    Error, Result,
    random::{Purpose, Random, generator, uniform},
};

/// How far training pictures are changed: each by its own amount, drawn evenly from minus to plus these numbers; and
/// how many are mixed or recolored. The default changes nothing.
///
/// ```
/// use mnist_classification::data::Augmentation;
/// let shifted = Augmentation { shift: 2.0, ..Augmentation::default() };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Shift to the side and up or down, in pixels.
    pub shift: f64,
    /// Rotation, in degrees.
    pub rotation: f64,
    /// Width and height, each as a fraction of its size.
    pub scale: f64,
    /// Slant, in degrees.
    pub shear: f64,
    /// Elastic bending, in pixels: each point of a coarse grid is displaced, and what lies between bends with it
    /// (P. Simard, D. Steinkraus, J. Platt, 2003, who blur a fine grid instead).
    pub elastic: f64,
    /// The fraction of pictures, from 0 to 1, over which a piece of another one is laid: a rectangle, up to half as
    /// wide and high. The ink of both stays (after CutMix, S. Yun and others, 2019, without a part of the other's
    /// label).
    #[serde(skip_serializing_if = "is_zero")]
    pub pieces: f64,
    /// The fraction of batches, from 0 to 1, whose ink and paper have any grey, which varies smoothly across each
    /// picture: for a network whose normalisation takes its statistics anew,
    /// [`Network::with_statistics_of`](crate::model::Network::with_statistics_of).
    #[serde(skip_serializing_if = "is_zero")]
    pub grey: f64,
}

/// Leaves out of settings what is not asked for: they then read as they did before it was known.
#[allow(clippy::trivially_copy_pass_by_ref)] // Serde hands a reference.
fn is_zero(fraction: &f64) -> bool {
    *fraction == 0.0
}

/// Columns and rows of the coarse grid on a square picture: what lies closer together than four pixels of MNIST moves
/// as one.
const GRID: f64 = 7.0;

/// The sides of a piece of another picture, as fractions of the picture's.
const PIECE_SIDES: [f64; 2] = [0.1, 0.5];

impl Augmentation {
    /// Checks that the numbers can work.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for a number that cannot.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { shift, rotation, scale, shear, elastic, pieces, grey } = *self;
        let all = [shift, rotation, scale, shear, elastic, pieces, grey];
        let are_fractions = scale < 1.0 && pieces <= 1.0 && grey <= 1.0;
        if all.iter().all(|number| *number >= 0.0 && number.is_finite()) && are_fractions && shear < 90.0 {
            return Ok(());
        }
        let expected = "numbers from 0, a scale below 1, a shear below 90, and shares up to 1";
        Err(Error::invalid_setting("augmentation", format!("{self:?}"), expected))
    }

    /// Changes each of these pictures, `[count, height × width]`, pixels from 0 to 1; `shape` is their height and
    /// width, as in [`Samples::shape`](super::Samples::shape).
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for numbers that cannot work; [`Error::Mismatch`] for samples that are not pictures.
    pub fn apply(&self, inputs: &Tensor, shape: &[usize], random: &mut Random) -> Result<Tensor> {
        if *self == Self::default() || inputs.numel() == 0 {
            return Ok(inputs.shallow_clone());
        }
        self.check()?;
        let (count, size) = (inputs.size()[0], picture_size(inputs, shape)?);
        let shape = [count, 1, size[0], size[1]];
        let mut places = Tensor::f_affine_grid_generator(&self.affine(inputs, size, random)?, shape, false)?;
        if self.elastic > 0.0 {
            places += self.bend(inputs, size, random)?;
        }
        let pictures = inputs.f_reshape(shape)?;
        // Between pixels (bilinear), and paper beyond the edge.
        let mut pictures = pictures.f_grid_sampler(&places, 0, 0, false)?;
        if self.pieces > 0.0 {
            pictures = cutmix(&pictures, self.pieces, random)?;
        }
        if self.grey > 0.0 {
            pictures = random_greys(&pictures, self.grey, random)?;
        }
        Ok(pictures.f_reshape(inputs.size())?)
    }

    /// Draws for each picture where a place of the new one lies in the old one, `[count, 2, 3]`: both go from −1 to 1
    /// from left to right and from top to bottom.
    fn affine(&self, inputs: &Tensor, [high, wide]: [i64; 2], random: &mut Random) -> Result<Tensor> {
        let mut drawn = |most: f64| uniform(&inputs.size()[..1], [-most, most], inputs.device(), random);
        let (angle, slant) = (drawn(self.rotation.to_radians())?, drawn(self.shear.to_radians())?.tan());
        let (cosine, sine) = (angle.cos(), angle.sin());
        let (width, height) = (1.0 + drawn(self.scale)?, 1.0 + drawn(self.scale)?);
        let [right, down] = [drawn(2.0 * self.shift / wide as f64)?, drawn(2.0 * self.shift / high as f64)?];
        // Pixels are square, but from −1 to 1 is another length across than down where the picture is not.
        let aspect = wide as f64 / high as f64;
        // A rotation times a slant times a change of size.
        let rows = [
            [&cosine * &width, (&cosine * &slant - &sine) * &height * (1.0 / aspect), right],
            [&sine * &width * aspect, (&sine * &slant + &cosine) * &height, down],
        ];
        Ok(Tensor::f_stack(rows.as_flattened(), 1)?.f_reshape([-1, 2, 3])?)
    }

    /// Draws how far each place is displaced to the side and down, `[count, height, width, 2]`.
    fn bend(&self, inputs: &Tensor, size: [i64; 2], random: &mut Random) -> Result<Tensor> {
        let [high, wide] = size.map(|side| side as f64);
        let [rows, columns] = [high, wide].map(|side| (GRID * side / (high * wide).sqrt()).round().max(1.0) as i64);
        let coarse = uniform(&[inputs.size()[0], 2, rows, columns], [-1.0, 1.0], inputs.device(), random)?;
        let fine = coarse.f_upsample_bicubic2d(size, false, None, None)?;
        let pixels = [wide, high].map(|side| (2.0 * self.elastic / side) as f32);
        Ok(fine.f_permute([0, 2, 3, 1])? * Tensor::f_from_slice(&pixels)?.to_device(inputs.device()))
    }

    /// Returns the first `count` digits, each followed by four changed copies of it: a picture for
    /// [`figures::digits`](crate::figures::digits).
    ///
    /// # Errors
    /// As [`Augmentation::apply`], and [`Error::InvalidSetting`] when there is no digit.
    pub fn examples(&self, digits: &Images, count: usize, seed: u64) -> Result<Images> {
        let count = count.min(digits.len()) as i64;
        if count == 0 {
            return Err(Error::invalid_setting("count", "0", "at least 1 digit"));
        }
        let (images, labels) = (digits.images.f_narrow(0, 0, count)?, digits.labels.f_narrow(0, 0, count)?);
        let name = format!("{}, augmented", digits.name);
        let originals = Images { name, images, labels, classes: digits.classes.clone() };
        let Samples { inputs, shape, .. } = originals.preprocess();
        let mut random = generator(seed, Purpose::Noise(1));
        let mut versions = vec![inputs.shallow_clone()];
        for _ in 0..4 {
            versions.push(self.apply(&inputs, &shape, &mut random)?);
        }
        let pixels = (Tensor::f_stack(&versions, 1)? * 255.0).f_clamp(0.0, 255.0)?.f_round()?.to_kind(Kind::Uint8);
        let images = pixels.f_reshape([-1, shape[0] as i64, shape[1] as i64])?.to_device(Device::Cpu);
        let labels = originals.labels.f_repeat_interleave_self_int(5, 0, None)?;
        Ok(Images { images, labels, ..originals })
    }
}

/// Returns the height and width of pictures with this shape.
fn picture_size(inputs: &Tensor, shape: &[usize]) -> Result<[i64; 2]> {
    let features = inputs.size().iter().skip(1).product::<i64>();
    match *shape {
        [height, width] if height.checked_mul(width) == Some(features as usize) => Ok([height as i64, width as i64]),
        _ => {
            let found = format!("{:?} of the shape {shape:?}", inputs.size());
            Err(Error::mismatch("pictures to augment", found, "[count, height × width] of the shape [height, width]"))
        }
    }
}

/// Lays a piece of another picture of the batch over this fraction of the pictures, `[count, 1, height, width]`: the
/// ink of both stays. The piece is a rectangle, and what it shows lies elsewhere in the other picture.
fn cutmix(pictures: &Tensor, fraction: f64, random: &mut Random) -> Result<Tensor> {
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
        let side = uniform(&[count, 1, 1, 1], PIECE_SIDES, device, random)?;
        Ok((places - middle).f_abs()?.f_lt_tensor(&(side / 2.0))?)
    };
    let rectangles = within(2)?.f_logical_and(&within(3)?)?;
    let chosen = uniform(&[count, 1, 1, 1], [0.0, 1.0], device, random)?.f_lt(fraction)?;
    Ok(pictures.f_maximum(&(others * rectangles.f_logical_and(&chosen)?))?)
}

/// Gives this fraction of the batches ink and paper of any grey, `[count, 1, height, width]`: both vary smoothly
/// across each picture, as random greys on a grid of up to 7 × 7 points, and where paper is darker than ink the
/// strokes are light.
///
/// It is whole batches, not single pictures, so that batch normalisation sees one kind at a time, as it does where its
/// statistics are taken anew.
fn random_greys(pictures: &Tensor, fraction: f64, random: &mut Random) -> Result<Tensor> {
    if random.r#gen::<f64>() >= fraction {
        return Ok(pictures.shallow_clone());
    }
    let size = pictures.size();
    let points = random.gen_range(1..=7);
    let coarse = uniform(&[size[0], 2, points, points], [0.0, 1.0], pictures.device(), random)?;
    let greys = coarse.f_upsample_bicubic2d([size[2], size[3]], false, None, None)?.f_clamp(0.0, 1.0)?;
    let (paper, ink) = (greys.f_narrow(1, 0, 1)?, greys.f_narrow(1, 1, 1)?);
    Ok(&paper + pictures * (ink - &paper))
}

#[cfg(test)]
mod tests;
