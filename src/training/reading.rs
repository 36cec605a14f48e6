//! What a network takes the digits of a person's own picture for.

use std::fmt;

use serde_json::{Map, Value, json};
use tch::Kind;

use crate::{
    Result,
    data::{Classes, Picture},
    model::Model,
};

/// An answer with a lower probability is doubtful.
pub(crate) const SURE: f64 = 0.9;

/// What a network takes a picture for. Its text is the answer, then the probabilities: of all classes where there is one
/// digit, else of each digit's own.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The digits from left to right.
    pub digits: Vec<Digit>,
}

/// A digit, or what else a network's classes are.
#[derive(Clone, Debug, PartialEq)]
pub struct Digit {
    /// The name and the probability of each class.
    pub probabilities: Vec<(String, f64)>,
}

/// Reads a picture with a model whose classes these are.
///
/// # Errors
/// [`Error::Torch`](crate::Error::Torch) when the model cannot take the picture.
pub fn read(model: &dyn Model, picture: &Picture, classes: &Classes) -> Result<Answer> {
    let _guard = tch::no_grad_guard();
    let parameters = model.parameters();
    let device = parameters.first().map_or(tch::Device::Cpu, |(_, parameter)| parameter.device());
    let logits = model.forward(&picture.inputs.f_to(device)?)?;
    let probabilities = Vec::<Vec<f64>>::try_from(logits.f_softmax(1, Kind::Double)?)?;
    let named = |each: Vec<f64>| Digit { probabilities: classes.names().iter().cloned().zip(each).collect() };
    Ok(Answer { digits: probabilities.into_iter().map(named).collect() })
}

impl Answer {
    /// The names of the digits in a row: `42`.
    pub fn text(&self) -> String {
        self.digits.iter().map(|digit| digit.best().0).collect()
    }

    /// The lowest of the digits' probabilities.
    pub fn probability(&self) -> f64 {
        self.digits.iter().map(|digit| digit.best().1).fold(1.0, f64::min)
    }

    /// Whether a digit of it may well be another one.
    pub fn is_doubtful(&self) -> bool {
        self.probability() < SURE
    }

    /// The answer for a program.
    pub fn json(&self) -> Value {
        let digit = |digit: &Digit| {
            let probabilities: Map<_, _> =
                digit.probabilities.iter().map(|(name, probability)| (name.clone(), json!(probability))).collect();
            json!({ "answer": digit.best().0, "probability": digit.best().1, "probabilities": probabilities })
        };
        let digits: Vec<_> = self.digits.iter().map(digit).collect();
        json!({ "answer": self.text(), "doubtful": self.is_doubtful(), "digits": digits })
    }
}

impl Digit {
    /// The class with the highest probability, and that.
    pub fn best(&self) -> (&str, f64) {
        let best = self.probabilities.iter().max_by(|(_, one), (_, other)| one.total_cmp(other));
        best.map_or(("", 0.0), |(name, probability)| (name, *probability))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        writeln!(formatter, "{}{}", self.text(), if self.is_doubtful() { " (doubtful)" } else { "" })?;
        let mut line = |name: &str, probability: f64| writeln!(formatter, "  {name}  {:6.2} %", 100.0 * probability);
        match &self.digits[..] {
            [digit] => digit.probabilities.iter().try_for_each(|(name, probability)| line(name, *probability)),
            digits => digits.iter().map(Digit::best).try_for_each(|(name, probability)| line(name, probability)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digit(probabilities: [f64; 3]) -> Digit {
        Digit { probabilities: ["a", "b", "c"].map(String::from).into_iter().zip(probabilities).collect() }
    }

    #[test]
    fn an_answer_is_as_sure_as_its_least_sure_digit() {
        let sure = Answer { digits: vec![digit([0.0, 0.95, 0.05])] };
        assert_eq!(sure.to_string(), "b\n  a    0.00 %\n  b   95.00 %\n  c    5.00 %\n");
        let number = Answer { digits: vec![digit([0.0, 0.95, 0.05]), digit([0.6, 0.4, 0.0])] };
        assert_eq!(number.to_string(), "ba (doubtful)\n  b   95.00 %\n  a   60.00 %\n");
        assert_eq!((number.json()["answer"].as_str(), number.json()["doubtful"].as_bool()), (Some("ba"), Some(true)));
        assert_eq!(number.json()["digits"][1]["probabilities"]["b"], 0.4);
    }
}
