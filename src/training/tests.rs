//! Training on a problem small enough to see through: which of three inputs is the largest.

use std::{fs, path::Path};

use tch::{Device, Kind, Tensor};

use super::*;
use crate::{
    model::Mlp,
    optimizer::{RmsProp, Rule},
    random::{Purpose, generator, uniform},
};

fn samples(count: i64) -> Samples {
    let mut random = generator(5, Purpose::Digits);
    let values: Vec<f32> = (0..count * 3).map(|_| rand::Rng::gen_range(&mut random, 0.0..1.0)).collect();
    let inputs = Tensor::from_slice(&values).reshape([count, 3]);
    let labels = inputs.argmax(1, false);
    Samples::new("largest of three", inputs, labels).unwrap()
}

fn quiet(epochs: usize) -> Training {
    Training { epochs, batch_size: 32, verbose: false, ..Training::default() }
}

fn trained(training: &Training) -> (Mlp, History) {
    let mut model = Mlp::new(&[3, 16, 3], 1).unwrap();
    let history = fit(&mut model, &samples(330), training).unwrap();
    (model, history)
}

fn weights(model: &Mlp) -> Vec<Vec<f32>> {
    let flat = |(_, tensor): (String, Tensor)| Vec::<f32>::try_from(tensor.detach().reshape([-1])).unwrap();
    model.parameters().into_iter().map(flat).collect()
}

#[test]
fn training_learns_and_reports_every_epoch() {
    let optimizer = Optimizer::rms_prop(0.01);
    let (model, history) = trained(&Training { optimizer, ..quiet(60) });
    assert_eq!(history.epochs.len(), 60);
    assert_eq!(history.name, "largest of three");
    let (first, last) = (&history.epochs[0], &history.epochs[59]);
    assert!(last.loss < 0.7 * first.loss && last.accuracy > 0.9, "{first:?} {last:?}");
    // The last 20 % measured after the last epoch: the same digits, the same weights, the same scores.
    let (_, validation) = samples(330).split(0.2).unwrap();
    assert_eq!(last.validation.unwrap(), evaluate(&model, &validation).unwrap());
}

#[test]
fn a_seed_gives_the_same_bits_and_another_order_gives_others() {
    let of = |seed| weights(&trained(&Training { seed, ..quiet(2) }).0);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
}

#[test]
fn every_epoch_takes_all_digits_once_in_another_order() {
    let training = quiet(1);
    let (model, samples) = (Mlp::new(&[3, 3], 1).unwrap(), samples(100));
    let order = |epoch| Vec::<i64>::try_from(sampling::order(&training, &model, &samples, epoch).unwrap()).unwrap();
    let mut sorted = order(1);
    sorted.sort_unstable();
    assert_eq!(sorted, (0..100).collect::<Vec<_>>());
    assert_ne!(order(1), order(2));
    assert_ne!(order(1), sorted);
}

#[test]
fn the_last_partial_batch_is_kept_and_the_means_count_digits() {
    // Without learning to speak of, the mean over steps is the loss over all digits: 330 = 10 × 32 + 10.
    let optimizer = Optimizer::rms_prop(1e-12);
    let (model, history) = trained(&Training { optimizer, validation_split: 0.0, ..quiet(1) });
    let Scores { loss, accuracy } = evaluate(&model, &samples(330)).unwrap();
    assert!((history.epochs[0].loss - loss).abs() < 1e-6, "{} and {loss}", history.epochs[0].loss);
    assert!((history.epochs[0].accuracy - accuracy).abs() < 1e-12);
    assert_eq!(history.epochs[0].validation, None);
}

#[test]
fn a_loss_that_is_no_number_stops_training_at_its_step() {
    let digits = samples(330);
    let _ = digits.inputs.get(40).fill_(f64::NAN);
    let training = Training { shuffle: false, ..quiet(3) };
    let error = fit(&mut Mlp::new(&[3, 16, 3], 1).unwrap(), &digits, &training).unwrap_err();
    assert!(error.to_string().starts_with("the loss is NaN at step 2 of epoch 1; "), "{error}");
}

