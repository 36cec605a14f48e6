"""Writes interop/*keras_* and interop/tf2onnx_*: small networks as Keras and tf2onnx write them.

Run by `target/peers/bin/python tests/reference/interop_keras.py`, and with `KERAS_BACKEND=torch` before it for the one
file of Keras on PyTorch; `make bench` installs the peers.
"""

import logging
import os
import sys
import warnings

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="", TF_ENABLE_ONEDNN_OPTS="0")
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import keras
import numpy
import onnx
from interop_files import CLASSES, FOLDER, PIXELS
from interop_files import check_onnx, clear, convolution, draw, draw_inputs, generator, write_plan, write_samples
from keras import layers as of

# The layers of networks, as plans have them.
MLP = [{"Dense": 16}, "Relu", {"Dense": 12}, "Relu", {"Dense": CLASSES}]
CNN = [convolution(4, 5, padding=2), "Relu", "BatchNorm", convolution(6, 3), "BatchNorm", "Relu", {"MaxPool": 2}]
CNN += ["Flatten", {"Dropout": 0.4}, {"Dense": 8}, "BatchNorm", "Relu", {"Dense": CLASSES}]
FUNCTIONAL = [convolution(4, 3, stride=2), "BatchNorm", "Relu", convolution(6, 3, padding=1), "Relu", {"MaxPool": 2}]
FUNCTIONAL += ["Flatten", {"Dropout": 0.4}, {"Dense": CLASSES}]


def mlp(last=None):
    layers = [of.Dense(16, activation="relu"), of.Dense(12), of.ReLU(), of.Dense(CLASSES, activation=last)]
    return keras.Sequential([keras.Input((PIXELS,)), *layers])


def cnn(channels=1):
    """Three rows and columns of six channels are flattened; the batch norms have Keras' own epsilon."""
    layers = [
        *(of.Conv2D(4, 5, padding="same", activation="relu"), of.BatchNormalization()),
        *(of.Conv2D(6, 3), of.BatchNormalization(), of.ReLU(), of.MaxPooling2D(2)),
        *(of.Flatten(), of.Dropout(0.4), of.Dense(8), of.BatchNormalization(), of.ReLU(), of.Dense(CLASSES)),
    ]
    return keras.Sequential([keras.Input((8, 8, channels)), *layers])


def functional():
    """Pictures of 9 by 7 pixels with two channels; the pooling drops a column."""
    inputs = keras.Input((9, 7, 2))
    x = of.Conv2D(4, 3, strides=2)(inputs)
    x = of.ReLU()(of.BatchNormalization()(x))
    x = of.MaxPooling2D(2)(of.Conv2D(6, 3, padding="same", activation="relu")(x))
    x = of.Dropout(0.4)(of.Flatten()(x))
    return keras.Model(inputs, of.Dense(CLASSES, activation="softmax")(x))


def fill(name, network):
    random = generator(name)
    kinds = {"moving_variance": "variance", "gamma": "scale", "kernel": "kernel"}
    for weight in network.weights:
        inputs = numpy.prod(weight.shape[:-1])
        weight.assign(draw(random, kinds.get(weight.name, "bias"), tuple(weight.shape), inputs))
    # Keras exports only what it has run.
    network(numpy.zeros((1, *network.input_shape[1:]), "f4"))
    return network


def channels_first(network):
    *sides, channels = network.input_shape[1:]
    return channels, *sides


def sample(name, network):
    """Writes NAME.npz, and returns inputs, channels first, with the network's outputs."""
    inputs = draw_inputs(name, channels_first(network))
    outputs = keras.ops.convert_to_numpy(network(numpy.moveaxis(inputs, 1, -1), training=False))
    write_samples(name, inputs, outputs)
    return inputs, outputs


def export(name, network, how, **options):
    path = FOLDER / f"{name}.onnx"
    how(fill(name, network), path, **options)
    onnx.checker.check_model(path, full_check=True)
    if not name.startswith("refused_"):
        inputs, outputs = sample(name, network)
        inputs = inputs if "inputs_as_nchw" in options else numpy.moveaxis(inputs, 1, -1)
        check_onnx(name, onnx.load(path), inputs, outputs)


def by_keras(network, path):
    network.export(path, format="onnx", verbose=False)


if keras.backend.backend() == "torch":
    clear("keras_on_torch_*")
    export("keras_on_torch_cnn", cnn(), by_keras)
    sys.exit()

import tensorflow
import tf2onnx


def by_tf2onnx(network, path, **options):
    signature = [tensorflow.TensorSpec((None, *network.input_shape[1:]), tensorflow.float32, name="input")]
    function = tensorflow.function(lambda x: network(x, training=False), input_signature=signature)
    tf2onnx.convert.from_function(function, signature, output_path=path, **options)


clear("keras_[!o]*", "tf2onnx_*", "refused_keras_*")
export("keras_mlp", mlp(), by_keras)
export("keras_cnn", cnn(), by_keras)
export("keras_functional", functional(), by_keras)
same = of.Conv2D(4, 3, strides=2, padding="same")
same = keras.Sequential([keras.Input((8, 8, 1)), same, of.Flatten(), of.Dense(CLASSES)])
export("refused_keras_same_stride", same, by_keras)
export("tf2onnx_mlp_softmax_opset_13", mlp("softmax"), by_tf2onnx, opset=13)
export("tf2onnx_cnn_opset_9", cnn(), by_tf2onnx, opset=9)
export("tf2onnx_cnn_two_channels_opset_18", cnn(2), by_tf2onnx, opset=18)
export("tf2onnx_cnn_nchw", cnn(2), by_tf2onnx, opset=18, inputs_as_nchw=["input"])

# Weights without the layers.
for kind, network, layers in [("mlp", mlp(), MLP), ("cnn", cnn(), CNN), ("functional", functional(), FUNCTIONAL)]:
    name = f"keras_npz_{kind}"
    numpy.savez(FOLDER / f"{name}.weights.npz", *fill(name, network).get_weights())
    write_plan(name, channels_first(network), layers)
    sample(name, network)
small = keras.Sequential([keras.Input((PIXELS,)), of.Dense(CLASSES)])
small.save(FOLDER / "refused_keras_mlp.keras")
small.save_weights(FOLDER / "refused_keras_mlp.weights.h5")
