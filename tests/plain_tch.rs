//! The example in plain tch and the benchmark's program for it are the same network and training.

use std::fs;

/// The two numbers of each call of this function: inputs and outputs of each layer.
fn layers(source: &str, function: &str) -> Vec<[usize; 2]> {
    let call = format!(".add({function}(");
    let calls = source.split(call.as_str()).skip(1);
    let numbers = |call: &str| {
        let (inputs, rest) = call.split_once(", ").unwrap();
        [inputs, rest.split(')').next().unwrap()].map(|number| number.parse().unwrap())
    };
    calls.map(numbers).collect()
}

#[test]
fn the_example_and_the_benchmark_have_the_same_layers_and_settings() {
    let [example, benchmark] =
        ["examples/mnist.rs", "bench/plain_tch.rs"].map(|file| fs::read_to_string(file).unwrap());
    let expected = [[784, 512], [512, 256], [256, 128], [128, 10]];
    assert_eq!(layers(&example, "dense"), expected);
    assert_eq!(layers(&benchmark, "layer"), expected);
    for source in [&example, &benchmark] {
        assert_eq!(source.matches("relu").count(), 3);
        for setting in ["alpha: 0.9", "eps: 1e-7", "cross_entropy_for_logits", "backward_step"] {
            assert!(source.contains(setting), "{setting}");
        }
    }
    assert!(example.contains("const BATCH_SIZE: i64 = 128;") && benchmark.contains(".split(128, 0)"));
    assert!(example.contains(", 0.001)") && benchmark.contains(", 1e-3)"));
    assert!(example.contains("const EPOCHS: usize = 15;") && benchmark.contains("unwrap_or(15)"));
    assert!(example.lines().count() <= 60);
}
