// The main notebook's cells as `make bench-kernel` runs them, so that its figures stay comparable when the notebook
// grows. Behind a `%%` stands the cell's name. The original's cells are in original.py.

// %% imports
:dep mnist-classification = { path = ".." }
:dep own-digit = { path = "../crates/own-digit" }
use mnist_classification::prelude::*;
use own_digit::prelude::*;

// %% MNIST
// One seed for everything random: the same seed on the same machine gives the same weights.
let seed = 0;
// Where this notebook keeps its training and its results.
let folder = std::env::var("MNIST_OUT").unwrap_or("../out/MNIST-Classification".into());
let mnist = Dataset::mnist().or_else(|error| {
    let instead = "This run uses digits drawn by a program instead. Its results say nothing about MNIST.";
    Warning(format!("{error}. {instead}")).evcxr_display();
    Dataset::drawn(seed)
})?;
println!("{}: {} digits to learn from, {} to be judged on", mnist.train.name, mnist.train.len(), mnist.test.len());

// %% its shapes
println!("Training images {:?}, labels {:?}", mnist.train.images.size(), mnist.train.labels.size());
println!("Test images     {:?}, labels {:?}", mnist.test.images.size(), mnist.test.labels.size());

// %% 25 digits as a picture
figures::digits(&mnist.train, 25)?

// %% digits as vectors
// The GPU where there is one that libtorch can use, else the processor.
let device = choose_device("auto")?;
let train = mnist.train.preprocess().to_device(device);
let test = mnist.test.preprocess().to_device(device);
println!("Training inputs {:?}, test inputs {:?}", train.inputs.size(), test.inputs.size());
let one_hot = train.one_hot();
println!("Labels as one-hot {:?}", one_hot.size());
println!("The first label, {}: {:?}", train.labels.int64_value(&[0]), Vec::<i64>::try_from(one_hot.get(0))?);

// %% the network
let mut model = Network::mlp([784, 512, 256, 128, 10], seed)?;
model.to_device(device)?;
model.summary()

// %% settings of the training
let training = Training {
    // The project's tests run fewer epochs.
    epochs: std::env::var("MNIST_EPOCHS").map_or(Ok(15), |epochs| epochs.parse())?,
    batch_size: 128,
    validation_split: 0.2,
    optimizer: Optimizer::rms_prop(0.001),
    seed,
    checkpoint: Some(format!("{folder}/training").into()),
    ..Training::default()
};

// %% the training, 15 epochs
let history = fit(&mut model, &train, &training)?;

// %% evaluation
let scores = evaluate(&model, &test)?;
println!("Test loss:     {:.4}", scores.loss);
println!("Test accuracy: {:.4} on {}", scores.accuracy, test.name);

// %% the training's curves
figures::training_curves(&history)?

// %% the history as a table
history.frame()?

// %% 25 predictions as a picture
let predictions = predict(&model, &test)?;
figures::predictions(&mnist.test, &predictions, 25)?

// %% confusion matrix
println!("Predicted {:?} …", &predictions.predicted[..20]);
println!("True      {:?} …", &predictions.truth[..20]);
let confusion = ConfusionMatrix::of(&predictions)?;
print!("{confusion}");

// %% confusion matrix as a picture
figures::heatmap(&confusion)

// %% classification report
let report = ClassificationReport::new(&confusion);
print!("{report}");

// %% 25 mistakes as a picture
figures::misclassified(&mnist.test, &predictions, 25)?

// %% key results
println!("Right answers: {:.2} % of the test digits, {}", 100.0 * scores.accuracy, test.name);
for digit in &report.best_classes()[..2] {
    println!("Read best: the {digit}, with an F1 of {:.4}", report.classes[*digit].f1);
}
if let Some(best) = history.best() {
    println!("Validation loss: lowest after epoch {} of {}", best.epoch, history.epochs.len());
}
println!("Macro averages: precision {:.4}, recall {:.4}", report.macro_average.precision, report.macro_average.recall);

// %% pairs most often confused
confusion.most_confused(5)?

// %% files
model.save(format!("{folder}/weights.safetensors"))?;
history.frame()?.save_csv(format!("{folder}/history.csv"))?;
history.save_json(format!("{folder}/history.json"))?;
report.save(format!("{folder}/report.txt"))?;

// %% a smaller network, trained for an epoch
// Try also optimizer: Optimizer::rms_prop(0.0001)
let short = Training { epochs: 1, checkpoint: None, ..training.clone() };
let mut smaller = Network::mlp([784, 32, 10], seed)?;
smaller.to_device(device)?;
println!("{} parameters", smaller.summary().parameters());
fit(&mut smaller, &train, &short)?.frame()?

// %% a model of one's own
use mnist_classification::tch::{Kind, Tensor};

struct Linear { kernel: Tensor }

impl Model for Linear {
    fn forward(&self, inputs: &Tensor) -> Result<Tensor> { Ok(inputs.f_mm(&self.kernel)?) }
    fn parameters(&self) -> Vec<(String, Tensor)> { vec![("kernel".into(), self.kernel.shallow_clone())] }
}

// %% that model, trained for an epoch
let kernel = Tensor::zeros([784, 10], (Kind::Float, device)).set_requires_grad(true);
let mut linear = Linear { kernel };
fit(&mut linear, &train, &short)?.frame()?

// %% probabilities of a digit
let digit = 8;
let probabilities = Vec::<f64>::try_from(predictions.probabilities.get(digit as i64))?;
for (class, probability) in probabilities.iter().enumerate() {
    println!("{class} {probability:.4} {}", "█".repeat((40.0 * probability).round() as usize));
}
println!("The truth is {}, the answer {}.", predictions.truth[digit], predictions.predicted[digit]);

// %% a photograph read
let picture = Picture::of_digits("pictures/photograph.jpg", [28, 28])?;
classified(&picture, &classify(&model, &picture, &test.classes)?)?

// %% a pad to draw on
pad(&[("a small CNN", &Network::load("../models/page")?)])?
