"""Writes keras/: the original's training in Keras on TensorFlow, for tests/agreement.rs to follow.

    target/peers/bin/python tests/reference/keras_training.py      (`make bench` installs the peers)

One epoch and a little more, with the training digits in file order. `stretches.json` holds the losses of short
stretches, each with Keras' weights and running averages before its first step; `trajectory.json`, the scores after the
first epoch.
"""

import json
import os
import struct
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
os.environ["KERAS_BACKEND"] = "tensorflow"
sys.path.append(str(Path(__file__).resolve().parents[2] / "bench"))

import keras
import numpy
import tensorflow

from peer import BATCH, EPSILON, LEARNING_RATE, RHO, SEED, SIZES, TRAINING, mnist

FOLDER = Path(__file__).resolve().parent / "keras"
# The second stretch goes past the end of the first epoch.
STARTS, LENGTH = [0, 365], 20
BATCHES = TRAINING // BATCH
# A stretch is worth following only where rounding does not decide it: NumPy in 64 bits must stay this close to Keras.
TOLERANCE = 3e-6


def write_tensors(name, tensors):
    """Writes arrays as safetensors, named by layer: kernels are [inputs, outputs]."""
    header, data = {}, b""
    for number, tensor in enumerate(tensors):
        part = numpy.ascontiguousarray(tensor, "<f4").tobytes()
        key = f"dense_{number // 2 + 1}.{['kernel', 'bias'][number % 2]}"
        header[key] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / name).write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_json(name, contents):
    (FOLDER / name).write_text(json.dumps(contents, indent=1) + "\n")


def follow(weights, averages, batches):
    """The losses of the same steps in NumPy, in 64 bits: cross-entropy, backpropagation and RMSprop written out."""
    weights, averages = ([tensor.astype(numpy.float64) for tensor in tensors] for tensors in (weights, averages))
    for pixels, labels in batches:
        inputs, outputs = [], pixels.astype(numpy.float64)
        for kernel, bias in zip(weights[::2], weights[1::2]):
            inputs.append(numpy.maximum(outputs, 0) if inputs else outputs)
            outputs = inputs[-1] @ kernel + bias
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        log_probabilities = shifted - numpy.log(numpy.exp(shifted).sum(axis=1, keepdims=True))
        yield -log_probabilities[numpy.arange(len(labels)), labels].mean()
        error = (numpy.exp(log_probabilities) - numpy.eye(outputs.shape[1])[labels]) / len(labels)
        gradients = []
        for kernel, entered in zip(weights[-2::-2], reversed(inputs)):
            gradients += [error.sum(axis=0), entered.T @ error]
            error = (error @ kernel.T) * (entered > 0)
        for weight, average, gradient in zip(weights, averages, reversed(gradients)):
            average += (1 - RHO) * (gradient**2 - average)
            weight -= LEARNING_RATE * gradient / numpy.sqrt(average + EPSILON)


keras.utils.set_random_seed(SEED)
pixels, labels = mnist("train")
hidden = [keras.layers.Dense(size, activation="relu") for size in SIZES[1:-1]]
model = keras.Sequential([keras.Input((SIZES[0],)), *hidden, keras.layers.Dense(SIZES[-1], activation="softmax")])
optimizer = keras.optimizers.RMSprop(LEARNING_RATE, rho=RHO, epsilon=EPSILON)
model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
optimizer.build(model.trainable_variables)
averages_of_keras = [variable for variable in optimizer.variables if "velocity" in variable.path]

FOLDER.mkdir(exist_ok=True)
source = {
    "source": f"Keras {keras.__version__} on TensorFlow {tensorflow.__version__}, CPU, float32, seed {SEED}",
    "optimizer": {
        "name": "RMSprop",
        "learning_rate": LEARNING_RATE,
        "rho": RHO,
        "momentum": 0.0,
        "epsilon": EPSILON,
        "centered": False,
    },
    "batch_size": BATCH,
    "batches": f"in file order: step s takes the training digits from (s modulo {BATCHES}) * batch_size on",
}
losses, states = [], {}
for step in range(STARTS[-1] + LENGTH):
    if step == BATCHES:
        loss, accuracy = model.evaluate(pixels[TRAINING:], labels[TRAINING:], batch_size=1000, verbose=0)
        scores = {"initial": "weights_0.safetensors", "validation": {"loss": loss, "accuracy": accuracy}}
        write_json("trajectory.json", source | scores)
    if step in STARTS:
        states[step] = model.get_weights(), [variable.numpy() for variable in averages_of_keras]
    batch = slice(step % BATCHES * BATCH, (step % BATCHES + 1) * BATCH)
    # Otherwise the loss would be the mean over all steps so far.
    model.reset_metrics()
    losses.append(float(model.train_on_batch(pixels[batch], labels[batch])[0]))

for start, (weights, averages) in states.items():
    steps = range(start, start + LENGTH)
    batches = [
        (pixels[first : first + BATCH], labels[first : first + BATCH])
        for first in (step % BATCHES * BATCH for step in steps)
    ]
    pairs = zip(follow(weights, averages, batches), (losses[step] for step in steps))
    difference = max(abs(found / expected - 1) for found, expected in pairs)
    print(f"From step {start}: NumPy in 64 bits differs from Keras by {difference:.1e}")
    if difference > TOLERANCE:
        sys.exit("Rounding decides this stretch: choose other starts, or another seed by BENCH_SEED")
    write_tensors(f"weights_{start}.safetensors", weights)
    # Before the first step they are 0.
    if start > 0:
        write_tensors(f"averages_{start}.safetensors", averages)
write_json(
    "stretches.json",
    source | {"stretches": [{"start": start, "losses": losses[start : start + LENGTH]} for start in STARTS]},
)
