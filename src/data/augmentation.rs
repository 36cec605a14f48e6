//! Augmentation: training digits moved, turned and bent a little anew each time, as other hands would write them.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use super::Digits;
use crate::{
    Error, Result,
    random::{Purpose, Random, generator, uniform},
};

/// By how much training digits are changed: each by its own amount, drawn evenly from minus to plus these numbers.
/// The default changes nothing.
///
/// ```
/// use mnist_classification::data::Augmentation;
/// let shifted = Augmentation { shift: 2.0, ..Augmentation::default() };
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
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
}

/// Columns and rows of the coarse grid: what lies closer together than four pixels of MNIST moves as one.
const GRID: i64 = 7;

impl Augmentation {
    /// # Errors
    /// [`Error::Setting`] for a number that cannot work.
    pub(crate) fn check(&self) -> Result<()> {
        let Self { shift, rotation, scale, shear, elastic } = *self;
        let all = [shift, rotation, scale, shear, elastic];
        if all.iter().all(|number| *number >= 0.0 && number.is_finite()) && scale < 1.0 && shear < 90.0 {
            return Ok(());
        }
        let expected = "numbers from 0, a scale below 1 and a shear below 90".into();
        Err(Error::Setting { setting: "augmentation", found: format!("{self:?}"), expected })
    }

    /// Changes each of these digits, rows of the pixels of square pictures, `[count, side × side]`.
    ///
    /// # Errors
    /// [`Error::Setting`] for numbers that cannot work; [`Error::Mismatch`] for pictures that are not square.
    pub fn apply(&self, inputs: &Tensor, random: &mut Random) -> Result<Tensor> {
        if *self == Self::default() {
            return Ok(inputs.shallow_clone());
        }
        self.check()?;
        let pixels = inputs.size().iter().skip(1).product::<i64>();
        let side = pixels.isqrt();
        if side * side != pixels {
            let (found, expected) = (format!("{pixels} per digit"), "a square picture, to augment it".into());
            return Err(Error::Mismatch { what: "pixels", found, expected });
        }
        let shape = [inputs.size()[0], 1, side, side];
        let mut places = Tensor::f_affine_grid_generator(&self.affine(inputs, side, random)?, shape, false)?;
        if self.elastic > 0.0 {
            places += self.bent(inputs, side, random)?;
        }
        let pictures = inputs.f_reshape(shape)?;
        // Between pixels (bilinear), and paper beyond the edge.
        Ok(pictures.f_grid_sampler(&places, 0, 0, false)?.f_reshape(inputs.size())?)
    }

    /// For each digit, where a place of the new picture lies in the old one, `[count, 2, 3]`; pictures go from −1 to 1.
    fn affine(&self, inputs: &Tensor, side: i64, random: &mut Random) -> Result<Tensor> {
        let mut drawn = |most: f64| uniform(&inputs.size()[..1], [-most, most], inputs.device(), random);
        let (angle, slant) = (drawn(self.rotation.to_radians())?, drawn(self.shear.to_radians())?.tan());
        let (cosine, sine) = (angle.cos(), angle.sin());
        let (width, height) = (1.0 + drawn(self.scale)?, 1.0 + drawn(self.scale)?);
        let [right, down] = [drawn(2.0 * self.shift / side as f64)?, drawn(2.0 * self.shift / side as f64)?];
        // A rotation times a slant times a change of size.
        let rows = [
            [&cosine * &width, (&cosine * &slant - &sine) * &height, right],
            [&sine * &width, (&sine * &slant + &cosine) * &height, down],
        ];
        let rows = rows.iter().map(|row| Tensor::f_stack(row, 1)).collect::<Result<Vec<_>, _>>()?;
        Ok(Tensor::f_stack(&rows, 1)?)
    }

    /// By how much each place is displaced to the side and down, `[count, side, side, 2]`.
    fn bent(&self, inputs: &Tensor, side: i64, random: &mut Random) -> Result<Tensor> {
        let coarse = uniform(&[inputs.size()[0], 2, GRID, GRID], [-1.0, 1.0], inputs.device(), random)?;
        let fine = coarse.f_upsample_bicubic2d([side, side], false, None, None)?;
        Ok(fine.f_permute([0, 2, 3, 1])? * (2.0 * self.elastic / side as f64))
    }

