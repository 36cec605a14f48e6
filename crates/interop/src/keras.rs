//! Weights for Keras, and from it: NumPy's archive of `model.get_weights()`. Keras has pictures as
//! `[height, width, channels]`, so kernels, and what follows a Flatten, have their values in another order.

use std::{io, path::Path};

use mnist_classification::{
    Error, Result,
    model::{Layer, Model, Network, Plan},
    support::{BATCH_NORM_EPSILON, files},
};
use tch::Tensor;

use crate::{
    npz,
    parts::{Part, check_size, counts, flattened, network, parts, permutation},
};

/// Keras' default ε less ours: stored variances differ by it.
const EPSILON: f64 = 1e-3 - BATCH_NORM_EPSILON;
/// The axes of a picture in Keras, by ours.
const AXES: [usize; 3] = [1, 2, 0];

/// Writes the weights of a model.
pub(crate) fn save(model: &dyn Model, file: &Path) -> Result<()> {
    let (plan, parts) = parts(model, "the weights for Keras")?;
    check_end(plan)?;
    let mut arrays = Vec::new();
    for (Part { layer, tensors }, picture) in parts.iter().zip(flattened(plan)?) {
        let order = picture.map(|shape| Ok::<_, Error>(permutation(&shape, AXES)?.f_argsort(0, false)?)).transpose()?;
        arrays.extend(converted(*layer, tensors, order.as_ref(), [1, 2, 3, 0], -EPSILON)?);
    }
    let named: Vec<_> = arrays.iter().enumerate().map(|(number, array)| (format!("arr_{number}"), array)).collect();
    files::replace(file, |temporary| Tensor::write_npz(&named, temporary).map_err(io::Error::other))
}

/// Reads weights into the network of a plan.
pub(crate) fn load(file: &Path, plan: &Plan) -> Result<Network> {
    check_end(plan)?;
    let arrays = npz::read(file, plan.values()?)?;
    check_size(file, arrays.iter().map(Tensor::numel).sum(), plan)?;
    let mut arrays = arrays.into_iter();
    let mut parts = Vec::new();
    for (&layer, picture) in plan.layers.iter().zip(flattened(plan)?) {
        let arrays: Vec<_> = arrays.by_ref().take(counts(layer).iter().sum()).collect();
        let order = picture.map(|shape| permutation(&shape, AXES)).transpose()?;
        let tensors = converted(layer, &arrays, order.as_ref(), [3, 0, 1, 2], EPSILON).map_err(|error| {
            let shapes: Vec<_> = arrays.iter().map(Tensor::size).collect();
            Error::malformed(file, format!("arrays of the shapes {shapes:?} ({error})"), format!("those of {layer:?}"))
        })?;
        parts.push(Part { layer, tensors });
    }
    if arrays.len() > 0 {
        return Err(Error::malformed(file, format!("{} arrays too many", arrays.len()), "those of the plan's layers"));
    }
    network(file, plan.input.clone(), &parts)
}

/// Refuses a plan whose answers are a flattened picture: Keras has them in another order.
fn check_end(plan: &Plan) -> Result<()> {
    let layers = [&plan.layers[..], &[Layer::Dense(1)]].concat();
    let picture =
        flattened(&Plan { input: plan.input.clone(), layers }).ok().and_then(|mut pictures| pictures.pop()?);
    if picture.is_some_and(|picture| picture[0] > 1 && picture[1] * picture[2] > 1) {
        let expected = "a dense layer behind it: Keras has the channels last";
        return Err(Error::invalid_setting("the plan's end", "a flattened picture", expected));
    }
    Ok(())
}

/// Converts a layer's tensors to the other layout: the rows behind a flattened picture come in this `order`, a
/// convolution's kernel has its `axes` in another one, and a variance differs by `epsilon`.
fn converted(
    layer: Layer,
    from: &[Tensor],
    order: Option<&Tensor>,
    axes: [i64; 4],
    epsilon: f64,
) -> Result<Vec<Tensor>> {
    let ordered = |tensor: &Tensor| match order {
        None => Ok(tensor.shallow_clone()),
        Some(order) if tensor.size().first() == Some(&(order.numel() as i64)) => Ok(tensor.f_index_select(0, order)?),
        Some(order) => Err(Error::mismatch("rows", format!("{:?}", tensor.size()), order.numel())),
    };
    match (layer, from) {
        (Layer::Convolution { .. }, [kernel, bias]) => Ok(vec![kernel.f_permute(axes)?, bias.shallow_clone()]),
        (Layer::Dense(_), [kernel, bias]) => Ok(vec![ordered(kernel)?, bias.shallow_clone()]),
        (Layer::BatchNorm, [gamma, beta, mean, variance]) => {
            Ok(vec![ordered(gamma)?, ordered(beta)?, ordered(mean)?, ordered(&(variance + epsilon))?])
        }
        (_, []) => Ok(Vec::new()),
        _ => Err(Error::mismatch("arrays", from.len(), counts(layer).iter().sum::<usize>())),
    }
}
