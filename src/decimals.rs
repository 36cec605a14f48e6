//! Numbers as text: the decimals that they need in a column or along an axis, commas between thousands.

/// More than this is noise beside the larger numbers.
const MOST: usize = 4;

/// Returns the fewest decimals that show each number as exactly as four do; where all numbers are small, four digits of
/// the largest.
pub fn decimals(numbers: impl Iterator<Item = f64> + Clone) -> usize {
    let numbers = numbers.filter(|number| number.is_finite());
    let largest = numbers.clone().fold(0.0, |largest: f64, number| largest.max(number.abs()));
    let leading_zeros = if largest > 0.0 { ((-largest.log10()).ceil() - 1.0).clamp(0.0, 12.0) as usize } else { 0 };
    let most = MOST + leading_zeros;
    let trailing_zeros = |number| format!("{number:.most$}").bytes().rev().take_while(|&digit| digit == b'0').count();
    most - numbers.map(trailing_zeros).min().unwrap_or(most)
}

/// Writes a number with so many decimals; what rounds to 0 has no sign.
pub fn fixed(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    match text.strip_prefix('-') {
        Some(positive) if positive.parse() == Ok(0.0) => positive.into(),
        _ => text,
    }
}

/// Writes a probability in per cent with so many decimals. What rounds to 100 is written as above the number before it:
/// rounding must not turn a doubt into a certainty.
pub fn percent(probability: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", 100.0 * probability);
    if text.starts_with("100") {
        return format!("> {:.decimals$} %", 100.0 - 0.1_f64.powi(decimals as i32));
    }
    text + " %"
}

/// Writes a number with a comma between thousands.
pub(crate) fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> usize {
        decimals(numbers.iter().copied())
    }

    #[test]
    fn numbers_have_the_decimals_that_they_need() {
        assert_eq!(of(&[0.92, 0.94]), 2);
        assert_eq!(of(&[98.0, 99.0, 0.0]), 0);
        assert_eq!(of(&[0.1 + 0.2, 0.5]), 1);
        assert_eq!(of(&[1.0 / 3.0, 0.5]), 4);
        assert_eq!(of(&[f64::from(0.123_456_f32)]), 4);
        assert_eq!(of(&[]), 0);
        assert_eq!(of(&[f64::NAN, 0.5, f64::INFINITY]), 1);
    }

    #[test]
    fn no_probability_is_shown_as_certain() {
        let shown = |probability, decimals| percent(probability, decimals);
        assert_eq!((shown(0.5, 0), shown(0.9994, 1)), ("50 %".into(), "99.9 %".into()));
        assert_eq!((shown(1.0, 0), shown(0.9996, 1)), ("> 99 %".into(), "> 99.9 %".into()));
        assert_eq!((shown(0.99994, 2), shown(0.99996, 2)), ("99.99 %".into(), "> 99.99 %".into()));
    }

    #[test]
    fn small_numbers_keep_four_digits() {
        assert_eq!(of(&[0.000_123_456, 0.000_05]), 7);
        assert_eq!(of(&[0.001, 0.000_123_456]), 6);
        assert_eq!(of(&[0.01, 0.02]), 2);
        // A large one makes the small ones noise.
        assert_eq!(of(&[1.0, 0.000_000_1]), 0);
    }

    #[test]
    fn what_rounds_to_0_has_no_sign() {
        let texts = [(-0.04, 1), (-0.06, 1), (-1e-9, 0), (2.5, 2), (f64::NEG_INFINITY, 1)];
        let texts = texts.map(|(number, decimals)| fixed(number, decimals));
        assert_eq!(texts, ["0.0", "-0.1", "0", "2.50", "-inf"]);
    }
}
