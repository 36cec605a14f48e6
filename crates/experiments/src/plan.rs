//! What is trained, a line for each idea. Choices were made on the validation digits.

use mnist_classification::{model::Layer::*, prelude::*, training::DataDescription};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A network and a training that are run from several seeds.
pub struct Experiment {
    /// Its name among the results.
    pub name: &'static str,
    /// The network.
    pub plan: Plan,
    /// The settings; the seed aside.
    pub training: Training,
}

/// The experiment whose network reads pictures.
pub const BEST_CNN: &str = "best CNN";
const UNPOOLED_CNN: &str = "CNN without pooling";
const BEST_MLP: &str = "best MLP";

/// Ensembles: the networks of these experiments from all their seeds, as one model.
pub const ENSEMBLES: [(&str, &[&str]); 3] = [
    ("8 best CNNs together", &[BEST_CNN]),
    ("12 CNNs without pooling together", &[UNPOOLED_CNN]),
    ("20 CNNs together", &[BEST_CNN, UNPOOLED_CNN]),
];

/// From how many seeds, counted from 0, an experiment is run: nine where a training takes under two minutes.
pub fn seeds(experiment: &str) -> u64 {
    match experiment {
        BEST_MLP => 3,
        BEST_CNN => 8,
        UNPOOLED_CNN => 12,
        _ => 9,
    }
}

impl Experiment {
    /// A short hash of samples, plan and settings. A line of the results with another one came from something else.
    pub fn fingerprint(&self, data: &DataDescription) -> String {
        hash(&json!([data.sha256, self.plan, self.training]))
    }
}

/// As [`Experiment::fingerprint`], of the experiments whose networks form an ensemble.
pub fn ensemble_fingerprint(members: &[&str], data: &DataDescription) -> String {
    let experiments = experiments();
    let members = experiments.iter().filter(|experiment| members.contains(&experiment.name));
    hash(&members.map(|member| json!([member.fingerprint(data), seeds(member.name)])).collect())
}

