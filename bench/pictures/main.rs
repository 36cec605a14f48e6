//! How well pictures of digits are read.
//!
//! `pictures FOLDER [NETWORK]` reads the pictures of a folder, whose `labels.csv` has the columns `file`, `digit`,
//! `kind` and `pen_in_mnist_pixels`; it prints those that were not read, how many were, of each kind, and whether the
//! probabilities mean what they say. `pictures --speed FOLDER` prints how long `predict` takes for the first picture of
//! a folder and for each further one. `pictures --draw FOLDER COUNT SEED [test|others|shapes]` draws such a folder:
//! MNIST's training digits, or its test digits, as people might have drawn them; or what is no digit, of which `shapes`
//! are kinds that `others` has none of. `pictures --none DIGITS OTHERS [NETWORK]` learns from two such folders what is
//! no digit, and writes `none.safetensors` beside the network's weights. NETWORK is `models/handwriting` where none is
//! named. `pictures --set DIGITS FOLDER` draws such a folder from another set of digits, in IDX files; `--stretched`
//! stretches each to a square first, as some sets do.

mod anew;
mod calibration;
mod reject_class;
mod set;
mod shapes;
mod speed;

use std::{env, fs, path::Path};

use calibration::Calibration;
use error_analysis::proportion_interval;
use mnist_classification::{prelude::*, tch};
use own_digit::Classifier;
use rand::Rng;
use shapes::{LEARNT, UNSEEN};

/// The network that reads pictures.
const NETWORK: &str = "models/handwriting";

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--draw", folder, count, seed, rest @ ..] if matches!(rest, [] | ["test" | "others" | "shapes"]) => {
            let number = |text: &str| {
                let expected = "a number".into();
                text.parse().map_err(|_| Error::InvalidSetting { setting: "an argument", found: text.into(), expected })
            };
            let (folder, count, seed) = (Path::new(folder), number(count)? as usize, number(seed)?);
            let mnist = Dataset::mnist()?;
            let (train, test) = (&mnist.train, &mnist.test);
            let drawing: anew::Drawing = match rest {
                [] => &|kind, pen, random| anew::of_digits(train, kind, pen, random),
                ["test"] => &|kind, pen, random| anew::of_digits(test, kind, pen, random),
                ["shapes"] => &|_, pen, random| anew::of_shapes(UNSEEN, pen, random),
                _ => &|_, pen, random| {
                    if random.gen_bool(0.3) {
                        anew::of_turned(train, pen, random)
                    } else {
                        anew::of_shapes(LEARNT, pen, random)
                    }
                },
            };
            anew::draw(drawing, folder, count, seed)
        }
        ["--none", digits, others] => reject_class::fit(Path::new(NETWORK), Path::new(digits), Path::new(others)),
        ["--none", digits, others, network] => {
            reject_class::fit(Path::new(network), Path::new(digits), Path::new(others))
        }
        ["--set", from, folder] => set::draw(Path::new(from), false, Path::new(folder)),
        ["--stretched", from, folder] => set::draw(Path::new(from), true, Path::new(folder)),
        ["--speed", folder] => speed::measure(Path::new(folder), NETWORK),
        [folder] => read(folder, NETWORK),
        [folder, network] => read(folder, network),
        _ => {
            let expected = "FOLDER [NETWORK], --speed FOLDER, --draw FOLDER COUNT SEED [test|others|shapes], \
                            --set or --stretched DIGITS FOLDER, or --none DIGITS OTHERS [NETWORK]"
                .into();
            Err(Error::InvalidSetting { setting: "the arguments", found: format!("{arguments:?}"), expected })
        }
    }
}

fn read(folder: &str, network: &str) -> Result<()> {
    tch::set_num_threads(1);
    let classifier = Classifier::load(Path::new(network))?;
    let labels = Path::new(&folder).join("labels.csv");
    let text = fs::read_to_string(&labels).map_err(|source| Error::Io { file: labels, source })?;
    let (mut kinds, mut sure, mut doubtful) = (Vec::<(String, [usize; 2])>::new(), [0, 0], [0, 0]);
    let mut calibration = Calibration::default();
    for line in text.lines().skip(1) {
        let fields: Vec<_> = line.split(',').collect();
        let (file, digit, kind, pen) = (fields[0], fields[1], fields[2], fields[3].parse().unwrap_or(0.0));
        let read = |path: &Path| classifier.classify(&classifier.open(path)?);
        let (answer, probability) = match read(&Path::new(&folder).join(file)) {
            Ok(answer) => {
                calibration.add(&answer, digit);
                doubtful = [doubtful[0] + usize::from(answer.is_doubtful()), doubtful[1] + 1];
                (answer.text(), answer.probability())
            }
            Err(error) => (error.to_string(), 0.0),
        };
        let is_right = answer == digit;
        let pen = if pen == 0.0 {
            "MNIST's pen"
        } else if pen < 0.3 {
            "under 0.3"
        } else {
            "from 0.3"
        };
        for name in ["all".into(), kind.to_string(), format!("pen {pen}"), format!("{kind}, pen {pen}")] {
            match kinds.iter_mut().find(|(known, _)| *known == name) {
                Some((_, counts)) => *counts = [counts[0] + usize::from(is_right), counts[1] + 1],
                None => kinds.push((name, [usize::from(is_right), 1])),
            }
        }
        if probability > 0.95 {
            sure = [sure[0] + usize::from(is_right), sure[1] + 1];
        }
        if !is_right {
            println!("{file} ({kind}, pen {}): {digit}, read as {answer} with {:.1} %", fields[3], 100.0 * probability);
        }
    }
    kinds.extend([("over 95 %".into(), sure), ("doubtful".into(), doubtful)]);
    kinds.sort();
    for (name, [right, all]) in kinds {
        let [from, to] = proportion_interval(right, all).map(|share| 100.0 * share);
        println!("{name:32} {right:5} of {all:5} {:6.1} % ({from:.1} to {to:.1})", 100.0 * right as f64 / all as f64);
    }
    println!("{calibration}");
    Ok(())
}
