//! Classifies the digits of a person's own picture.

use std::fmt;

use mnist_classification::{
    Error, Result,
    data::Classes,
    model::{Model, Network},
    support::percent,
};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use crate::{
    Layout, Picture,
    choice::{Choice, LIKELY, Reading, SETTLED, least},
    picture::Alternative,
};

/// An answer with a lower probability is doubtful.
pub const SURE: f64 = 0.9;

/// A network's answer to a picture. Its text is the answer, then the probabilities: of all classes where there is one
/// digit, else of each digit's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The digits, row by row from left to right.
    pub digits: Vec<DigitAnswer>,
    /// Where they stand, and what stands between them.
    pub layout: Layout,
    /// Which of the picture's alternatives it takes.
    pub(crate) taken: Vec<usize>,
}

/// A network's answer to one digit, or to whatever its classes are.
#[derive(Clone, Debug, PartialEq)]
pub struct DigitAnswer {
    /// The name and the probability of each class.
    pub probabilities: Vec<(String, f64)>,
    /// The probability that it is of no class; nothing where the network cannot tell.
    pub none: Option<f64>,
}

/// Reads a picture with a model whose classes these are.
///
/// # Errors
/// [`Error::Mismatch`] when the model has more or fewer outputs than there are classes; [`Error::Torch`] when it cannot
/// take the picture.
pub fn classify(model: &dyn Model, picture: &Picture, classes: &Classes) -> Result<Answer> {
    read(picture, classes, device_of(model), |inputs| {
        let logits = model.forward(inputs)?;
        check_classes(&logits, classes)?;
        Ok(logits)
    })
}

/// Reads a picture as [`classify`] does, where it may show none of the classes: `none` has a logit for that, which it
/// computes from what the network's last layer takes. All logits share one softmax.
///
/// # Errors
/// As [`classify`], of both.
pub fn classify_or_reject(network: &Network, none: &Network, picture: &Picture, classes: &Classes) -> Result<Answer> {
    read(picture, classes, device_of(network), |inputs| {
        let mut outputs = network.layer_outputs(inputs)?;
        let logits = outputs.pop().unwrap_or_else(|| inputs.shallow_clone());
        check_classes(&logits, classes)?;
        let none = none.forward(outputs.last().unwrap_or(inputs))?;
        Ok(Tensor::f_cat(&[logits, none], 1)?)
    })
}

/// So many digits go through a network at a time: a page full of them would take much memory.
const AT_ONCE: i64 = 64;