    /// The first `count` digits, each followed by four changed copies of it: a picture for
    /// [`figures::digits`](crate::figures::digits).
    ///
    /// # Errors
    /// As [`Augmentation::apply`], and [`Error::Setting`] when there is no digit.
    pub fn examples(&self, digits: &Digits, count: usize, seed: u64) -> Result<Digits> {
        let mut random = generator(seed, Purpose::Noise(1));
        let size = digits.images.size();
        let count = count.min(digits.len()) as i64;
        if count == 0 {
            return Err(Error::Setting { setting: "count", found: "0".into(), expected: "at least 1 digit".into() });
        }
        let originals = digits.images.f_narrow(0, 0, count)?;
        let mut versions = vec![originals.shallow_clone()];
        let inputs = originals.to_kind(Kind::Float).f_reshape([count, -1])?;
        for _ in 0..4 {
            let changed = self.apply(&inputs, &mut random)?.f_clamp(0.0, 255.0)?.f_round()?;
            versions.push(changed.to_kind(Kind::Uint8).f_reshape(originals.size())?);
        }
        let images = Tensor::f_stack(&versions, 1)?.f_reshape([5 * count, size[1], size[2]])?;
        let labels = digits.labels.f_narrow(0, 0, count)?.f_repeat_interleave_self_int(5, 0, None)?;
        Ok(Digits { name: format!("{}, augmented", digits.name), images: images.to_device(Device::Cpu), labels })
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
        augmentation.apply(&many(), &mut generator(1, Purpose::Noise(1))).unwrap()
    }

    /// Where the ink of each picture lies on average: columns and rows from the middle.
    fn middles(pictures: &Tensor) -> [Tensor; 2] {
        let places = Tensor::arange(28, (Kind::Float, Device::Cpu)) - 13.5;
        let pictures = pictures.reshape([-1, 28, 28]);
        let ink = pictures.sum_dim_intlist([1, 2].as_slice(), false, Kind::Float);
        [1, 2].map(|across: i64| {
            (pictures.sum_dim_intlist(across, false, Kind::Float) * &places).sum_dim_intlist(1, false, Kind::Float)
                / &ink
        })
    }

    #[test]
    fn nothing_asked_for_changes_nothing() {
        assert!(changed(Augmentation::default()).equal(&many()));
    }

    #[test]
    fn shifts_go_as_far_as_asked_in_both_directions() {
        let shifted = changed(Augmentation { shift: 3.0, ..Augmentation::default() });
        for middle in middles(&shifted) {
            let (low, high) = (middle.min().double_value(&[]), middle.max().double_value(&[]));
            assert!((-3.001..-2.5).contains(&low) && (2.5..3.001).contains(&high), "{low} {high}");
        }
    }

    #[test]
    fn turning_keeps_the_middle_and_the_ink_and_bending_moves_it() {
        let turned = changed(Augmentation { rotation: 45.0, ..Augmentation::default() });
        assert!(middles(&turned).iter().all(|middle| middle.abs().max().double_value(&[]) < 0.01));
        let ink = turned.sum_dim_intlist(1, false, Kind::Float);
        assert!((ink - 16.0).abs().max().double_value(&[]) < 1.0);
        let [columns, _] = middles(&changed(Augmentation { elastic: 3.0, ..Augmentation::default() }));
        assert!((0.7..1.5).contains(&columns.std(true).double_value(&[])), "{columns}");
    }

    #[test]
    fn only_square_pictures_can_be_augmented() {
        let oblong = Tensor::zeros([1, 6], (Kind::Float, Device::Cpu));
        let shifted = Augmentation { shift: 1.0, ..Augmentation::default() };
        let error = shifted.apply(&oblong, &mut generator(1, Purpose::Noise(1))).unwrap_err().to_string();
        assert_eq!(error, "pixels: found 6 per digit, expected a square picture, to augment it");
    }
}
