//! What the charts show, read from their SVG and from their pixels.

use super::*;
use crate::{
    data::Classes,
    examples::{four_digits as four, four_predictions as answers},
    metrics::{ConfusionMatrix, calibration::Calibration},
    training::{Epoch, History, Predictions, Scores},
};

fn history(epochs: usize, validated: bool) -> History {
    let epoch = |epoch: usize| {
        let validation = validated.then_some(Scores { loss: 0.5, accuracy: 0.9 });
        Epoch {
            epoch,
            loss: 1.0 / epoch as f64,
            accuracy: 0.8,
            validation,
            learning_rate: 0.001,
            metrics: Default::default(),
            seconds: 1.0,
        }
    };
    History { name: "example".into(), epochs: (1..=epochs).map(epoch).collect() }
}

/// The texts of a chart in the order in which they are drawn.
pub(super) fn texts(figure: &Figure) -> Vec<String> {
    let svg = figure.svg().unwrap();
    let texts = svg.split("<text").skip(1).map(|part| {
        let (_, text) = part.split_once('>').unwrap();
        text.split("</text>").next().unwrap().trim().to_string()
    });
    texts.collect()
}

#[test]
fn digits_have_their_labels_below_and_the_name_above() {
    let figure = digits(&four(), 25).unwrap();
    assert_eq!(texts(&figure), ["Digits with their labels: four &lt;digits&gt;", "1", "2", "3", "4"]);
    assert_eq!(texts(&digits(&four(), 2).unwrap()).len(), 3);
    // One rectangle of ink per digit and the ground.
    assert_eq!(figure.svg().unwrap().matches("<rect").count(), 5);
}

#[test]
fn predictions_tell_right_from_wrong_by_mark_and_color() {
    let figure = predictions(&four(), &answers(), 25).unwrap();
    assert_eq!(texts(&figure)[1..], ["✓ 1 (true 1)", "✗ 7 (true 2)", "✓ 3 (true 3)", "✗ 9 (true 4)"]);
    let svg = figure.svg().unwrap();
    assert_eq!((svg.matches("#007D5A").count(), svg.matches("#C82814").count()), (2, 2), "{svg}");
}

#[test]
fn the_most_confident_mistake_comes_first() {
    let figure = misclassified(&four(), &answers(), 25).unwrap();
    let expected = ["✗ 9 (true 4)", "60.00 %", "✗ 7 (true 2)", "50.00 %"];
    assert_eq!(texts(&figure)[1..], expected);
    assert!(
        texts(&misclassified(&four(), &answers(), 1).unwrap())[0].starts_with("1 of 2 mistakes, most confident first")
    );
    let right = Predictions { predicted: vec![1, 2, 3, 4], ..answers() };
    assert_eq!(
        texts(&misclassified(&four(), &right, 25).unwrap()),
        ["No digit was misclassified: four &lt;digits&gt;"]
    );
}

#[test]
fn curves_name_their_axes_and_series() {
    let texts_of = |epochs, validated| texts(&training_curves(&history(epochs, validated)).unwrap());
    let shown = texts_of(3, true);
    for text in [
        "Training and validation: example",
        "Accuracy, %",
        "Loss",
        "Epoch",
        "training",
        "validation, best after epoch 1",
        "1",
        "3",
    ] {
        assert!(shown.iter().any(|other| other == text), "{text}: {shown:?}");
    }
    assert!(!texts_of(3, false).iter().any(|text| text.starts_with("validation")));
    assert!(texts_of(1, true).contains(&"1".to_string()));
    assert!(texts_of(100, true).iter().filter(|text| text.parse::<usize>().is_ok()).count() <= 30);
    // A training that goes on from a checkpoint begins later.
    let mut later = history(3, true);
    later.epochs.remove(0);
    assert!(texts(&training_curves(&later).unwrap()).iter().all(|text| text != "1"));
    assert!(training_curves(&history(0, true)).unwrap_err().to_string().starts_with("history is empty"));
}

/// A confusion matrix whose predictions are all right, `count` times for each class.
fn confusion(classes: Classes, count: usize) -> ConfusionMatrix {
    let truth: Vec<_> = (0..classes.len() * count).map(|index| index % classes.len()).collect();
    ConfusionMatrix::new("example", &classes, &truth, &truth).unwrap()
}

