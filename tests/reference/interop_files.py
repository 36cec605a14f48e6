"""Shared by interop_pytorch.py, interop_keras.py and interop_by_hand.py, which write small networks to interop/ as
other programs do, for crates/interop/tests/other_programs.rs to read. This file is not run itself.

Beside the file of a network lies NAME.npz: rows of `inputs` (pictures channels first), and the `probabilities` that the
framework itself computes for them. Where the file lacks the layers, NAME.plan.json holds this library's plan. What
begins with `refused_` this library cannot read. All values are random, by seeds: made again, files differ at most in
the names of nodes, in addresses and dates.
"""

import json
import zlib
from pathlib import Path

import numpy
import onnxruntime

FOLDER = Path(__file__).parent / "interop"
SAMPLES, CLASSES, PIXELS = 10, 10, 36
onnxruntime.set_default_logger_severity(3)


def clear(*patterns):
    """Deletes what a script has written before."""
    FOLDER.mkdir(exist_ok=True)
    for path in [path for pattern in patterns for path in FOLDER.glob(pattern)]:
        path.unlink()


def generator(name):
    return numpy.random.default_rng(zlib.crc32(name.encode()))


def draw(random, kind, shape, inputs):
    """Values for a tensor of weights, so large that the classes' probabilities differ clearly."""
    if kind == "variance":
        return random.uniform(0.5, 2, shape)
    if kind == "scale":
        return random.uniform(0.5, 1.5, shape) * random.choice([1, 1, 1, -1], shape)
    return random.normal(0, (4 / inputs) ** 0.5 if kind == "kernel" else 0.3, shape)


def draw_inputs(name, shape):
    """Samples of values from 0 to 1, some of them mostly 0 and some not."""
    random = generator(name + " inputs")
    inputs = random.random((SAMPLES, *shape))
    kept = numpy.linspace(0.1, 1, SAMPLES).reshape(-1, *[1] * len(shape))
    return (inputs * (random.random(inputs.shape) < kept)).astype("f4")


def as_probabilities(outputs):
    """The probabilities of the classes; outputs are these already, or their logarithms, or logits."""
    if outputs.min() >= 0 and abs(outputs.sum(axis=1) - 1).max() < 1e-5:
        return outputs
    powers = numpy.exp(outputs - outputs.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def write_samples(name, inputs, outputs):
    """Writes NAME.npz; the samples must tell a right reader from a wrong one."""
    probabilities = as_probabilities(outputs)
    assert inputs.dtype == probabilities.dtype == numpy.float32, name
    assert probabilities.shape == (SAMPLES, CLASSES) and probabilities.std(axis=0).max() > 0.01, name
    numpy.savez(FOLDER / f"{name}.npz", inputs=inputs.reshape(SAMPLES, -1), probabilities=probabilities)


def write_plan(name, shape, layers):
    (FOLDER / f"{name}.plan.json").write_text(json.dumps({"input": list(shape), "layers": layers}) + "\n")


def convolution(channels, size, stride=1, padding=0):
    """A layer of a plan."""
    return {"Convolution": {"channels": channels, "size": size, "stride": stride, "padding": padding}}


def in_inference(model):
    """The same graph without what only training does."""
    for node in model.graph.node:
        if node.op_type in ["BatchNormalization", "Dropout"]:
            del node.output[1:]
        if node.op_type == "Dropout":
            del node.input[1:]
        for attribute in node.attribute:
            if attribute.name == "training_mode":
                attribute.i = 0
    return model


def check_onnx(name, model, inputs, outputs, tolerance=1e-4):
    """Checks that onnxruntime computes the same as the program that wrote the file."""
    session = onnxruntime.InferenceSession(in_inference(model).SerializeToString())
    (argument,) = session.get_inputs()
    batch = argument.shape[0] if isinstance(argument.shape[0], int) else SAMPLES
    kind = {"tensor(float)": "f4", "tensor(double)": "f8", "tensor(float16)": "f2"}[argument.type]
    batches = numpy.split(inputs.astype(kind), SAMPLES // batch)
    found = numpy.concatenate([session.run(None, {argument.name: batch})[0] for batch in batches])
    difference = abs(as_probabilities(found) - as_probabilities(outputs)).max()
    assert difference < tolerance, f"{name}: {difference}"
