"""What the Python peers share: MNIST as arrays, and the line in which each reports its run.

The arrays: pixels `[digits, 784]`, 32-bit floats from 0 to 1; labels `[digits]`, integers.
"""

import gzip
import json
import os
from pathlib import Path

import numpy

TRAINING, BATCH, SIZES = 48_000, 128, [784, 512, 256, 128, 10]
EPOCHS = int(os.environ.get("BENCH_EPOCHS", 15))
LEARNING_RATE, RHO, EPSILON = 0.001, 0.9, 1e-7


def read(name, header):
    """The bytes of a file of MNIST after its header."""
    return numpy.frombuffer(gzip.decompress((Path(os.environ["MNIST_DIR"]) / name).read_bytes()), numpy.uint8, offset=header)


def mnist(part):
    """Pixels and labels of `train` or `t10k`."""
    pixels = read(f"{part}-images-idx3-ubyte.gz", 16).reshape(-1, 784).astype(numpy.float32) / 255
    return pixels, read(f"{part}-labels-idx1-ubyte.gz", 8).astype(numpy.int64)


def report(epoch_seconds, test_accuracy):
    print(json.dumps({"epoch_seconds": list(epoch_seconds), "test_accuracy": float(test_accuracy)}))