#[test]
fn settings_and_digits_that_do_not_fit_are_errors() {
    let error =
        |training: Training| fit(&mut Mlp::new(&[3, 3], 1).unwrap(), &samples(40), &training).unwrap_err().to_string();
    assert_eq!(error(quiet(0)), "epochs is 0; expected at least 1");
    assert_eq!(error(Training { batch_size: 0, ..quiet(1) }), "batch_size is 0; expected at least 1");
    assert!(error(Training { validation_split: 1.0, ..quiet(1) }).contains("split"));
    let narrow = fit(&mut Mlp::new(&[2, 3], 1).unwrap(), &samples(40), &quiet(1)).unwrap_err().to_string();
    assert_eq!(narrow, "pixels: found 3 per digit, expected 2, the network's inputs");
    let classes = fit(&mut Mlp::new(&[3, 2], 1).unwrap(), &samples(40), &quiet(1)).unwrap_err().to_string();
    assert_eq!(classes, "labels: found 2, expected 0 to 1, the network's classes");
    let narrow = fit(&mut Own(Mlp::new(&[2, 3], 1).unwrap()), &samples(40), &quiet(1)).unwrap_err().to_string();
    assert!(narrow.starts_with("libtorch: "), "{narrow}");
}

/// Steps small enough that rounding stays small: RMSprop divides small gradients by their size.
fn large_epsilon() -> Training {
    let rule = Rule::RmsProp(RmsProp { epsilon: 1e-3, ..RmsProp::default() });
    Training { optimizer: Optimizer { rule, learning_rate: 0.001 }, ..Training::default() }
}

/// A network that training does not know for an MLP, as one written in a notebook.
struct Own(Mlp);

impl Model for Own {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.0.forward(inputs)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.0.parameters()
    }
}

#[test]
fn the_written_out_step_does_what_autograd_does() {
    let count = 300;
    // Two kernels of several blocks; a third of the pixels is blank everywhere, another third here and there.
    // Always the same numbers: of others, one in a hundred has a sum so near 0 that rounding decides on which side it lies.
    let mut random = generator(7, Purpose::Digits);
    let mut drawn = |shape: &[i64]| uniform(shape, [0.0, 1.0], Device::Cpu, &mut random).unwrap();
    let inputs = drawn(&[count, 600]);
    let _ = inputs.narrow(1, 0, 200).zero_();
    let _ = inputs.narrow(1, 200, 200).f_mul_(&inputs.narrow(1, 200, 200).gt(0.99)).unwrap();
    let labels = (drawn(&[count]) * 7.0).to_kind(Kind::Int64);
    let samples = Samples::new("noise", inputs, labels).unwrap();
    for sizes in [&[600, 7][..], &[600, 300, 7], &[600, 500, 400, 7]] {
        let (mlp, own) = (Mlp::new(sizes, 3).unwrap(), Own(Mlp::new(sizes, 3).unwrap()));
        // One step: later ones would blow rounding up, because RMSprop divides small gradients by their size.
        for digits in [1, 33, 300] {
            let training = large_epsilon();
            let positions = drawn(&[count]).argsort(0, false).narrow(0, 0, digits);
            let step =
                |model: &dyn Model| Steps::new(model, &samples, &training).unwrap().step(&positions, 0.001).unwrap();
            let [written_out, autograd] = [step(&mlp), step(&own)];
            let difference = written_out.loss.double_value(&[]) - autograd.loss.double_value(&[]);
            assert!(difference.abs() < 1e-5, "{difference}");
            assert_eq!(written_out.correct.int64_value(&[]), autograd.correct.int64_value(&[]));
            for ((name, found), (_, expected)) in mlp.parameters().iter().zip(own.parameters()) {
                let error = (found - expected).abs().max().double_value(&[]);
                assert!(error < 1e-6, "{sizes:?}, {digits} digits, {name}: {error}");
            }
        }
    }
}

#[test]
fn the_last_batch_of_an_epoch_may_be_smaller() {
    let (mlp, own) = (Mlp::new(&[3, 16, 3], 1).unwrap(), Own(Mlp::new(&[3, 16, 3], 1).unwrap()));
    let (samples, training) = (samples(100), large_epsilon());
    for model in [&mlp as &dyn Model, &own] {
        let mut steps = Steps::new(model, &samples, &training).unwrap();
        for positions in Tensor::arange(100, (Kind::Int64, Device::Cpu)).split(32, 0) {
            assert_eq!(steps.step(&positions, 0.001).unwrap().digits, positions.numel());
        }
    }
    for (found, expected) in weights(&mlp).concat().into_iter().zip(weights(&own.0).concat()) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

/// A training of two epochs as it would lie in its folder had it been asked for four and been interrupted.
fn interrupted(folder: &Path) -> Training {
    let training = Training { checkpoint: Some(folder.into()), ..quiet(2) };
    trained(&training);
    let file = folder.join("epoch-0002/settings.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"epochs\": 2", "\"epochs\": 4")).unwrap();
    Training { epochs: 4, ..training }
}

