//! Weights for PyTorch, and from it: a state dict. PyTorch has dense kernels as `[outputs, inputs]` and kernels of
//! convolutions as `[channels, inputs, height, width]`.

use std::{collections::BTreeMap, fs::File, io::Read, path::Path};

use mnist_classification::{
    Error, Result,
    model::{Layer, Model, Network, Plan},
    support::{read_tensors, write_tensors},
};
use tch::{Device, Kind, Tensor};

use crate::{
    parts::{Part, check_size, network, parts},
    pickle,
};

/// The names of a layer's tensors, in the order of its [`Part`].
const NAMES: [&str; 4] = ["weight", "bias", "running_mean", "running_var"];
/// PyTorch's count of batches, which only `momentum=None` uses.
const COUNT: &str = "num_batches_tracked";

/// Writes the weights of a model, each under the number of its layer.
pub(crate) fn save(model: &dyn Model, file: &Path) -> Result<()> {
    let mut state = Vec::new();
    for (number, Part { layer, tensors }) in parts(model, "the weights for PyTorch")?.1.iter().enumerate() {
        let tensors = tensors.iter().enumerate().map(|(place, tensor)| match (layer, place) {
            (Layer::Dense(_), 0) => Ok(tensor.f_transpose(0, 1)?),
            (Layer::Convolution { .. }, 0) => Ok(tensor.f_permute([0, 3, 1, 2])?),
            _ => Ok(tensor.shallow_clone()),
        });
        for (name, tensor) in NAMES.iter().zip(tensors.collect::<Result<Vec<_>>>()?) {
            state.push((format!("{number}.{name}"), tensor));
        }
        if *layer == Layer::BatchNorm {
            state.push((format!("{number}.{COUNT}"), Tensor::f_zeros([], (Kind::Int64, Device::Cpu))?));
        }
    }
    write_tensors(file, &state, None)
}

/// Reads weights into the network of a plan.
pub(crate) fn load(file: &Path, plan: &Plan) -> Result<Network> {
    network(file, plan.input.clone(), &taken(file, plan)?.parts)
}

/// Says which of the file's modules each layer with weights takes, by their names: for a person to see that they are
/// the right ones where several have the same shape.
///
/// # Errors
/// As [`Import::load_pytorch`](crate::Import::load_pytorch).
pub fn pytorch_modules(file: impl AsRef<Path>, plan: &Plan) -> Result<Vec<(Layer, String)>> {
    Ok(taken(file.as_ref(), plan)?.modules)
}

/// The layers with the tensors that they take, and the names of the modules that have these.
struct Taken {
    parts: Vec<Part>,
    modules: Vec<(Layer, String)>,
}

/// Finds the tensors of each layer.
fn taken(file: &Path, plan: &Plan) -> Result<Taken> {
    let malformed = |found: String| Error::malformed(file, found, "the weights of the plan's layers");
    let state = state(file, plan.values()?)?;
    check_size(file, state.iter().map(|(_, tensor)| tensor.numel()).sum(), plan)?;
    let (mut modules, mut names) = (modules(state), Vec::new());
    // A kernel alone must be there: biases of 0, scales of 1 and offsets of 0 may be left out.
    let mut parts = parts(&Network::from_plan(plan, 0)?, "")?.1;
    for part in parts.iter_mut().filter(|part| !part.tensors.is_empty()) {
        names.push((part.layer, take(part, &mut modules).map_err(malformed)?));
    }
    match modules.first().map(|module| (&module.name, module.tensors.keys().next())) {
        None => Ok(Taken { parts, modules: names }),
        Some((name, tensor)) => Err(malformed(format!("{:?} in {name:?}, too", tensor.map_or("", |tensor| tensor)))),
    }
}

/// Reads the tensors of a file: at most so many values.
fn state(file: &Path, values: usize) -> Result<Vec<(String, Tensor)>> {
    let mut start = [0; 9];
    // A file that cannot be opened is named below.
    let _ = File::open(file).and_then(|mut file| file.read_exact(&mut start));
    // The length with which safetensors begins may look like the start of an archive.
    if start.starts_with(b"PK\x03\x04") && start[8] != b'{' { pickle::read(file, values) } else { read_tensors(file) }
}

