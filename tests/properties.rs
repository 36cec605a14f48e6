//! What holds for any values: what was written is read back, and counts and shares fit together.

use std::fs;

use mnist_classification::{
    prelude::*,
    tch::{Device, Kind, Tensor},
};
use proptest::{collection::vec, prelude::*};

/// An IDX file of bytes.
fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let magic = [0, 0, 8, sizes.len() as u8];
    let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
    magic.into_iter().chain(sizes).chain(values.iter().copied()).collect()
}

fn layer() -> impl Strategy<Value = Layer> {
    prop_oneof![
        (1..20_usize).prop_map(Layer::Dense),
        (0.0..0.9).prop_map(Layer::Dropout),
        Just(Layer::Relu),
        Just(Layer::BatchNorm),
    ]
}

fn training() -> impl Strategy<Value = Training> {
    let schedule = prop_oneof![
        Just(Schedule::Constant),
        Just(Schedule::Cosine),
        (0.0..1.0).prop_map(|rise| Schedule::OneCycle { rise }),
        (1..9_usize, 0.0..1.0).prop_map(|(epochs, factor)| Schedule::Step { epochs, factor }),
    ];
    let optimizer = prop_oneof![
        any::<f64>().prop_map(Optimizer::adam),
        (any::<f64>(), any::<f64>())
            .prop_map(|(momentum, decay)| Optimizer::sgd(0.1).momentum(momentum).weight_decay(decay)),
    ];
    (any::<usize>(), optimizer, schedule, 0.0..1.0, any::<u64>()).prop_map(
        |(epochs, optimizer, schedule, validation_split, seed)| Training {
            epochs,
            optimizer,
            schedule,
            validation_split,
            seed,
            ..Training::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn digits_are_read_as_they_were_written(
        (height, width, pixels, labels) in
            (1..9_usize, 1..9_usize, 1..20_usize).prop_flat_map(|(height, width, count)| {
                (Just(height), Just(width), vec(any::<u8>(), count * height * width), vec(0..30_u8, count))
            })
    ) {
        let folder = tempfile::tempdir()?;
        let sizes = [labels.len() as u32, height as u32, width as u32];
        fs::write(folder.path().join("images"), idx(&sizes, &pixels))?;
        fs::write(folder.path().join("labels"), idx(&sizes[..1], &labels))?;
        let digits = Images::from_files(folder.path().join("images"), folder.path().join("labels"))?;
        prop_assert_eq!(Vec::<u8>::try_from(digits.images.flatten(0, -1))?, pixels);
        let read: Vec<i64> = Vec::try_from(&digits.labels)?;
        prop_assert_eq!(read, labels.into_iter().map(i64::from).collect::<Vec<_>>());
    }

    #[test]
    fn a_network_is_read_as_it_was_written(more in vec(layer(), 0..6), features in 1..20_usize, seed: u64) {
        let layers = [&[Layer::Dense(3)], &more[..]].concat();
        let network = Network::new([features], layers.as_slice(), seed)?;
        let folder = tempfile::tempdir()?;
        network.save(folder.path())?;
        let read = Network::load(folder.path())?;
        prop_assert_eq!(read.plan(), network.plan());
        let inputs = Tensor::rand([3, features as i64], (Kind::Float, Device::Cpu));
        prop_assert!(read.forward(&inputs)? == network.forward(&inputs)?);
    }

    #[test]
    fn settings_are_read_as_they_were_written(training in training()) {
        let read: Training = serde_json::from_str(&serde_json::to_string(&training)?)?;
        prop_assert_eq!(read, training);
    }

    #[test]
    fn a_report_counts_what_the_pairs_say(
        (classes, pairs) in (2..7_usize).prop_flat_map(|classes| (Just(classes), vec((0..classes, 0..classes), 1..60)))
    ) {
        let (truth, predicted): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let confusion = ConfusionMatrix::new("any", &Classes::numbered(classes), &truth, &predicted)?;
        let right = pairs.iter().filter(|(truth, predicted)| truth == predicted).count() as f64;
        prop_assert_eq!(confusion.total(), pairs.len() as u64);
        prop_assert_eq!(confusion.accuracy(), right / pairs.len() as f64);
        let report = ClassificationReport::new(&confusion);
        for (class, scores) in report.classes.iter().enumerate() {
            let of = |matches: &dyn Fn(&(usize, usize)) -> bool| pairs.iter().filter(|pair| matches(pair)).count();
            let hits = of(&|pair| *pair == (class, class));
            prop_assert_eq!(scores.support, of(&|pair| pair.0 == class) as u64);
            let expected = if hits == 0 { 0.0 } else { hits as f64 / of(&|pair| pair.1 == class) as f64 };
            prop_assert!((scores.precision - expected).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&scores.recall) && (0.0..=1.0).contains(&scores.f1));
        }
        // Each sample counts once: the recall weighted by the support is the accuracy.
        prop_assert!((report.weighted_average.recall - report.accuracy).abs() < 1e-12);
    }

    #[test]
    fn a_split_takes_each_sample_once_and_the_last_for_validation(count in 2..200_i64, share in 0.0..1.0) {
        let numbers = Tensor::arange(count, (Kind::Float, Device::Cpu));
        let samples = Samples::new("numbers", numbers.unsqueeze(1), numbers.to_kind(Kind::Int64))?;
        let Ok((first, last)) = samples.split(share) else {
            // One side would be empty.
            let kept = (count as f64 * (1.0 - share)).floor() as i64;
            prop_assert!(kept == 0 || kept == count);
            return Ok(());
        };
        prop_assert!((last.len() as f64 - share * count as f64).abs() < 1.0 + 1e-9);
        let both = Tensor::cat(&[first.inputs, last.inputs], 0);
        prop_assert!(both == samples.inputs);
    }
}
