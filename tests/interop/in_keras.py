"""Keras takes the networks of a folder that the example `exports` wrote, answers, trains an epoch and saves; run by
tests/interop.py. Prints for each how far its first answers are from this library's, by the largest logit of a sample.
"""

import json
import os
import sys
from pathlib import Path

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}

import keras
import numpy

FOLDER = Path(sys.argv[1])
DIGITS, TRAIN, LABELS = (numpy.load(FOLDER / f"{name}.npy") for name in ("digits", "train", "labels"))
LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

for name in sys.argv[2:]:
    shape = json.loads((FOLDER / f"{name}.json").read_text())["input"]
    # Keras has the channels last.
    axes = (0, 2, 3, 1) if len(shape) == 3 else (0, 1)
    digits, training = (values.reshape(-1, *shape).transpose(axes) for values in (DIGITS, TRAIN))
    model = eval((FOLDER / f"{name}.keras").read_text())
    model.set_weights(list(numpy.load(FOLDER / f"{name}.npz").values()))
    expected = numpy.load(FOLDER / f"{name}.npy")
    found = model.predict(digits, batch_size=500, verbose=0)
    print(name, (numpy.abs(found - expected) / numpy.abs(expected).max(1, keepdims=True)).max())
    model.compile("rmsprop", LOSS)
    model.fit(training, LABELS, batch_size=128, epochs=1, verbose=0)
    back = FOLDER / f"{name}-keras.back"
    numpy.save(f"{back}.npy", model.predict(digits, batch_size=500, verbose=0))
    numpy.savez(f"{back}.npz", *model.get_weights())
    model.export(f"{back}.onnx", format="onnx", verbose=False)