#[test]
fn an_interrupted_training_goes_on_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (model, history) = trained(&interrupted(folder.path()));
    let (expected, whole) = trained(&quiet(4));
    assert_eq!(weights(&model), weights(&expected));
    let losses = |history: &History| history.epochs.iter().map(|epoch| (epoch.epoch, epoch.loss)).collect::<Vec<_>>();
    assert_eq!(losses(&history), losses(&whole));
    let mut kept: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    kept.sort();
    assert_eq!(kept, ["epoch-0004", "lock"]);
}

#[test]
fn a_finished_training_starts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let training = Training { checkpoint: Some(folder.path().into()), ..quiet(2) };
    let (first, again) = (trained(&training), trained(&training));
    assert_eq!(weights(&first.0), weights(&again.0));
    assert_ne!(first.1.epochs[1].seconds, again.1.epochs[1].seconds);
    // Also where an older version of this library left it, with fewer settings.
    let file = folder.path().join("epoch-0002/settings.json");
    fs::write(&file, fs::read_to_string(&file).unwrap().replace("\"shuffle\"", "\"forgotten\"")).unwrap();
    assert_eq!(weights(&trained(&training).0), weights(&first.0));
}

#[test]
fn only_the_same_training_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let training = interrupted(folder.path());
    let error = |model: &[usize], seed, digits: &Samples, training: &Training| {
        fit(&mut Mlp::new(model, seed).unwrap(), digits, training).unwrap_err().to_string()
    };
    let fewer = samples(330).select(&Tensor::arange(300, (Kind::Int64, Device::Cpu))).unwrap();
    let slower = Training { optimizer: Optimizer::rms_prop(0.01), ..training.clone() };
    let errors = [
        (error(&[3, 16, 3], 2, &samples(330), &training), "found an interrupted training with other first weights"),
        (error(&[3, 16, 3], 1, &fewer, &training), "with digits 330, expected 300"),
        (error(&[3, 16, 3], 1, &samples(330), &slower), "\"learning_rate\":0.001"),
    ];
    for (error, expected) in errors {
        assert!(error.contains(expected) && error.contains("to start anew, remove the folder"), "{error}");
    }
    let lock = fs::File::create(folder.path().join("lock")).unwrap();
    lock.lock().unwrap();
    let used = error(&[3, 16, 3], 1, &samples(330), &training);
    assert!(used.ends_with("; expected a folder that no other training is using"), "{used}");
    drop(lock);
    // What was refused is still there.
    assert_eq!(trained(&training).1.epochs.len(), 4);
}

#[test]
fn predictions_are_probabilities_and_mistakes_come_most_confident_first() {
    let (model, _) = trained(&quiet(5));
    let digits = samples(330);
    let predictions = predict(&model, &digits).unwrap();
    let sums = Vec::<f64>::try_from(predictions.probabilities.sum_dim_intlist(1, false, Kind::Double)).unwrap();
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    let mistakes = predictions.mistakes().unwrap();
    let wrong = (0..330).filter(|&index| predictions.predicted[index] != predictions.truth[index]).count();
    assert!(wrong > 0 && mistakes.len() == wrong);
    assert!(mistakes.is_sorted_by(|(_, first), (_, second)| first >= second));
    let scores = evaluate(&model, &digits).unwrap();
    assert!((scores.accuracy - (1.0 - wrong as f64 / 330.0)).abs() < 1e-12);
}

#[test]
fn history_is_a_frame_and_survives_json() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.json");
    let (_, history) = trained(&quiet(2));
    assert_eq!((history.frame().unwrap().height(), history.frame().unwrap().width()), (2, 6));
    history.save_json(&path).unwrap();
    assert_eq!(serde_json::from_str::<History>(&fs::read_to_string(&path).unwrap()).unwrap(), history);
}
