//! Whether probabilities mean what they say: of digits that are read with 90 %, nine in ten should be right.

use std::fmt;

use own_digit::Answer;

/// The bands of probability that [`Calibration`] shows, in percent.
const BANDS: [(f64, f64); 4] = [(0.0, 50.0), (50.0, 90.0), (90.0, 99.0), (99.0, 100.1)];

/// How many bands the expected calibration error is summed over.
const FINE_BANDS: usize = 15;

/// The probability of each digit that was read, and whether it is right.
#[derive(Default)]
pub struct Calibration(Vec<(f64, bool)>);

impl Calibration {
    /// Adds the digits of a picture, where as many were found as there are.
    pub fn add(&mut self, answer: &Answer, expected: &str) {
        if answer.digits.len() == expected.chars().count() {
            let best = answer.digits.iter().map(|digit| digit.best());
            self.0.extend(
                best.zip(expected.chars()).map(|((name, probability), digit)| (probability, name.chars().eq([digit]))),
            );
        }
    }

    /// How far probability and share of right ones lie apart, in the mean over all digits, band by band (M. Naeini,
    /// G. Cooper, M. Hauskrecht, 2015).
    fn expected_error(&self) -> f64 {
        let mut apart = [0.0; FINE_BANDS];
        for &(probability, is_right) in &self.0 {
            let band = ((probability * FINE_BANDS as f64) as usize).min(FINE_BANDS - 1);
            apart[band] += probability - f64::from(is_right);
        }
        apart.iter().map(|sum| sum.abs()).sum::<f64>() / self.0.len().max(1) as f64
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        for (from, to) in BANDS {
            let band: Vec<_> =
                self.0.iter().filter(|(probability, _)| (from..to).contains(&(100.0 * probability))).collect();
            if band.is_empty() {
                continue;
            }
            let count = band.len() as f64;
            let mean = 100.0 * band.iter().map(|(probability, _)| probability).sum::<f64>() / count;
            let right = 100.0 * band.iter().filter(|(_, is_right)| *is_right).count() as f64 / count;
            let to = to.min(100.0);
            writeln!(
                formatter,
                "digits with {from:2} to {to:3} %: {:5}, in the mean {mean:5.1} %, right {right:5.1} %",
                band.len()
            )?;
        }
        write!(formatter, "expected calibration error: {:.1} %", 100.0 * self.expected_error())
    }
}
