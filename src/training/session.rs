//! A training under way: its steps and its history, and what it needs to keep an epoch or to roll one back.

use tch::Tensor;

use super::{
    Epoch, History, Trainer, Training,
    checkpoint::Checkpoint,
    description::{DataDescription, Description},
    state::State,
};
use crate::{Error, Result, data::Samples, model::Model, notebook::print};

/// What is said of a network whose weights are no longer those that it was made with.
const TRAINED: &str =
    "This network is trained already, and goes on from its weights. To start anew, make it again first.";

pub(super) struct Session<'a> {
    pub(super) trainer: Trainer<'a>,
    pub(super) history: History,
    training: &'a Training,
    state: State,
    /// The state before the first step.
    before: Vec<Tensor>,
    checkpoint: Option<Checkpoint>,
}

impl<'a> Session<'a> {
    /// Checks the settings and prepares the steps. Where a checkpoint holds epochs of this training, history and state
    /// become theirs.
    pub(super) fn open(
        model: &'a dyn Model,
        samples: &Samples,
        own_validation: Option<&Samples>,
        training: &'a Training,
    ) -> Result<Self> {
        [Some(samples), own_validation].into_iter().flatten().try_for_each(Samples::check)?;
        training.check(samples.classes.len(), own_validation.is_some())?;
        let (train, validation) = match own_validation {
            Some(own) => (samples.shallow_clone(), Some(own.shallow_clone())),
            None => training.split(samples)?,
        };
        let mut trainer = Trainer::new(model, &train, training)?;
        if let Some(validation) = validation {
            trainer.set_validation(validation)?;
        }
        let mut state = trainer.state();
        let before = state.copy();
        if training.early_stopping.is_some() {
            state.track_best();
        }
        let mut history = History { name: samples.name.clone(), epochs: Vec::new() };
        let checkpoint = match &training.checkpoint {
            Some(folder) => {
                let mut description = Description::of(model, samples, training)?;
                description.validation = own_validation.map(DataDescription::of).transpose()?;
                Some(Checkpoint::open(folder, description, &trainer, &state, &mut history)?)
            }
            None => None,
        };
        match history.epochs.last() {
            Some(last) if training.verbose => {
                print(format_args!("Going on after epoch {} of an earlier training\n", last.epoch));
            }
            None if training.verbose && is_trained(model) => print(format_args!("{TRAINED}\n")),
            _ => {}
        }
        Ok(Self { trainer, history, training, state, before, checkpoint })
    }

    pub(super) fn is_over(&self) -> bool {
        self.training.is_over(&self.history)
    }

    /// Adds an epoch to the history, and keeps its weights where they are the best or a checkpoint asks for them.
    pub(super) fn keep(&mut self, epoch: Epoch) -> Result<()> {
        self.history.epochs.push(epoch);
        if self.history.epochs_since_best() == Some(0) {
            self.state.record_best()?;
        }
        match &mut self.checkpoint {
            Some(checkpoint) => checkpoint.save(&self.trainer, &self.state, &self.history),
            None => Ok(()),
        }
    }

    /// Sets the model back, after an error: where training diverged, to what it was before the first epoch, else to the
    /// last epoch that a checkpoint keeps, if any.
    pub(super) fn roll_back(self, error: Error) -> Result<Error> {
        let has_diverged = matches!(error, Error::Diverged { .. });
        if has_diverged {
            self.state.restore(&self.before)?;
        }
        match self.checkpoint {
            Some(checkpoint) if has_diverged => checkpoint.discard()?,
            Some(checkpoint) => checkpoint.restore(&self.state)?,
            None => {}
        }
        Ok(match error {
            Error::Stopped => {
                let (history, kept) = (Box::new(self.history), self.training.checkpoint.clone());
                Error::Interrupted { epoch: history.epochs.len() + 1, kept, history }
            }
            other => other,
        })
    }

    /// Gives the model the best weights, where they were asked for, and marks the checkpoint as finished.
    pub(super) fn finish(self) -> Result<History> {
        self.state.restore_best()?;
        if let Some(checkpoint) = self.checkpoint {
            checkpoint.finish()?;
        }
        Ok(self.history)
    }
}

/// Tells whether a network that was made from a plan has other biases than 0, those that it starts with.
fn is_trained(model: &dyn Model) -> bool {
    let is_changed = |(name, tensor): &(String, Tensor)| name.ends_with(".bias") && tensor.any().int64_value(&[]) != 0;
    model.plan().is_some() && model.parameters().iter().any(is_changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::Dataset,
        model::{Layer::*, Network},
        training::fit,
    };

    #[test]
    fn a_network_is_trained_once_its_weights_have_changed() {
        let digits = Dataset::drawn(0).unwrap().test.preprocess();
        let network = || Network::new([784], [Dense(4), BatchNorm, Relu, Dense(10)], 3).unwrap();
        let training = |learning_rate| {
            let optimizer = crate::optimizer::Optimizer::sgd(learning_rate);
            Training { epochs: 1, optimizer, verbose: false, ..Training::default() }
        };
        let mut model = network();
        assert!(!is_trained(&model));
        // What diverged is as it was before.
        assert!(fit(&mut model, &digits, &training(1e30)).is_err());
        assert!(!is_trained(&model));
        fit(&mut model, &digits, &training(0.1)).unwrap();
        assert!(is_trained(&model) && is_trained(&model.clone()));
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("saved.safetensors");
        model.save(&file).unwrap();
        assert!(is_trained(&Network::load(&file).unwrap()) && !is_trained(&network()));
    }
}