#[test]
fn a_heatmap_shows_every_count_and_darkens_with_it() {
    let ten = Classes::numbered(10);
    let confusion = ConfusionMatrix::new("example", &ten, &[4, 4, 4, 4, 9], &[4, 4, 4, 9, 9]).unwrap();
    let figure = heatmap(&confusion);
    let shown = texts(&figure);
    assert_eq!(shown.iter().filter(|text| text.as_str() == "3").count(), 3, "{shown:?}");
    let picture = image::load_from_memory(&figure.png().unwrap()).unwrap().to_rgb8();
    let red = |truth: u32, predicted: u32| picture.get_pixel(2 * (90 + 66 * predicted), 2 * (65 + 66 * truth)).0[0];
    assert!(red(4, 4) < red(4, 9) && red(4, 9) < red(0, 0), "{} {} {}", red(4, 4), red(4, 9), red(0, 0));
}

#[test]
fn a_heatmap_names_its_classes_on_both_axes_and_grows_with_them() {
    let clothes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Ankle boot"];
    let figure = heatmap(&confusion(Classes::new(clothes), 1));
    let shown = texts(&figure);
    for name in clothes {
        assert_eq!(shown.iter().filter(|text| *text == name).count(), 2, "{name}: {shown:?}");
    }
    let side = |classes: usize| heatmap(&confusion(Classes::numbered(classes), 1)).pixels().unwrap();
    assert!(side(2) == side(10) && side(47).0 > side(26).0, "{:?} {:?}", side(47), side(26));
    // Small cells have no room for large counts, and a name may be too long for any picture.
    let letters = |count| texts(&heatmap(&confusion(Classes::new('A'..='Z'), count)));
    assert!(letters(9).contains(&"9".into()) && !letters(333).contains(&"333".into()));
    let long = heatmap(&confusion(Classes::new(["a".repeat(1_000), "b".into()]), 1));
    assert!(long.pixels().unwrap().0 < 1_300 && texts(&long).iter().any(|text| text.ends_with("aa…")));
}

#[test]
fn a_long_caption_takes_two_lines_and_a_very_long_one_is_cut() {
    let classes = Classes::new((0..10).map(|class| format!("Ankle boot {class}")));
    let named = Predictions { classes, ..answers() };
    let shown = texts(&predictions(&four(), &named, 1).unwrap());
    assert_eq!(shown[1..], ["✓ Ankle boot 1", "true Ankle boot 1"]);
    let classes = Classes::new((0..10).map(|class| format!("{class} {}", "class ".repeat(50))));
    let shown = texts(&predictions(&four(), &Predictions { classes, ..answers() }, 1).unwrap());
    assert!(shown[1..].iter().all(|line| line.len() < 50 && line.ends_with('…')), "{shown:?}");
}

#[test]
fn a_chart_says_what_it_shows() {
    let of = |figure: Result<Figure>| figure.unwrap().description();
    assert_eq!(of(digits(&four(), 3)), "Digits with their labels: four <digits>. 1; 2; 3");
    assert_eq!(
        of(training_curves(&history(3, true))),
        "Training and validation: example. Validation accuracy goes from 90.00 % to 90.00 % in 3 epochs, at best \
         90.00 % after epoch 1; validation loss is lowest after epoch 1, at 0.5000. Training accuracy goes from \
         80.00 % to 80.00 % in 3 epochs; training loss goes from 1.0000 to 0.3333 in 3 epochs."
    );
    let alone = of(training_curves(&history(1, false)));
    assert!(
        alone.ends_with("Training accuracy is 80.00 % after one epoch; training loss is 1.0000 after one epoch."),
        "{alone}"
    );
    let (truth, predicted) = ([4, 4, 4, 4, 9, 9], [4, 4, 9, 9, 4, 9]);
    let confusion = ConfusionMatrix::new("example", &Classes::numbered(10), &truth, &predicted).unwrap();
    let expected = "Confusion matrix: example. 3 of 6 samples are right; the most frequent mistakes: 4 taken for 9: 2, \
                    9 taken for 4: 1.";
    assert_eq!(heatmap(&confusion).description(), expected);
    let calibration = Calibration::of(&answers()).unwrap();
    let described = of(reliability("example", &[("before", &calibration)]));
    assert!(described.contains("of the surest 1, 100.00 % are right at a confidence of 99.00 %."), "{described}");
}

