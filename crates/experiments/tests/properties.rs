//! What holds for any results: what was written is read back.

use experiments::prelude::*;
use mnist_classification::prelude::*;
use proptest::{collection::vec, prelude::*};

fn outcome() -> impl Strategy<Value = Outcome> {
    let scores = || (0.0..1e6, 0.0..=1.0).prop_map(|(loss, accuracy)| Scores { loss, accuracy });
    let names = ("[^,\"\n\r]{1,20}", proptest::option::of("[0-9a-f]{8}"), any::<u64>(), any::<u32>());
    let results = (proptest::option::of(scores()), proptest::option::of(0.0..9.0), scores(), any::<[u64; 3]>());
    (names, results, 0.0..1e6).prop_map(
        |((experiment, fingerprint, seed, epochs), (validation, lowest, test, confused), seconds)| Outcome {
            experiment,
            fingerprint,
            seed,
            epochs: epochs as usize,
            validation,
            lowest_validation_loss: lowest,
            test,
            confused,
            seconds,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn results_are_read_as_they_were_written(outcomes in vec(outcome(), 1..5)) {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("results.csv");
        let mut results = Results::open(&file)?;
        for outcome in &outcomes {
            results.add(outcome.clone())?;
        }
        let read = Results::open(&file)?;
        let last = outcomes.last().expect("one at least");
        prop_assert_eq!(read.find(&last.experiment, last.seed), Some(last));
    }
}