/// The tensors of one module, such as `features.0`.
struct Module {
    name: String,
    tensors: BTreeMap<String, Tensor>,
}

/// Groups tensors by what stands before the last dot of their names, in the order of these names and their numbers.
fn modules(state: Vec<(String, Tensor)>) -> Vec<Module> {
    let mut modules: BTreeMap<_, Module> = BTreeMap::new();
    for (name, tensor) in state {
        let (module, field) = name.rsplit_once('.').unwrap_or(("", &name));
        // With the name itself, `fc1` and `fc01` are two.
        let entry = modules.entry((sortable(module), module.to_string()));
        let empty = || Module { name: module.into(), tensors: BTreeMap::new() };
        entry.or_insert_with(empty).tensors.insert(field.into(), tensor);
    }
    modules.into_values().collect()
}

/// Splits a name into texts and the numbers between them, each with its length, so that `2` comes before `10`.
fn sortable(name: &str) -> Vec<(usize, String)> {
    let is_same_kind = |one: char, other: char| one.is_ascii_digit() == other.is_ascii_digit();
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let (piece, after) = rest.split_at(rest.find(|letter| !is_same_kind(first, letter)).unwrap_or(rest.len()));
        let number = piece.trim_start_matches('0');
        pieces.push(if first.is_ascii_digit() { (number.len() + 1, number.into()) } else { (0, piece.into()) });
        rest = after;
    }
    pieces
}

/// Takes the tensors of a layer from the first module that has its shapes; returns its name, and what it lacks.
fn take(part: &mut Part, modules: &mut Vec<Module>) -> Result<String, String> {
    let Part { layer, tensors } = part;
    // Tells such a layer apart: its kernel or its running mean.
    let (name, place) = if *layer == Layer::BatchNorm { (NAMES[2], 2) } else { (NAMES[0], 0) };
    let fits = |module: &Module| {
        let tensor = module.tensors.get(name).filter(|_| module.tensors.contains_key(NAMES[2]) == (place == 2));
        let ours = tensor.and_then(|tensor| ours(*layer, place, tensor).ok());
        ours.is_some_and(|ours| ours.size() == tensors[place].size())
    };
    let fitting: Vec<_> = modules.iter().enumerate().filter(|(_, module)| fits(module)).collect();
    let Some(&(first, Module { name, .. })) = fitting.first() else {
        return Err(format!("no weights for {layer:?} of the shape {:?}", tensors[place].size()));
    };
    let pattern =
        |name: &str| sortable(name).into_iter().map(|(length, text)| (length == 0).then_some(text)).collect::<Vec<_>>();
    if let Some((_, other)) = fitting.iter().find(|(_, other)| pattern(&other.name) != pattern(name)) {
        return Err(format!("{name:?} and {:?} of the same shape, and their names give no order", other.name));
    }
    let mut module = modules.remove(first);
    let mut lacking = String::new();
    module.tensors.remove(COUNT);
    for ((place, tensor), name) in tensors.iter_mut().enumerate().zip(NAMES) {
        if let Some(found) = module.tensors.remove(name) {
            *tensor = ours(*layer, place, &found).map_err(|error| error.to_string())?;
        } else if place == 3 {
            return Err(format!("no {name} in {:?}", module.name));
        } else {
            lacking += &format!(" (without {name})");
        }
    }
    match module.tensors.keys().next() {
        Some(other) => Err(format!("{other:?} in {:?}", module.name)),
        None => Ok(module.name + &lacking),
    }
}

/// Converts a tensor to this library's layout.
fn ours(layer: Layer, place: usize, tensor: &Tensor) -> Result<Tensor, tch::TchError> {
    match layer {
        Layer::Dense(_) if place == 0 => tensor.f_transpose(0, 1),
        Layer::Convolution { .. } if place == 0 => tensor.f_permute([0, 2, 3, 1]),
        _ => Ok(tensor.shallow_clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count() {
        let mut names = ["net.10", "net.2", "net", "bn1", "net.2.a", ""];
        names.sort_by_key(|name| sortable(name));
        assert_eq!(names, ["", "bn1", "net", "net.2", "net.2.a", "net.10"]);
    }
}