/// Reads a picture by the logits of its inputs. A digit may be two that touch, or two may be pieces of one: that is
/// taken where it is likely, and the digits as they are are not.
fn read(
    picture: &Picture,
    classes: &Classes,
    device: Device,
    logits: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Answer> {
    let _guard = tch::no_grad_guard();
    let answer_to = |inputs: &Tensor, layout| {
        let some = inputs.f_to(device)?.f_split(AT_ONCE, 0)?;
        answer(&Tensor::f_cat(&some.iter().map(&logits).collect::<Result<Vec<_>>>()?, 0)?, classes, layout)
    };
    let answer = answer_to(&picture.inputs, &picture.layout)?;
    let is_open = |other: &Alternative| {
        let settled = if other.boxes.len() > 1 { SETTLED } else { LIKELY };
        other.are_close || least(&answer.digits[other.digits.clone()]) < settled
    };
    let open: Vec<_> = (0..picture.alternatives.len()).filter(|&place| is_open(&picture.alternatives[place])).collect();
    if open.is_empty() {
        return Ok(answer);
    }
    let parts = answer_to(&picture.inputs_of(&open)?, &picture.layout)?.digits;
    let mut rest = &parts[..];
    let reading = |&place: &usize| {
        let Alternative { digits, boxes, are_close, .. } = &picture.alternatives[place];
        let others = rest.split_off(..boxes.len()).unwrap_or_default();
        Reading { digits: digits.clone(), others, are_close: *are_close }
    };
    let readings: Vec<_> = open.iter().map(reading).collect();
    let Choice { taken, may_touch, in_pieces } = Choice::of(&answer.digits, &readings);
    let mut digits = answer.digits;
    for &index in taken.iter().rev() {
        digits.splice(readings[index].digits.clone(), readings[index].others.iter().cloned());
    }
    let taken: Vec<_> = taken.into_iter().map(|index| open[index]).collect();
    let layout = if taken.is_empty() { answer.layout } else { picture.with(&taken)?.layout };
    Ok(Answer { digits, taken, layout: Layout { may_touch, in_pieces, ..layout } })
}

/// Compares the number of logits with that of the classes.
fn check_classes(logits: &Tensor, classes: &Classes) -> Result<()> {
    if matches!(logits.size()[..], [_, count] if count == classes.len() as i64) {
        return Ok(());
    }
    let expected = format!("[pictures, {}], a logit for each class", classes.len());
    Err(Error::mismatch("the network's outputs", format!("{:?}", logits.size()), expected))
}

/// Returns the device of a model's parameters.
fn device_of(model: &dyn Model) -> Device {
    model.parameters().first().map_or(Device::Cpu, |(_, parameter)| parameter.device())
}

/// Turns the logits of all classes, and perhaps one for none of them behind these, into probabilities.
fn answer(logits: &Tensor, classes: &Classes, layout: &Layout) -> Result<Answer> {
    let probabilities = Vec::<Vec<f64>>::try_from(logits.f_softmax(1, Kind::Double)?)?;
    let named = |each: Vec<f64>| DigitAnswer {
        none: each.get(classes.len()).copied(),
        probabilities: classes.names().iter().cloned().zip(each).collect(),
    };
    Ok(Answer { digits: probabilities.into_iter().map(named).collect(), layout: layout.clone(), taken: Vec::new() })
}

impl Answer {
    /// Returns the answer as it is written: the names of the digits with the marks between them, and a space between
    /// rows: `42`, `3.5`, `-7`, `12 34`.
    pub fn text(&self) -> String {
        self.layout.text(self.digits.iter().map(|digit| digit.best().0))
    }

    /// Returns the lowest of the digits' probabilities.
    pub fn probability(&self) -> f64 {
        least(&self.digits)
    }

    /// Tells whether a digit of it may well be another one, or the picture shows more than digits and marks.
    pub fn is_doubtful(&self) -> bool {
        self.doubt().is_some()
    }

    /// Says why the answer is doubtful; nothing where it is not.
    pub fn doubt(&self) -> Option<&'static str> {
        let is_unsure = self.probability() < SURE;
        let may_be_none = |digit: &DigitAnswer| digit.none.is_some_and(|none| none > 1.0 - SURE);
        if is_unsure && self.digits.iter().any(may_be_none) {
            Some("this may not be a digit")
        } else if !self.layout.left_out.is_empty() {
            Some("a mark that is no digit is left out")
        } else if self.layout.may_touch {
            Some("digits may touch")
        } else if self.layout.in_pieces {
            Some("a digit may be in pieces")
        } else {
            is_unsure.then_some("doubtful")
        }
    }

    /// Returns the answer for a program.
    pub fn json(&self) -> Value {
        let Layout { boxes, left_out, .. } = &self.layout;
        let digit = |(place, digit): (usize, &DigitAnswer)| {
            let (answer, probability) = digit.best();
            let probabilities: Value = digit.probabilities.iter().cloned().collect();
            json!({
                "answer": answer, "probability": probability, "probabilities": probabilities, "none": digit.none,
                "box": boxes.get(place),
            })
        };
        let digits: Vec<_> = self.digits.iter().enumerate().map(digit).collect();
        let (answer, doubt) = (self.text(), self.doubt());
        json!({ "answer": answer, "doubtful": doubt.is_some(), "doubt": doubt, "digits": digits, "left_out": left_out })
    }
}

