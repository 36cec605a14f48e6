//! Training on a problem small enough to see through: which of three inputs is the largest.

use std::{fs, ops::ControlFlow};

use tch::{Kind, Tensor};

use super::*;
use crate::{
    Error, Result,
    data::Samples,
    model::{Layer, Model, Network},
    optimizer::Optimizer,
    random::{Purpose, generator},
};

fn samples(count: i64) -> Samples {
    let mut random = generator(5, Purpose::DrawnDigits);
    let values: Vec<f32> = (0..count * 3).map(|_| rand::Rng::gen_range(&mut random, 0.0..1.0)).collect();
    let inputs = Tensor::from_slice(&values).reshape([count, 3]);
    Samples::new("largest of three", inputs.shallow_clone(), inputs.argmax(1, false)).unwrap()
}

fn quiet(epochs: usize) -> Training {
    Training { epochs, batch_size: 32, verbose: false, ..Training::default() }
}

fn trained(training: &Training) -> (Network, History) {
    let mut model = Network::mlp([3, 16, 3], 1).unwrap();
    let history = fit(&mut model, &samples(330), training).unwrap();
    (model, history)
}

fn weights(model: &dyn Model) -> Vec<Vec<f32>> {
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
    // The last 20 % measured after the last epoch: the same digits, the same weights, the same scores but for rounding.
    let (_, validation) = samples(330).split(0.2).unwrap();
    let (found, expected) = (last.validation.unwrap(), evaluate(&model, &validation).unwrap());
    assert_eq!(found.accuracy, expected.accuracy);
    assert!((found.loss - expected.loss).abs() < 1e-6, "{found:?} {expected:?}");
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
    let (model, samples) = (Network::mlp([3, 3], 1).unwrap(), samples(100));
    let order = |epoch| Vec::<i64>::try_from(training.order(&model, &samples, epoch).unwrap()).unwrap();
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

/// Steps so large that the parameters overflow.
fn far_too_fast() -> Training {
    Training { optimizer: Optimizer::sgd(1e60), ..quiet(3) }
}

#[test]
fn a_loss_that_is_nan_stops_training_at_its_step() {
    let digits = samples(330);
    let _ = digits.inputs.get(40).fill_(f64::NAN);
    let training = Training { shuffle: false, ..quiet(3) };
    let error = fit(&mut Network::mlp([3, 16, 3], 1).unwrap(), &digits, &training).unwrap_err();
    assert!(error.to_string().starts_with("the loss is NaN at step 2 of epoch 1; "), "{error}");
}

#[test]
fn after_a_training_that_diverged_the_model_is_as_before_and_a_smaller_rate_works() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("checkpoint");
    let mut model = Network::mlp([3, 16, 3], 1).unwrap();
    let before = weights(&model);
    let training = Training { checkpoint: Some(folder.clone()), ..far_too_fast() };
    let error = fit(&mut model, &samples(330), &training).unwrap_err().to_string();
    assert!(error.contains("the model is as it was before: try a smaller learning rate (now 1000"), "{error}");
    assert_eq!(weights(&model), before);
    assert!(!folder.exists());
    fit(&mut model, &samples(330), &Training { optimizer: Optimizer::sgd(0.1), ..training }).unwrap();
    assert_eq!(weights(&model), weights(&trained(&Training { optimizer: Optimizer::sgd(0.1), ..quiet(3) }).0));
}

#[test]
fn damage_of_the_last_step_is_seen_without_validation() {
    // One step: its loss is measured before the update that does the damage.
    let training = Training { validation_split: 0.0, batch_size: 330, epochs: 1, ..far_too_fast() };
    let error = fit(&mut Network::mlp([3, 16, 3], 1).unwrap(), &samples(330), &training).unwrap_err();
    assert!(matches!(error, Error::Diverged { epoch: 1, step: 1, .. }), "{error}");
}

