"""What the Python peers share: MNIST as arrays, and the line in which each reports its run.

The arrays: pixels `[digits, 784]`, 32-bit floats from 0 to 1; labels `[digits]`, integers.
"""

import gzip
import json
import os
import sys
from pathlib import Path

import numpy

TRAINING, BATCH, SIZES = 48_000, 128, [784, 512, 256, 128, 10]
EPOCHS = int(os.environ.get("BENCH_EPOCHS", 15))
SEED = int(os.environ.get("BENCH_SEED", 0))
LEARNING_RATE, RHO, EPSILON = 0.001, 0.9, 1e-7


def folder():
    """Where this project's own programs find MNIST; the first of them has fetched it if it was nowhere."""
    caches = Path.home() / "Library/Caches" if sys.platform == "darwin" else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    beside = Path(__file__).resolve().parent.parent / "data/mnist"
    return Path(os.environ.get("MNIST_DIR") or (beside if beside.exists() else caches / "mnist-classification"))


def read(name, header):
    """The bytes of a file of MNIST, raw or gzipped, after its header."""
    raw = folder() / name
    contents = raw.read_bytes() if raw.exists() else gzip.decompress(raw.with_name(name + ".gz").read_bytes())
    return numpy.frombuffer(contents, numpy.uint8, offset=header)


def mnist(part):
    """Pixels and labels of `train` or `t10k`."""
    pixels = read(f"{part}-images-idx3-ubyte", 16).reshape(-1, 784)
    # In one go: a copy of the whole would count as the peer's memory.
    return numpy.divide(pixels, numpy.float32(255), dtype=numpy.float32), read(f"{part}-labels-idx1-ubyte", 8).astype(numpy.int64)


def report(epoch_seconds, test_accuracy):
    print(json.dumps({"epoch_seconds": list(epoch_seconds), "test_accuracy": float(test_accuracy)}))
