//! What tells one training from another: the same description on the same machine gives the same bits.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tch::{Kind, Tensor};

use super::Training;
use crate::{
    Result,
    data::{Classes, Samples},
    model::Model,
};

/// All that a training depends on but the values of the first parameters. A checkpoint goes on only where it is the
/// same; `run.json` keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The samples, with those that are split off for validation.
    pub data: DataDescription,
    /// Validation samples of one's own, if any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<DataDescription>,
    /// The network: its `plan` or, of a model of one's own, the names and shapes of its `parameters`.
    pub model: Value,
    /// The settings.
    pub training: Training,
    /// Where it computes: `cpu`, or `cuda(0)`.
    pub device: String,
    /// The number of threads: sums in another order round differently.
    pub threads: usize,
}

/// What the samples are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataDescription {
    /// Where they come from.
    pub name: String,
    /// How many there are.
    pub samples: usize,
    /// The shape of a sample: `[height, width]`, or `[features]`.
    pub shape: Vec<usize>,
    /// The names of the classes.
    pub classes: Classes,
    /// Computes the SHA-256 of the inputs and the labels, in hexadecimal digits.
    pub sha256: String,
}

impl Description {
    /// Describes the training of a model on these samples.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`](crate::Error::InvalidSetting) for a share of validation samples that leaves none on
    /// one side; [`Error::Torch`](crate::Error::Torch) when the samples cannot be read.
    pub fn of(model: &dyn Model, samples: &Samples, training: &Training) -> Result<Self> {
        let shapes =
            || model.parameters().iter().map(|(name, tensor)| (name.clone(), tensor.size())).collect::<Vec<_>>();
        let model = model.plan().map_or_else(|| json!({ "parameters": shapes() }), |plan| json!({ "plan": plan }));
        Ok(Self {
            data: DataDescription::of(samples)?,
            validation: None,
            model,
            training: training.clone(),
            device: format!("{:?}", samples.inputs.device()).to_lowercase(),
            threads: native::thread_count(),
        })
    }
}

impl DataDescription {
    /// Describes these samples.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when the samples cannot be read.
    pub fn of(samples: &Samples) -> Result<Self> {
        Ok(Self {
            name: samples.name.clone(),
            samples: samples.len(),
            shape: samples.shape.clone(),
            classes: samples.classes.clone(),
            sha256: fingerprint(samples)?,
        })
    }
}

/// Computes the SHA-256 of the inputs, then the labels.
fn fingerprint(samples: &Samples) -> Result<String> {
    let mut hash = Sha256::new();
    // Part by part: a copy of all inputs would be the most memory that a training takes.
    for batch in samples.batches(1_000) {
        update(&mut hash, &batch.inputs)?;
    }
    update(&mut hash, &samples.labels)?;
    Ok(format!("{:x}", hash.finalize()))
}

/// Computes the SHA-256 of tensors in the order of their names: a file has another order than a network.
pub(super) fn fingerprint_of_weights(tensors: &[(String, Tensor)]) -> Result<String> {
    let mut hash = Sha256::new();
    let mut sorted: Vec<_> = tensors.iter().collect();
    sorted.sort_by_key(|(name, _)| name);
    sorted.into_iter().try_for_each(|(_, tensor)| update(&mut hash, tensor))?;
    Ok(format!("{:x}", hash.finalize()))
}

fn update(hash: &mut Sha256, tensor: &Tensor) -> Result<()> {
    let values = tensor.f_detach()?.f_to(tch::Device::Cpu)?.contiguous();
    hash.update(Vec::<u8>::try_from(values.f_reshape([-1])?.f_view_dtype(Kind::Uint8)?)?);
    Ok(())
}

/// Finds where two values differ first: the name of the place, and what lies there in each.
pub(super) fn difference(found: &Value, expected: &Value) -> Option<(String, Value, Value)> {
    let below = |name: &str, found: &Value, expected: &Value| {
        let (rest, found, expected) = difference(found, expected)?;
        let name = if rest.is_empty() { name.into() } else { format!("{name}.{rest}") };
        Some((name, found, expected))
    };
    match (found, expected) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name)));
            names.into_iter().find_map(|name| below(name, &found[name], &expected[name]))
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            (0..one.len()).find_map(|index| below(&index.to_string(), &one[index], &other[index]))
        }
        _ => (found != expected).then(|| (String::new(), found.clone(), expected.clone())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_difference_is_named_with_both_values() {
        let one = json!({"model": {"layers": [{"Dropout": 0.2}, "Relu"]}, "threads": 2});
        let of = |other: Value| difference(&one, &other).map(|(name, ..)| name);
        assert_eq!(of(one.clone()), None);
        let dropout = json!({"model": {"layers": [{"Dropout": 0.9}, "Relu"]}, "threads": 2});
        let found = difference(&one, &dropout).unwrap();
        assert_eq!(found, ("model.layers.0.Dropout".into(), json!(0.2), json!(0.9)));
        assert_eq!(of(json!({"model": {"layers": ["Relu"]}, "threads": 2})).unwrap(), "model.layers");
        assert_eq!(of(json!({"model": one["model"], "threads": 2, "device": "cpu"})).unwrap(), "device");
    }
}