#[test]
fn figures_save_by_their_ending_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let figure = digits(&four(), 4).unwrap();
    figure.save(folder.path().join("new/digits.PNG")).unwrap();
    figure.save(folder.path().join("new/digits.svg")).unwrap();
    let read = |name: &str| std::fs::read(folder.path().join("new").join(name)).unwrap();
    assert!(read("digits.PNG").starts_with(b"\x89PNG") && read("digits.svg").starts_with(b"<svg"));
    let error = figure.save(folder.path().join("new/digits.pdf")).unwrap_err().to_string();
    assert!(error.ends_with("digits.pdf; expected a name that ends in .png or .svg"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 2);
}

#[test]
fn ink_is_dark_on_white_in_whole_pixels() {
    let picture = image::load_from_memory(&digits(&four(), 4).unwrap().png().unwrap()).unwrap().to_rgb8();
    let mut greys: Vec<u8> = (0..280).map(|x| picture.get_pixel(44 + x, 2 * (64 + 40)).0[0]).collect();
    greys.dedup();
    assert_eq!(greys, [55, 255]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    assert_eq!(digits(&four(), 0).unwrap_err().to_string(), "count is 0; expected at least 1 digit");
    let error = digits(&four(), 60_000).unwrap_err().to_string();
    assert_eq!(error, "count is 60000; expected at most 750 digits, which fill a picture");
    let fewer = Predictions { predicted: vec![1], ..answers() };
    let error = predictions(&four(), &fewer, 25).unwrap_err().to_string();
    assert!(error.ends_with("found [1, 4, 4], expected 4, one per digit"), "{error}");
    assert!(misclassified(&four(), &fewer, 25).is_err());
}

#[test]
fn calibrations_are_named_and_need_one() {
    let calibration = Calibration::of(&answers()).unwrap();
    let shown = texts(&reliability("example", &[("before", &calibration)]).unwrap());
    assert!(shown.iter().any(|text| text.starts_with("before: expected error ")), "{shown:?}");
    assert!(reliability("example", &[]).is_err());
}

#[test]
fn a_cell_sets_title_labels_size_and_colors() {
    let figure = training_curves(&history(3, true)).unwrap().title("Ours").x_label("Round").size(800, 400);
    let figure = figure.colors(&[RGBColor(1, 2, 3)]);
    let (shown, svg) = (texts(&figure), figure.svg().unwrap());
    assert!(shown.contains(&"Ours".into()) && shown.iter().filter(|text| *text == "Round").count() == 2, "{shown:?}");
    assert!(!shown.iter().any(|text| text == "Epoch" || text.starts_with("Training and")), "{shown:?}");
    assert!(svg.contains("width=\"800\" height=\"400\"") && svg.contains("#010203"), "{svg}");
    assert!(figure.description().starts_with("Ours. Validation accuracy"));
    let heatmap = heatmap(&confusion(Classes::numbered(3), 2)).y_label("what it is").colors(&[RGBColor(200, 0, 0)]);
    assert!(texts(&heatmap).contains(&"what it is".into()) && heatmap.svg().unwrap().contains("#C80000"));
}

#[test]
fn a_chart_of_fixed_parts_is_whole_at_any_size() {
    let confusion = confusion(Classes::numbered(10), 1);
    assert_eq!(heatmap(&confusion).size(400, 300).svg().unwrap(), heatmap(&confusion).svg().unwrap());
    assert_eq!(digits(&four(), 4).unwrap().size(300, 200).png().unwrap(), digits(&four(), 4).unwrap().png().unwrap());
}

#[test]
fn a_normalised_heatmap_shows_counts_and_per_cent_of_the_row() {
    let three = Classes::numbered(3);
    let confusion = ConfusionMatrix::new("example", &three, &[0, 0, 0, 1], &[0, 0, 1, 1]).unwrap();
    let shown = texts(&normalised_heatmap(&confusion));
    for text in ["66.7", "33.3", "100.0", "% of the row (square-root scale)"] {
        assert!(shown.contains(&text.into()), "{text}: {shown:?}");
    }
    // The third class has no sample: its row is empty.
    assert_eq!(shown.iter().filter(|text| *text == "0.0").count(), 6, "{shown:?}");
}
