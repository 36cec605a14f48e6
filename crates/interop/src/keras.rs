//! Weights for Keras, and from it: NumPy's archive of `model.get_weights()`. Keras has pictures as
//! `[height, width, channels]`, so kernels, and what follows a Flatten, have their values in another order.

use std::{
    fs,
    io::{self, Cursor},
    path::Path,
};

use mnist_classification::{
    Error, Result,
    model::{Layer, Model, Network, Plan},
    support::{BATCH_NORM_EPSILON, file_kind, files},
};
use tch::{Kind, Tensor};
use zip::ZipArchive;

use crate::parts::{Part, counts, flattened, network, parts, places};

/// What Keras' batch normalisation adds to a variance by default, less what ours adds: the stored variances differ by it.
const EPSILON: f64 = 1e-3 - BATCH_NORM_EPSILON;
/// The axes of a picture in Keras, by ours.
const AXES: [usize; 3] = [1, 2, 0];

/// Writes the weights of a model.
pub(crate) fn save(model: &dyn Model, file: &Path) -> Result<()> {
    let (plan, parts) = parts(model, "the weights for Keras")?;
    let mut arrays = Vec::new();
    for (Part { layer, tensors }, picture) in parts.iter().zip(flattened(plan)?) {
        let places = picture.map(|shape| Ok::<_, Error>(places(&shape, AXES)?.f_argsort(0, false)?)).transpose()?;
        arrays.extend(converted(*layer, tensors, places.as_ref(), [1, 2, 3, 0], -EPSILON)?);
    }
    let named: Vec<_> = arrays.iter().enumerate().map(|(number, array)| (format!("arr_{number}"), array)).collect();
    files::replace(file, |temporary| Tensor::write_npz(&named, temporary).map_err(io::Error::other))
}

/// Reads weights into the network of a plan.
pub(crate) fn load(file: &Path, plan: &Plan) -> Result<Network> {
    let mut arrays = arrays(file, plan)?.into_iter();
    let mut parts = Vec::new();
    for (&layer, picture) in plan.layers.iter().zip(flattened(plan)?) {
        let arrays: Vec<_> = arrays.by_ref().take(counts(layer).iter().sum()).collect();
        let places = picture.map(|shape| places(&shape, AXES)).transpose()?;
        let tensors = converted(layer, &arrays, places.as_ref(), [3, 0, 1, 2], EPSILON).map_err(|error| {
            let shapes: Vec<_> = arrays.iter().map(Tensor::size).collect();
            Error::malformed(file, format!("arrays of the shapes {shapes:?} ({error})"), format!("those of {layer:?}"))
        })?;
        parts.push(Part { layer, tensors });
    }
    if arrays.len() > 0 {
        return Err(Error::malformed(file, format!("{} more arrays", arrays.len()), "those of the plan's layers"));
    }
    network(file, plan.input.clone(), &parts)
}

/// Converts a layer's tensors to the other layout: the rows behind a flattened picture lie at `places`, a convolution's
/// kernel has its `axes` in another order, and a variance differs by `epsilon`.
fn converted(
    layer: Layer,
    from: &[Tensor],
    places: Option<&Tensor>,
    axes: [i64; 4],
    epsilon: f64,
) -> Result<Vec<Tensor>> {
    let ordered = |tensor: &Tensor| match places {
        None => Ok(tensor.shallow_clone()),
        Some(places) if tensor.size().first() == Some(&(places.numel() as i64)) => {
            Ok(tensor.f_index_select(0, places)?)
        }
        Some(places) => Err(Error::mismatch("rows", format!("{:?}", tensor.size()), places.numel())),
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

/// Reads all arrays, in the file's order.
fn arrays(file: &Path, plan: &Plan) -> Result<Vec<Tensor>> {
    let expected = "NumPy's archive of the weights: numpy.savez(file, *model.get_weights())";
    let malformed = |found: String| Error::malformed(file, found, expected);
    if !file.is_file() {
        return Err(Error::missing(file, expected));
    }
    let values = parts(&Network::from_plan(plan, 0)?, "")?
        .1
        .iter()
        .flat_map(|part| &part.tensors)
        .map(Tensor::numel)
        .sum::<usize>();
    let bytes = fs::read(file).map_err(Error::io(file))?;
    let other = file_kind(&bytes[..bytes.len().min(512)]);
    let mut archive =
        ZipArchive::new(Cursor::new(bytes)).map_err(|error| malformed(other.unwrap_or_else(|| error.to_string())))?;
    // tch panics on an entry that cannot be opened, and reads any number of bytes.
    let mut room = 8 * values as u64 + (1 << 16);
    for number in 0..archive.len() {
        let entry = archive.by_index(number).map_err(|error| malformed(error.to_string()))?;
        if !entry.name().ends_with(".npy") {
            return Err(malformed(format!("an archive with {:?}", entry.name())));
        }
        room = room
            .checked_sub(entry.size())
            .ok_or_else(|| malformed(format!("more values than the {values} of the plan")))?;
    }
    let arrays = Tensor::read_npz(file).map_err(|error| malformed(error.to_string()))?;
    Ok(arrays.into_iter().map(|(_, array)| array.to_kind(Kind::Float)).collect())
}