#[test]
fn no_samples_are_an_error_that_says_so() {
    let none = samples(10).select(&Tensor::from_slice::<i64>(&[])).unwrap();
    let error = fit(&mut Network::mlp([3, 3], 1).unwrap(), &none, &quiet(1)).unwrap_err();
    assert!(matches!(error, Error::Empty { .. }), "{error}");
}

#[test]
fn settings_and_digits_that_do_not_fit_are_errors() {
    let error = |training: Training| {
        fit(&mut Network::mlp([3, 3], 1).unwrap(), &samples(40), &training).unwrap_err().to_string()
    };
    assert_eq!(error(quiet(0)), "epochs is 0; expected at least 1");
    assert_eq!(error(Training { batch_size: 0, ..quiet(1) }), "batch_size is 0; expected at least 1");
    assert!(error(Training { validation_split: 1.0, ..quiet(1) }).contains("split"));
    let narrow = fit(&mut Network::mlp([2, 3], 1).unwrap(), &samples(40), &quiet(1)).unwrap_err().to_string();
    assert_eq!(narrow, "pixels: found 3 per sample, expected 2, the network's inputs");
    let classes = fit(&mut Network::mlp([3, 2], 1).unwrap(), &samples(40), &quiet(1)).unwrap_err().to_string();
    assert_eq!(classes, "labels: found 2, expected 0 to 1, the network's classes");
    let mut normalised = Network::new([2], [Layer::Dense(3), Layer::BatchNorm], 1).unwrap();
    let narrow = fit(&mut normalised, &samples(40), &quiet(1)).unwrap_err().to_string();
    assert_eq!(narrow, "pixels: found 3 per sample, expected 2, the network's inputs");
    let mut few = Network::new([3], [Layer::Dense(2), Layer::BatchNorm], 1).unwrap();
    let few = fit(&mut few, &samples(40), &quiet(1)).unwrap_err().to_string();
    assert_eq!(few, "labels: found 2, expected 0 to 1, the network's classes");
}

#[test]
fn frozen_parameters_stay_whatever_trains_the_others() {
    for optimizer in
        [Optimizer::rms_prop(0.01), Optimizer::adam(0.01), Optimizer::sgd(0.1).momentum(0.9).weight_decay(0.1)]
    {
        let mut model = Network::mlp([3, 16, 3], 1).unwrap();
        let _ = model.parameters()[0].1.set_requires_grad(false);
        let before = weights(&model);
        fit(&mut model, &samples(330), &Training { optimizer, ..quiet(1) }).unwrap();
        let after = weights(&model);
        assert_eq!(after[0], before[0], "{optimizer:?}");
        assert!((1..4).all(|index| after[index] != before[index]), "{optimizer:?}");
    }
}

#[test]
fn trainings_side_by_side_give_the_same_bits_as_alone() {
    let alone = weights(&trained(&quiet(3)).0);
    let together = std::thread::scope(|scope| {
        let started = [(); 2].map(|()| scope.spawn(|| weights(&trained(&quiet(3)).0)));
        started.map(|thread| thread.join().unwrap())
    });
    assert!(together.iter().all(|weights| *weights == alone));
}

#[test]
fn tied_parameters_are_an_error_and_no_data_race() {
    /// An MLP whose two layers have the same kernel.
    struct Tied(Network);
    impl Model for Tied {
        fn forward(&self, inputs: &Tensor) -> crate::Result<Tensor> {
            self.0.forward(inputs)
        }

        fn parameters(&self) -> Vec<(String, Tensor)> {
            let mut parameters = self.0.parameters();
            parameters[2].1 = parameters[0].1.shallow_clone();
            parameters
        }

        fn plan(&self) -> Option<&crate::model::Plan> {
            Some(self.0.plan())
        }
    }
    let mut tied = Tied(Network::mlp([3, 3, 3], 1).unwrap());
    let error = fit(&mut tied, &samples(40), &quiet(1)).unwrap_err().to_string();
    assert!(error.contains("memory that another one shares"), "{error}");
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
    assert_eq!((history.frame().unwrap().height(), history.frame().unwrap().width()), (2, 7));
    history.save_json(&path).unwrap();
    assert_eq!(serde_json::from_str::<History>(&fs::read_to_string(&path).unwrap()).unwrap(), history);
}

