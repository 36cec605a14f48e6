//! Augmentation: training pictures shifted, rotated and bent a little, anew at each step, as other hands would write them.

mod disguise;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::digits::Images;
use crate::{
    Error, Result,
    random::{Purpose, Random, generator, uniform},
};

/// By how much training pictures are changed: each by its own amount, drawn evenly from minus to plus these numbers; and
/// how many are disguised. The default changes nothing.
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
    /// Width and height, each as a share of its size.
    pub scale: f64,
    /// Slant, in degrees.
    pub shear: f64,
    /// Elastic bending, in pixels: each point of a coarse grid is displaced, and what lies between bends with it
    /// (P. Simard, D. Steinkraus, J. Platt, 2003, who blur a fine grid instead).
    pub elastic: f64,
    /// The share of pictures, from 0 to 1, over which a piece of another one is laid: a rectangle, up to half as wide and
    /// high. The ink of both stays (after CutMix, S. Yun and others, 2019, without a share of the other's label).
    #[serde(skip_serializing_if = "is_zero")]
    pub pieces: f64,
    /// The share of batches, from 0 to 1, whose ink and paper have any grey, which varies smoothly across each picture:
    /// for a network whose normalisation takes its statistics anew,
    /// [`Network::with_statistics_of`](crate::model::Network::with_statistics_of).
    #[serde(skip_serializing_if = "is_zero")]
    pub grey: f64,
}

/// What is not asked for is left out of settings, which then read as they did before it was known.
#[allow(clippy::trivially_copy_pass_by_ref)] // Serde hands a reference.
fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

/// Columns and rows of the coarse grid on a square picture: what lies closer together than four pixels of MNIST moves as
/// one.
const GRID: f64 = 7.0;

impl Augmentation {
    /// # Errors
    /// [`Error::InvalidSetting`] for a number that cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { shift, rotation, scale, shear, elastic, pieces, grey } = *self;
        let all = [shift, rotation, scale, shear, elastic, pieces, grey];
        let are_shares = scale < 1.0 && pieces <= 1.0 && grey <= 1.0;
        if all.iter().all(|number| *number >= 0.0 && number.is_finite()) && are_shares && shear < 90.0 {
            return Ok(());
        }
        let expected = "numbers from 0, a scale below 1, a shear below 90, and shares up to 1";
        Err(Error::invalid_setting("augmentation", format!("{self:?}"), expected))
    }

    /// Changes each of these pictures, `[count, height × width]`, pixels from 0 to 1; `shape` is their height and width, as in
    /// [`Samples::shape`](super::Samples::shape).
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
            places += self.bent(inputs, size, random)?;
        }
        let pictures = inputs.f_reshape(shape)?;
        // Between pixels (bilinear), and paper beyond the edge.
        let mut pictures = pictures.f_grid_sampler(&places, 0, 0, false)?;
        if self.pieces > 0.0 {
            pictures = disguise::pieces(&pictures, self.pieces, random)?;
        }
        if self.grey > 0.0 {
            pictures = disguise::grey(&pictures, self.grey, random)?;
        }
        Ok(pictures.f_reshape(inputs.size())?)
    }

    /// For each picture, where a place of the new one lies in the old one, `[count, 2, 3]`: both go from −1 to 1 from left
    /// to right and from top to bottom.
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
        let rows = rows.iter().map(|row| Tensor::f_stack(row, 1)).collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::f_stack(&rows, 1)?)
    }

    /// By how much each place is displaced to the side and down, `[count, height, width, 2]`.
    fn bent(&self, inputs: &Tensor, size: [i64; 2], random: &mut Random) -> Result<Tensor> {
        let [high, wide] = size.map(|side| side as f64);
        let [rows, columns] = [high, wide].map(|side| (GRID * side / (high * wide).sqrt()).round().max(1.0) as i64);
        let coarse = uniform(&[inputs.size()[0], 2, rows, columns], [-1.0, 1.0], inputs.device(), random)?;
        let fine = coarse.f_upsample_bicubic2d(size, false, None, None)?;
        let pixels = [wide, high].map(|side| (2.0 * self.elastic / side) as f32);
        Ok(fine.f_permute([0, 2, 3, 1])? * Tensor::f_from_slice(&pixels)?.to_device(inputs.device()))
    }

    /// The first `count` digits, each followed by four changed copies of it: a picture for
    /// [`figures::digits`](crate::figures::digits).
    ///
    /// # Errors
    /// As [`Augmentation::apply`], and [`Error::InvalidSetting`] when there is no digit.
    pub fn examples(&self, digits: &Images, count: usize, seed: u64) -> Result<Images> {
        let mut random = generator(seed, Purpose::Noise(1));
        let size = digits.images.size();
        let shape = [size[1] as usize, size[2] as usize];
        let count = count.min(digits.len()) as i64;
        if count == 0 {
            return Err(Error::invalid_setting("count", "0", "at least 1 digit"));
        }
        let originals = digits.images.f_narrow(0, 0, count)?;
        let mut versions = vec![originals.shallow_clone()];
        let inputs = originals.to_kind(Kind::Float).f_reshape([count, -1])? / 255.0;
        for _ in 0..4 {
            let changed = (self.apply(&inputs, &shape, &mut random)? * 255.0).f_clamp(0.0, 255.0)?.f_round()?;
            versions.push(changed.to_kind(Kind::Uint8).f_reshape(originals.size())?);
        }
        let images = Tensor::f_stack(&versions, 1)?.f_reshape([5 * count, size[1], size[2]])?;
        let labels = digits.labels.f_narrow(0, 0, count)?.f_repeat_interleave_self_int(5, 0, None)?;
        let (name, images) = (format!("{}, augmented", digits.name), images.to_device(Device::Cpu));
        Ok(Images { name, images, labels, classes: digits.classes.clone() })
    }
}

/// The height and width of pictures with this shape.
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

#[cfg(test)]
mod tests {
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
            (pictures.sum_dim_intlist(across, false, Kind::Float) * places).sum_dim_intlist(1, false, Kind::Float)
                / &ink
        })
    }

    #[test]
    fn nothing_asked_for_changes_nothing() {
        assert!(changed(Augmentation::default()).equal(&many()));
    }

    #[test]
    fn settings_leave_out_disguises_that_are_not_asked_for() {
        let written = |augmentation: Augmentation| serde_json::to_string(&augmentation).unwrap();
        // As in results from before there were disguises, whose fingerprints stay.
        let plain = r#"{"shift":0.0,"rotation":0.0,"scale":0.0,"shear":0.0,"elastic":0.0}"#;
        assert_eq!(written(Augmentation::default()), plain);
        let disguised = Augmentation { pieces: 0.5, grey: 0.25, ..Augmentation::default() };
        assert_eq!(written(disguised), plain.replace('}', r#","pieces":0.5,"grey":0.25}"#));
        for augmentation in [Augmentation::default(), disguised] {
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
        let error = |shape: &[usize]| {
            shifted.apply(&numbers, shape, &mut generator(1, Purpose::Noise(1))).unwrap_err().to_string()
        };
        let expected = "expected [count, height × width] of the shape [height, width]";
        assert_eq!(error(&[6]), format!("pictures to augment: found [1, 6] of the shape [6], {expected}"));
        assert_eq!(error(&[3, 3]), format!("pictures to augment: found [1, 6] of the shape [3, 3], {expected}"));
    }
}
