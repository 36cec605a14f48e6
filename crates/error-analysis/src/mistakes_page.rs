//! The page of a model's mistakes: a confusion matrix in which each count shows its digits.

use base64::{Engine, engine::general_purpose::STANDARD};
use mnist_classification::{
    Error, Result, data::Images, metrics::ConfusionMatrix, notebook::Page, support::Parts, training::Predictions,
};
use serde_json::json;
use tch::Kind;

const PARTS: Parts = Parts {
    title: "The mistakes, cell by cell",
    height: 720,
    html: include_str!("../../../page/mistakes.html"),
    style: include_str!("../../../page/mistakes.css"),
    scripts: &[include_str!("../../../page/mistakes.js")],
};

/// Makes the page of a model's mistakes: a confusion matrix in which each count shows its digits, the most confident
/// mistakes first.
///
/// # Errors
/// [`Error::Mismatch`] when the predictions are of other digits.
pub fn mistakes_page(digits: &Images, predictions: &Predictions) -> Result<Page> {
    let Predictions { truth, predicted, .. } = predictions;
    if predicted.len() != digits.len() {
        let [found, expected] = [predicted.len(), digits.len()].map(|count| format!("{count} digits"));
        return Err(Error::mismatch("predictions", found, expected));
    }
    let confusion = ConfusionMatrix::of(predictions)?;
    let mistake = |(index, probability): (usize, f64)| {
        let pixels = digits.images.f_get(index as i64)?.f_reshape([-1])?.f_to_kind(Kind::Uint8)?;
        Ok(json!({
            "index": index, "truth": truth[index], "predicted": predicted[index], "probability": probability,
            // 0 is paper and 255 is ink.
            "pixels": STANDARD.encode(Vec::<u8>::try_from(pixels)?),
        }))
    };
    let classes = confusion.classes().names();
    let row = |truth| (0..classes.len()).map(|predicted| confusion.count(truth, predicted)).collect();
    // What the page's script finds; `size` is height and width of a picture.
    let data = json!({
        "name": digits.name,
        "classes": classes,
        "counts": (0..classes.len()).map(row).collect::<Vec<Vec<_>>>(),
        "size": digits.images.size().get(1..),
        "mistakes": predictions.mistakes()?.into_iter().map(mistake).collect::<Result<Vec<_>>>()?,
    });
    Page::assemble(PARTS, "CONFUSION", &data)
}

#[cfg(test)]
mod tests {
    use mnist_classification::{data::Dataset, model::Network, training::predict};

    use super::*;

    #[test]
    fn the_page_holds_the_mistakes_and_no_name_ends_its_script() {
        let digits = Images { name: "</script><b>".into(), ..Dataset::drawn(0).unwrap().test };
        let predictions = predict(&Network::mlp([784, 10], 0).unwrap(), &digits.preprocess()).unwrap();
        let page = mistakes_page(&digits, &predictions).unwrap();
        assert_eq!(page.html().matches("\"pixels\":").count(), predictions.mistakes().unwrap().len());
        assert_eq!(page.html().matches("</script>").count(), 1);
        assert!(page.html().contains(r"\u003c/script>\u003cb>"));
    }

    #[test]
    fn predictions_of_other_digits_are_an_error() {
        let Dataset { train, test } = Dataset::drawn(0).unwrap();
        let predictions = predict(&Network::mlp([784, 10], 0).unwrap(), &train.preprocess()).unwrap();
        let error = mistakes_page(&test, &predictions).unwrap_err().to_string();
        assert!(error.starts_with("predictions: found "), "{error}");
    }
}
