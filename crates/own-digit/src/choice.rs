//! Chooses among the ways in which digits may be taken: one may be two that touch, and two may be pieces of one.

use std::ops::Range;

use crate::DigitAnswer;

/// A digit that is read with this probability is not cut in two.
pub(crate) const SETTLED: f64 = 0.99;
/// An alternative is taken from this probability on; digits that are read with it are joined only where they are close.
pub(crate) const LIKELY: f64 = 0.95;

/// Another way to take some digits, and how a network reads it.
pub(crate) struct Reading<'a> {
    pub(crate) digits: Range<usize>,
    pub(crate) others: &'a [DigitAnswer],
    pub(crate) are_close: bool,
}

/// Which of several readings are taken, from left to right, and what is doubtful.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Choice {
    pub(crate) taken: Vec<usize>,
    pub(crate) may_touch: bool,
    pub(crate) in_pieces: bool,
}

impl Choice {
    /// Takes the readings that are better than the digits as they are, the likeliest first, where no other one has
    /// taken these digits. A better one that comes too late leaves doubt; one that is only doubtful leaves none there.
    pub(crate) fn of(digits: &[DigitAnswer], readings: &[Reading]) -> Self {
        let compared = |reading: &Reading| compared(&digits[reading.digits.clone()], reading.others, reading.are_close);
        let verdicts: Vec<_> = readings.iter().map(compared).collect();
        let mut likeliest: Vec<_> = (0..readings.len()).filter(|&index| verdicts[index].0).collect();
        likeliest.sort_by(|&one, &other| least(readings[other].others).total_cmp(&least(readings[one].others)));
        let mut choice = Self::default();
        for index in likeliest {
            if choice.is_free(index, readings) {
                choice.taken.push(index);
            }
        }
        choice.taken.sort_unstable();
        for (index, (is_better, is_doubtful)) in verdicts.into_iter().enumerate() {
            let is_taken = choice.taken.contains(&index);
            let is_free = is_taken || choice.is_free(index, readings);
            if is_doubtful && is_free || is_better && !is_taken {
                choice.may_touch |= readings[index].others.len() > 1;
                choice.in_pieces |= readings[index].others.len() == 1;
            }
        }
        choice
    }

    /// Tells whether a reading shares no digit with those that are taken.
    fn is_free(&self, index: usize, readings: &[Reading]) -> bool {
        let Range { start, end } = readings[index].digits;
        self.taken.iter().map(|&taken| &readings[taken].digits).all(|taken| end <= taken.start || taken.end <= start)
    }
}

/// Tells whether these others are better than digits as they are, and whether that is doubtful.
fn compared(digits: &[DigitAnswer], others: &[DigitAnswer], are_close: bool) -> (bool, bool) {
    let (before, after) = (least(digits), least(others));
    if others.len() > 1 {
        return (after >= LIKELY && before < 0.5, after >= LIKELY && before >= 0.5);
    }
    // What is joined is less often wrong than what is cut in two.
    let is_better = after >= LIKELY && before < if after >= SETTLED { LIKELY } else { 0.5 };
    // A digit that lies close to another one and is read as that one with it just has a neighbour.
    let is_new = digits.iter().all(|digit| digit.best().0 != others[0].best().0);
    let are_both_likely = are_close && is_new && after >= 0.5 && !is_better;
    (is_better || are_both_likely && after >= LIKELY, are_both_likely || is_better && before >= 0.5)
}

/// Returns the lowest of the digits' probabilities.
pub(crate) fn least(digits: &[DigitAnswer]) -> f64 {
    digits.iter().map(|digit| digit.best().1).fold(1.0, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn as_one(class: usize, probability: f64) -> DigitAnswer {
        let mut probabilities = ["a", "b", "c"].map(|name| (String::from(name), 0.0));
        probabilities[class].1 = probability;
        DigitAnswer { probabilities: probabilities.into(), none: None }
    }

    #[test]
    fn alternatives_are_taken_or_doubtful_by_their_probabilities() {
        let (one, pair) = (|probability| [as_one(2, probability)], |least| [as_one(0, least), as_one(1, 1.0)]);
        for (before, after, are_close, expected) in [
            (0.4, 0.96, false, (true, false)),
            (0.6, 0.96, false, (false, false)),
            (0.9, 0.995, false, (true, true)),
            (0.96, 0.995, false, (false, false)),
            (0.99, 0.96, true, (true, true)),
            (0.99, 0.6, true, (false, true)),
            (0.99, 0.4, true, (false, false)),
        ] {
            assert_eq!(compared(&pair(before), &one(after), are_close), expected, "{before} {after} {are_close}");
        }
        // The same digit with a neighbour is no new one; two halves are taken where the whole is unlikely.
        assert_eq!(compared(&pair(0.99), &[as_one(0, 0.99)], true), (false, false));
        assert_eq!(compared(&one(0.4), &pair(0.96), false), (true, false));
        assert_eq!(compared(&one(0.6), &pair(0.96), false), (false, true));
    }

    #[test]
    fn of_readings_that_share_a_digit_the_likeliest_is_taken() {
        let digits = [0, 1, 2].map(|class| as_one(class, 0.4));
        let reading = |digits, others| Reading { digits, others, are_close: false };
        let [likely, likelier] = [0.96, 0.97].map(|probability| [as_one(2, probability)]);
        let taken = |taken: &[usize]| Choice { taken: taken.to_vec(), ..Choice::default() };
        let of = |readings: [Reading; 2]| Choice::of(&digits, &readings);
        let in_pieces = |index| Choice { in_pieces: true, ..taken(&[index]) };
        assert_eq!(of([reading(0..2, &likely), reading(1..3, &likelier)]), in_pieces(1));
        assert_eq!(of([reading(0..2, &likelier), reading(1..3, &likely)]), in_pieces(0));
        assert_eq!(of([reading(0..1, &likely), reading(2..3, &likelier)]), taken(&[0, 1]));
        // The second digit alone may be two, which would be doubtful; with its neighbour it is one.
        let digits = [as_one(0, 0.4), as_one(1, 0.6)];
        let halves = [as_one(0, 0.96), as_one(1, 0.96)];
        let alone = Choice::of(&digits, &[reading(1..2, &halves)]);
        assert_eq!(alone, Choice { may_touch: true, ..Choice::default() });
        let both = Choice::of(&digits, &[reading(0..2, &likely), reading(1..2, &halves)]);
        assert_eq!(both, taken(&[0]));
        // Taken though the digits as they are may be right: that stays doubtful.
        let sure = [as_one(2, 0.995)];
        let sure = Choice::of(&[as_one(0, 0.9), as_one(1, 0.9)], &[reading(0..2, &sure)]);
        assert_eq!(sure, in_pieces(0));
    }
}