#[test]
fn validation_samples_of_ones_own_take_the_place_of_the_split() {
    let (train, validation) = samples(330).split(0.2).unwrap();
    let go_on = |_: &mut Epoch, _: &dyn Model| Ok(ControlFlow::Continue(()));
    let mut model = Network::mlp([3, 16, 3], 1).unwrap();
    let history = fit_with(&mut model, &train, &quiet(2), Some(&validation), go_on).unwrap();
    let (split, expected) = trained(&quiet(2));
    assert_eq!(weights(&model), weights(&split));
    assert_eq!(history.best().unwrap().validation, expected.best().unwrap().validation);
    // Early stopping needs no split then.
    let stopping = Training { validation_split: 0.0, early_stopping: Some(1), ..quiet(2) };
    assert!(fit(&mut model, &train, &stopping).is_err());
    assert!(fit_with(&mut model, &train, &stopping, Some(&validation), go_on).is_ok());
    let none = samples(10).select(&Tensor::from_slice::<i64>(&[])).unwrap();
    let error = fit_with(&mut model, &train, &quiet(1), Some(&none), go_on).unwrap_err();
    assert!(matches!(error, Error::Empty { .. }), "{error}");
}

#[test]
fn a_second_fit_is_a_training_of_its_own() {
    let (mut model, _) = trained(&quiet(2));
    let mut copy = model.clone();
    fit(&mut model, &samples(330), &quiet(1)).unwrap();
    fit(&mut copy, &samples(330), &quiet(1)).unwrap();
    assert_eq!(weights(&model), weights(&copy));
    assert_ne!(weights(&model), weights(&trained(&quiet(3)).0));
}

/// A network that is interrupted after so many steps.
struct Interrupted(Network, std::cell::Cell<usize>);

impl Model for Interrupted {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> {
        self.0.forward(inputs)
    }

    fn parameters(&self) -> Vec<(String, Tensor)> {
        self.0.parameters()
    }

    fn forward_training(&self, inputs: &Tensor, _: &mut crate::Random) -> Result<Tensor> {
        match self.1.replace(self.1.get().saturating_sub(1)) {
            0 => Err(Error::Stopped),
            _ => self.0.forward(inputs),
        }
    }
}

/// An epoch has nine steps.
#[test]
fn an_interrupted_training_gives_the_history_of_its_finished_epochs() {
    let mut model = Interrupted(Network::mlp([3, 16, 3], 1).unwrap(), std::cell::Cell::new(20));
    match fit(&mut model, &samples(330), &quiet(5)).unwrap_err() {
        Error::Interrupted { epoch: 3, kept: None, history } => assert_eq!(history.epochs.len(), 2),
        error => panic!("{error}"),
    }
}

#[test]
fn an_error_in_the_callback_ends_the_training() {
    let mut model = Network::mlp([3, 16, 3], 1).unwrap();
    let fails = |epoch: &mut Epoch, _: &dyn Model| match epoch.epoch {
        2 => Err(Error::Empty { name: "nothing".into() }),
        _ => Ok(ControlFlow::Continue(())),
    };
    let error = fit_with(&mut model, &samples(330), &quiet(5), None, fails).unwrap_err();
    assert!(matches!(error, Error::Empty { .. }), "{error}");
    let stopped = fit_with(&mut model, &samples(330), &quiet(5), None, |_, _| Err(Error::Stopped)).unwrap_err();
    assert!(matches!(stopped, Error::Interrupted { epoch: 1, .. }), "{stopped}");
}
