//! Agreement with MNIST-C: `MNIST_C_DIR` names a folder of the authors' pictures of the test digits 0, 10, 20, …, 9990,
//! an IDX file `CORRUPTION-images-idx3-ubyte.gz` each; `EXPLANATIONS_REFERENCE` a folder of networks with what PyTorch
//! counts on these pictures, `expected.json`.

#[path = "../../../tests/shared/mod.rs"]
mod shared;

use std::{
    collections::HashMap,
    env, fs,
    path::{Path, PathBuf},
};

use error_analysis::corruption::Corruption;
use mnist_classification::{prelude::*, tch::Tensor};
use serde::Deserialize;
use shared::{mnist_folder, skipped};

/// Right answers of 1,000.
#[derive(Deserialize)]
struct Correct {
    mlp: usize,
    cnn: usize,
    cnn_batch_statistics_of_250: usize,
}

#[derive(Deserialize)]
struct Expected {
    mnist_c_correct_of_1000: HashMap<String, Correct>,
}

/// The pictures' folder, the networks and what is expected of them.
struct Reference {
    pictures: PathBuf,
    mlp: Network,
    cnn: Network,
    expected: HashMap<String, Correct>,
}

impl Reference {
    fn open() -> Option<Self> {
        let folder = |name| {
            let folder = env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
            if folder.is_none() {
                skipped(&format!("{name} is not set"));
            }
            folder
        };
        let (pictures, networks) = (folder("MNIST_C_DIR")?, folder("EXPLANATIONS_REFERENCE")?);
        let expected: Expected =
            serde_json::from_str(&fs::read_to_string(networks.join("expected.json")).unwrap()).unwrap();
        let expected = expected.mnist_c_correct_of_1000;
        assert_eq!(expected.len(), Corruption::ALL.len());
        Some(Self { pictures, mlp: network(&networks, "mlp"), cnn: network(&networks, "cnn"), expected })
    }

    fn pictures(&self, corruption: Corruption) -> Samples {
        let images = self.pictures.join(format!("{corruption}-images-idx3-ubyte.gz"));
        let digits = Images::from_files(images, self.pictures.join("labels-idx1-ubyte.gz")).unwrap();
        assert_eq!((digits.len(), digits.classes.len()), (1_000, 10));
        digits.preprocess()
    }

    /// Right answers of the MLP, the CNN, and the CNN with the statistics of batches of 250.
    fn correct(&self, samples: &Samples) -> [usize; 3] {
        let adapted = samples.batches(250).map(|batch| {
            let network = self.cnn.with_statistics_of(&batch.inputs).unwrap();
            correct(&network, &batch)
        });
        [correct(&self.mlp, samples), correct(&self.cnn, samples), adapted.sum()]
    }
}

/// A network of the reference: with a plan in a file beside its weights, or an MLP.
fn network(folder: &Path, name: &str) -> Network {
    let weights = folder.join(format!("{name}.safetensors"));
    let Ok(plan) = fs::read_to_string(folder.join(format!("{name}.json"))) else {
        return Network::load(weights).unwrap();
    };
    let network = Network::from_plan(&serde_json::from_str(&plan).unwrap(), 0).unwrap();
    let stored: HashMap<_, _> = Tensor::read_safetensors(weights).unwrap().into_iter().collect();
    let own = network.tensors().into_iter();
    tch::no_grad(|| own.for_each(|(name, mut tensor)| tensor.copy_(&stored[&name])));
    network
}

fn correct(network: &Network, samples: &Samples) -> usize {
    (evaluate(network, samples).unwrap().accuracy * samples.len() as f64).round() as usize
}

#[test]
fn networks_read_the_authors_mnist_c_as_they_do_in_pytorch() {
    let Some(reference) = Reference::open() else { return };
    for corruption in Corruption::ALL {
        let Correct { mlp, cnn, cnn_batch_statistics_of_250 } = reference.expected[corruption.name()];
        let expected = [mlp, cnn, cnn_batch_statistics_of_250];
        let found = reference.correct(&reference.pictures(corruption));
        println!("{corruption:14} {found:?}, PyTorch {expected:?}");
        let is_near = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 2);
        assert!(is_near, "{corruption}: {found:?}, PyTorch {expected:?}");
    }
}

#[test]
fn our_mnist_c_is_as_hard_to_read_as_the_authors() {
    let Some(reference) = Reference::open() else { return };
    let Some(folder) = mnist_folder() else { return };
    let digits = Dataset::from_dir(folder).unwrap().test;
    let tenth = |tensor: &Tensor| tensor.slice(0, 0, 10_000, 10);
    let digits = Images { images: tenth(&digits.images), labels: tenth(&digits.labels), ..digits };
    for corruption in Corruption::ALL {
        let expected = reference.correct(&reference.pictures(corruption));
        let found = reference.correct(&corruption.apply(&digits, 0).unwrap().preprocess());
        println!("{corruption:14} {found:?}, authors {expected:?}");
        let is_near = found.iter().zip(expected).all(|(found, expected)| found.abs_diff(expected) <= 25);
        assert!(is_near, "{corruption}: {found:?}, the authors' pictures {expected:?}");
    }
}
