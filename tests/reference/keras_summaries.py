"""Writes Keras' own summaries of two networks to keras/summaries.txt."""

import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["COLUMNS"] = "80"  # as in a notebook

import keras
from keras import layers as of

mlp = keras.Sequential(
    [
        keras.Input((784,)),
        *(of.Dense(size, activation="relu", name=f"dense_{number}") for number, size in [(1, 512), (2, 256), (3, 128)]),
        of.Dense(10, name="dense_4"),
    ]
)
first = "channels_first"
cnn = keras.Sequential(
    [
        keras.Input((1, 28, 28)),
        of.Conv2D(8, 3, padding="same", data_format=first, name="conv2d_1"),
        of.MaxPooling2D(2, data_format=first, name="max_pooling2d_1"),
        of.BatchNormalization(axis=1, name="batch_norm_1"),
        of.ReLU(name="re_lu_1"),
        of.Conv2D(4, 3, strides=2, data_format=first, name="conv2d_2"),
        of.Flatten(name="flatten_1"),
        of.Dropout(0.5, name="dropout_1"),
        of.Dense(10, name="dense_1"),
    ]
)
cnn.get_layer("conv2d_1").trainable = False

lines = []
for network in (mlp, cnn):
    # Without the first line, the name of the model.
    network.summary(print_fn=lambda text, **_: lines.extend(text.splitlines()[1:]))
(Path(__file__).parent / "keras" / "summaries.txt").write_text("\n".join(lines) + "\n")
