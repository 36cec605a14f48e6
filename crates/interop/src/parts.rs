//! A network as the list of its layers with their tensors, in this library's layouts: dense kernels
//! `[inputs, outputs]`, kernels of convolutions `[channels, height, width, inputs]`.

use std::path::Path;

use mnist_classification::{
    Error, Result,
    model::{Layer, Model, Network, Plan},
    support::BATCH_NORM_EPSILON,
};
use tch::{Device, Kind, Tensor};

/// A layer with its tensors: kernel and bias; or scale, offset, running mean and running variance; or none.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) layer: Layer,
    pub(crate) tensors: Vec<Tensor>,
}

/// Returns how many tensors a layer has: parameters, then running statistics.
pub(crate) fn counts(layer: Layer) -> [usize; 2] {
    match layer {
        Layer::Dense(_) | Layer::Convolution { .. } => [2, 0],
        Layer::BatchNorm => [2, 2],
        Layer::MaxPool(_) | Layer::Flatten | Layer::Relu | Layer::Dropout(_) => [0, 0],
    }
}

/// Splits a model into its layers; `format` names the target in errors.
pub(crate) fn parts<'a>(model: &'a dyn Model, format: &'static str) -> Result<(&'a Plan, Vec<Part>)> {
    let plan = model.plan().ok_or_else(|| {
        let expected = "a Network, whose plan says what it computes; `save` keeps the weights of any model";
        Error::invalid_setting(format, "of a model without a plan", expected)
    })?;
    let plain = |(_, tensor): (String, Tensor)| tensor.detach().to_device(Device::Cpu).to_kind(Kind::Float);
    let mut parameters = model.parameters().into_iter().map(plain);
    let mut statistics = model.buffers().into_iter().map(plain);
    let part = |&layer: &Layer| {
        let [trained, others] = counts(layer);
        Part { layer, tensors: parameters.by_ref().take(trained).chain(statistics.by_ref().take(others)).collect() }
    };
    Ok((plan, plan.layers.iter().map(part).collect()))
}

/// How many values a file may lack that a network has: biases and scales that are left out.
const LACKING: usize = 1 << 22;

/// Refuses a plan whose network would take far more memory than the file.
pub(crate) fn check_size(file: &Path, found: usize, plan: &Plan) -> Result<()> {
    let expected = plan.values()?;
    if expected <= found.saturating_add(LACKING) {
        return Ok(());
    }
    Err(Error::malformed(file, format!("{found} values"), format!("the {expected} of the plan")))
}

/// Makes a network of parts that were read from a file.
pub(crate) fn network(file: &Path, input: Vec<usize>, parts: &[Part]) -> Result<Network> {
    let plan = Plan { input, layers: parts.iter().map(|part| part.layer).collect() };
    let malformed = |found: String| Error::malformed(file, found, "the weights of the plan's layers");
    if parts.iter().all(|part| part.tensors.is_empty()) {
        return Err(malformed("no layer with weights".into()));
    }
    plan.shapes().map_err(|error| malformed(error.to_string()))?;
    check_size(file, parts.iter().flat_map(|part| &part.tensors).map(Tensor::numel).sum(), &plan)?;
    let network = Network::from_plan(&plan, 0)?;
    let (mut parameters, mut statistics) = (network.parameters().into_iter(), network.buffers().into_iter());
    let _guard = tch::no_grad_guard();
    for Part { layer, tensors } in parts {
        let [trained, others] = counts(*layer);
        let own = parameters.by_ref().take(trained).chain(statistics.by_ref().take(others));
        for ((name, mut own), value) in own.zip(tensors) {
            if own.size() != value.size() {
                return Err(malformed(format!("{name} of shape {:?} in place of {:?}", value.size(), own.size())));
            }
            if !is_float(value.kind()) {
                return Err(malformed(format!("{name} of the kind {:?}", value.kind())));
            }
            if value.f_isfinite()?.f_all()?.f_int64_value(&[])? == 0 {
                return Err(malformed(format!("NaN or an infinite value in {name}")));
            }
            own.f_copy_(value)?;
        }
    }
    let variances = network.buffers().into_iter().skip(1).step_by(2);
    for (name, variance) in variances {
        if variance.f_min()?.f_double_value(&[])? <= -BATCH_NORM_EPSILON {
            return Err(malformed(format!("a value below 0 in {name}")));
        }
    }
    Ok(network)
}

fn is_float(kind: Kind) -> bool {
    [Kind::Float, Kind::Double, Kind::Half, Kind::BFloat16].contains(&kind)
}

/// Returns, for each layer, the shape of the flattened picture that it takes as a row, or nothing where there is none.
pub(crate) fn flattened(plan: &Plan) -> Result<Vec<Option<Vec<usize>>>> {
    let (mut picture, mut before) = (None, plan.input.clone());
    let shapes = plan.shapes()?;
    let taken = plan.layers.iter().zip(shapes).map(|(layer, after)| {
        let taken = picture.clone();
        match layer {
            Layer::Flatten if before.len() == 3 => picture = Some(before.clone()),
            Layer::Dense(_) => picture = None,
            _ => {}
        }
        before = after;
        taken
    });
    Ok(taken.collect())
}

/// Returns where each value of a flattened `[channels, height, width]` lies in a row that was flattened in another
/// order of the axes: `[1, 2, 0]` stands for `[height, width, channels]`.
pub(crate) fn permutation(shape: &[usize], axes: [usize; 3]) -> Result<Tensor> {
    let sizes = axes.map(|axis| shape[axis] as i64);
    let back = [0, 1, 2].map(|axis| axes.iter().position(|&other| other == axis).unwrap_or_default() as i64);
    let count = sizes.iter().product::<i64>();
    let places = Tensor::f_arange(count, (Kind::Int64, Device::Cpu))?.f_reshape(sizes)?;
    Ok(places.f_permute(back)?.f_reshape([-1])?)
}

#[cfg(test)]
mod tests {
    use mnist_classification::model::Layer::*;

    use super::*;

    #[test]
    fn a_permutation_orders_a_flattened_picture() {
        let ours = Tensor::arange(24, (Kind::Float, Device::Cpu)) * 10.0;
        let theirs = ours.reshape([2, 3, 4]).permute([1, 2, 0]).reshape([-1]);
        let permutation = permutation(&[2, 3, 4], [1, 2, 0]).unwrap();
        assert_eq!(theirs.index_select(0, &permutation), ours);
        assert_eq!(ours.index_select(0, &permutation.argsort(0, false)), theirs);
    }

    #[test]
    fn a_row_is_a_picture_until_a_dense_layer() {
        let layers = vec![MaxPool(2), Flatten, BatchNorm, Dense(8), Relu, Dense(3)];
        let found = flattened(&Plan { input: vec![2, 4, 6], layers }).unwrap();
        let picture = Some(vec![2, 2, 3]);
        assert_eq!(found, [None, None, picture.clone(), picture, None, None]);
    }
}