fn hash(value: &Value) -> String {
    Sha256::digest(value.to_string()).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// All experiments, the baseline first.
pub fn experiments() -> Vec<Experiment> {
    let baseline = Training { verbose: false, ..Training::default() };
    let network = |name, plan, training| Experiment { name, plan, training };
    let original = |name, training| network(name, mlp(&[Relu]), training);
    let optimizer = |optimizer| Training { optimizer, ..baseline.clone() };
    let schedule = |schedule| Training { schedule, ..baseline.clone() };
    let sampling = |sampling| Training { sampling, ..baseline.clone() };
    let augmented = |augmentation| Training { augmentation, ..baseline.clone() };
    let [shift, affine, elastic, all] = augmentations();
    let mistakes = Sampling::Mistakes { times: 4.0 };
    let pairs = Sampling::Classes { classes: vec![3, 4, 5, 7, 9], times: 2.0 };
    let long = |epochs| Training {
        epochs,
        optimizer: Optimizer::adam(0.003),
        schedule: Schedule::OneCycle { rise: 0.2 },
        augmentation: all,
        ..baseline.clone()
    };
    // Their settings were chosen on the validation digits; in the end they are trained on all digits.
    let convolutional = |epochs, augmentation| Training {
        optimizer: Optimizer::sgd(0.1).momentum(0.9).weight_decay(0.005),
        half_precision: true,
        validation_split: 0.0,
        augmentation,
        ..long(epochs)
    };
    // On the validation digits, smaller changes did better in so few epochs.
    let gentle =
        Augmentation { shift: 1.5, rotation: 7.0, scale: 0.07, shear: 5.0, elastic: 0.8, ..Augmentation::default() };
    // The larger ones of the network that this CNN follows, without slant and bending.
    let stiff = Augmentation { shift: 2.8, rotation: 10.0, scale: 0.1, ..Augmentation::default() };
    vec![
        original("baseline", baseline.clone()),
        original("Adam", optimizer(Optimizer::adam(0.001))),
        original("Nadam", optimizer(Optimizer::nadam(0.001))),
        original("step schedule", schedule(Schedule::Step { epochs: 5, factor: 0.3 })),
        original("cosine schedule", schedule(Schedule::Cosine)),
        original("one-cycle schedule", schedule(Schedule::OneCycle { rise: 0.3 })),
        original("reduce on plateau", schedule(Schedule::ReduceOnPlateau { patience: 2, factor: 0.3 })),
        original("early stopping", Training { early_stopping: Some(3), ..baseline.clone() }),
        original("label smoothing", Training { label_smoothing: 0.1, ..baseline.clone() }),
        network("dropout", mlp(&[Relu, Dropout(0.2)]), baseline.clone()),
        network("batch normalisation", mlp(&[BatchNorm, Relu]), baseline.clone()),
        original("mistakes more often", sampling(mistakes.clone())),
        original("confused pairs more often", sampling(pairs)),
        original("shift", augmented(shift)),
        original("shift + rotation + scale + shear", augmented(affine)),
        original("elastic", augmented(elastic)),
        original("all augmentation", augmented(all)),
        original("all augmentation + mistakes more often", Training { sampling: mistakes, ..augmented(all) }),
        network("CNN", Plan::cnn([28, 28], 10), baseline.clone()),
        network(BEST_MLP, mlp(&[BatchNorm, Relu, Dropout(0.05)]), long(80)),
        network(BEST_CNN, best_cnn(), convolutional(16, gentle)),
        network(UNPOOLED_CNN, unpooled_cnn(), convolutional(24, stiff)),
    ]
}

fn augmentations() -> [Augmentation; 4] {
    let nothing = Augmentation::default();
    let shift = Augmentation { shift: 2.0, ..nothing };
    let affine = Augmentation { rotation: 10.0, scale: 0.1, shear: 10.0, ..shift };
    [shift, affine, Augmentation { elastic: 1.5, ..nothing }, Augmentation { elastic: 1.2, ..affine }]
}

/// The original's dense layers with others behind each hidden one; with ReLU alone it is the original.
fn mlp(behind: &[Layer]) -> Plan {
    let hidden = [512, 256, 128].into_iter().flat_map(|size| [&[Dense(size)], behind].concat());
    Plan { input: vec![784], layers: hidden.chain([Dense(10)]).collect() }
}

fn cnn(layers: Vec<Layer>) -> Plan {
    Plan { input: vec![1, 28, 28], layers }
}

/// Seven convolutions. Pooling comes first in a block, so that the rest of it works on a quarter of the pixels.
fn best_cnn() -> Plan {
    let block = |channels, size, pool: &[Layer]| {
        [&[Convolution { channels, size, stride: 1, padding: size / 2 }], pool, &[BatchNorm, Relu]].concat()
    };
    let (pool, none) = ([MaxPool(2)], []);
    let coarse = [block(32, 5, &pool), block(48, 3, &none), block(48, 3, &none), block(64, 3, &pool)];
    let fine = [block(96, 3, &none), block(96, 3, &none), block(128, 3, &pool)];
    cnn([coarse.concat(), fine.concat(), vec![Flatten, Dropout(0.4), Dense(10)]].concat())
}

/// Seven convolutions in three groups, without padding and without pooling: two of them have a stride of two pixels
/// instead. After C. Deotte, 2018, <https://github.com/cdeotte/MNIST-CNN-99.75>.
fn unpooled_cnn() -> Plan {
    let block = |channels, size, stride| [Convolution { channels, size, stride, padding: 0 }, Relu, BatchNorm];
    let coarse = [block(32, 3, 1), block(32, 3, 1), block(32, 4, 2)].concat();
    let fine = [block(64, 3, 1), block(64, 3, 1), block(64, 3, 2)].concat();
    let whole = block(128, 3, 1).to_vec();
    let groups = [coarse, fine, whole].map(|group| [group, vec![Dropout(0.4)]].concat());
    cnn([groups.concat(), vec![Flatten, Dense(10)]].concat())
}
