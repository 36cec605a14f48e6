//! What a map is worth: whether the answer needs the pixels that the map marks.

use mnist_classification::{
    Error, Result,
    data::Samples,
    model::Model,
    support::{Purpose, generator, uniform},
    training::predict,
};
use tch::{Device, Tensor};

use super::{column, enlarged, of_class, picture};

/// How many times random pixels are blanked.
const DRAWS: usize = 20;

/// How much the probability of a class falls when a tenth of the pixels is blanked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbabilityDrop {
    /// Without the tenth that the map marks most.
    pub marked: f64,
    /// Without a random tenth: the mean over twenty draws. Most pixels of a digit are paper, which blanking leaves as it is.
    pub random: f64,
}

/// For each sample, how much the probability of its class falls without the tenth of the pixels that has the highest values
/// in its map, against a random tenth drawn from `seed`. Smaller maps, such as Grad-CAM's, are [`enlarged`].
///
/// # Errors
/// [`Error::Mismatch`] when samples are not pictures, or a map or class is missing, or a class is none of the model's;
/// [`Error::Stopped`] when the notebook's user stopped it.
pub fn probability_drops(
    model: &dyn Model,
    samples: &Samples,
    classes: &[usize],
    maps: &Tensor,
    seed: u64,
) -> Result<Vec<ProbabilityDrop>> {
    let [height, width] = picture(samples)?;
    let classes = column(samples, classes)?;
    let count = samples.len() as i64;
    if maps.dim() != 3 || maps.size()[0] != count {
        let expected = format!("[{count}, height, width], one per sample");
        return Err(Error::mismatch("shape of the maps", format!("{:?}", maps.size()), expected));
    }
    let (pixels, device) = (height * width, samples.inputs.device());
    let probability = |inputs: Tensor| {
        let predictions = predict(model, &Samples { inputs, ..samples.shallow_clone() })?;
        of_class(&predictions.probabilities, &classes)
    };
    let without = |marks: &Tensor| -> Result<Tensor> {
        let (_, tenth) = marks.f_reshape([count, pixels])?.f_topk((pixels / 10).max(1), 1, true, false)?;
        probability(samples.inputs.f_scatter_value(1, &tenth, 0.0)?)
    };
    let whole = probability(samples.inputs.shallow_clone())?;
    let marked = whole.f_sub(&without(&enlarged(maps, [height as usize, width as usize])?.f_to(device)?)?)?;
    let (mut random, mut sum) = (generator(seed, Purpose::Pixels), whole.f_zeros_like()?);
    for _ in 0..DRAWS {
        sum = sum.f_add(&without(&uniform(&[count, pixels], [0.0, 1.0], device, &mut random)?)?)?;
    }
    let random = whole.f_sub(&sum.f_div_scalar(DRAWS as f64)?)?;
    let [marked, random] = [marked, random].map(|falls| Vec::<f64>::try_from(falls.to_device(Device::Cpu)));
    Ok(marked?.into_iter().zip(random?).map(|(marked, random)| ProbabilityDrop { marked, random }).collect())
}