impl DigitAnswer {
    /// Returns the class with the highest probability, and that.
    pub fn best(&self) -> (&str, f64) {
        let best = self.probabilities.iter().max_by(|(_, one), (_, other)| one.total_cmp(other));
        best.map_or(("", 0.0), |(name, probability)| (name, *probability))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        let doubt = self.doubt().map(|doubt| format!(" ({doubt})")).unwrap_or_default();
        writeln!(formatter, "{}{doubt}", self.text())?;
        let mut line = |name: &str, probability: f64| writeln!(formatter, "  {name}  {:>9}", percent(probability, 2));
        match &self.digits[..] {
            [digit] => {
                digit.probabilities.iter().try_for_each(|(name, probability)| line(name, *probability))?;
                digit.none.map_or(Ok(()), |none| line("none", none))
            }
            digits => digits.iter().map(DigitAnswer::best).try_for_each(|(name, probability)| line(name, probability)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digit(probabilities: [f64; 3]) -> DigitAnswer {
        let probabilities = ["a", "b", "c"].map(String::from).into_iter().zip(probabilities).collect();
        DigitAnswer { probabilities, none: None }
    }

    #[test]
    fn an_answer_is_as_sure_as_its_least_sure_digit() {
        let sure = Answer { digits: vec![digit([0.0, 0.95, 0.05])], ..Answer::default() };
        assert_eq!(sure.to_string(), "b\n  a     0.00 %\n  b    95.00 %\n  c     5.00 %\n");
        let number = Answer { digits: vec![digit([0.0, 0.95, 0.05]), digit([0.6, 0.4, 0.0])], ..Answer::default() };
        assert_eq!(number.to_string(), "ba (doubtful)\n  b    95.00 %\n  a    60.00 %\n");
        assert_eq!((number.json()["answer"].as_str(), number.json()["doubtful"].as_bool()), (Some("ba"), Some(true)));
        assert_eq!(number.json()["digits"][1]["probabilities"]["b"], 0.4);
    }

    #[test]
    fn what_may_be_none_of_the_classes_is_told_and_takes_its_share_of_the_probabilities() {
        let letter =
            Answer { digits: vec![DigitAnswer { none: Some(0.3), ..digit([0.0, 0.7, 0.0]) }], ..Answer::default() };
        let shown = "b (this may not be a digit)\n  a     0.00 %\n  b    70.00 %\n  c     0.00 %\n  none    30.00 %\n";
        assert_eq!(letter.to_string(), shown);
        assert_eq!(letter.json()["doubt"], "this may not be a digit");
        let known =
            Answer { digits: vec![DigitAnswer { none: Some(0.01), ..digit([0.0, 0.7, 0.29]) }], ..Answer::default() };
        assert_eq!(known.doubt(), Some("doubtful"));
        let logits = Tensor::from_slice(&[0.0_f32, 0.0, 2.0_f32.ln()]).reshape([1, 3]);
        let answer = answer(&logits, &Classes::numbered(2), &Layout::default()).unwrap();
        assert_eq!(answer.digits[0].probabilities.len(), 2);
        assert!((answer.digits[0].none.unwrap() - 0.5).abs() < 1e-6 && answer.is_doubtful());
    }

    #[test]
    fn more_or_fewer_outputs_than_classes_are_an_error() {
        let five = Classes::new(["a", "b", "c", "d", "e"]);
        for outputs in [4, 6] {
            let logits = Tensor::zeros([1, outputs], (Kind::Float, Device::Cpu));
            let error = check_classes(&logits, &five).unwrap_err().to_string();
            let expected = "expected [pictures, 5], a logit for each class";
            assert_eq!(error, format!("the network's outputs: found [1, {outputs}], {expected}"));
        }
        assert!(check_classes(&Tensor::zeros([2, 5], (Kind::Float, Device::Cpu)), &five).is_ok());
    }
}
