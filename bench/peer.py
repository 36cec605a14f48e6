"""What the Python peers share: the network's layers, MNIST as arrays, and the line in which each reports its run.

The arrays: pixels `[digits, 784]`, or `[digits, height, width, 1]` for a network with convolutions, 32-bit floats from
0 to 1; labels `[digits]`, integers.
"""

import gzip
import json
import os
import sys
from pathlib import Path

import numpy

DIGITS = int(os.environ.get("BENCH_DIGITS", 60_000))
TRAINING, BATCH, VALIDATION_BATCH, CLASSES = DIGITS * 4 // 5, 128, 250, 10
EPOCHS = int(os.environ.get("BENCH_EPOCHS", 15))
HALF_PRECISION = os.environ.get("BENCH_HALF_PRECISION") == "true"
SEED = int(os.environ.get("BENCH_SEED", 0))
LEARNING_RATE, RHO, EPSILON = 0.001, 0.9, 1e-7
NETWORKS = json.loads(Path(__file__).with_name("networks.json").read_text())
PLAN = NETWORKS[os.environ.get("BENCH_NETWORK", "MLP")]
# Each a name with its setting, as in src/model/plan.rs.
LAYERS = [(layer, None) if isinstance(layer, str) else next(iter(layer.items())) for layer in PLAN["layers"]]
SHAPE = (784,) if len(PLAN["input"]) == 1 else (28, 28, 1)


def folder():
    """Where this project's own programs find MNIST; the first of them has fetched it if it was nowhere."""
    caches = (
        Path.home() / "Library/Caches"
        if sys.platform == "darwin"
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    )
    beside = Path(__file__).resolve().parent.parent / "data/mnist"
    return Path(os.environ.get("MNIST_DIR") or (beside if beside.exists() else caches / "mnist-classification"))


def read(name, header):
    """The bytes of a file of MNIST, raw or gzipped, after its header."""
    raw = folder() / name
    contents = raw.read_bytes() if raw.exists() else gzip.decompress(raw.with_name(name + ".gz").read_bytes())
    return numpy.frombuffer(contents, numpy.uint8, offset=header)


def mnist(part):
    """Pixels and labels of `train` or `t10k`, the first DIGITS of them."""
    pixels = read(f"{part}-images-idx3-ubyte", 16).reshape(-1, *SHAPE)[:DIGITS]
    # In one go: a copy of the whole would count as the peer's memory.
    return numpy.divide(pixels, numpy.float32(255), dtype=numpy.float32), read(f"{part}-labels-idx1-ubyte", 8)[
        :DIGITS
    ].astype(numpy.int64)


def report(epoch_seconds, test_accuracy):
    print(json.dumps({"epoch_seconds": list(epoch_seconds), "test_accuracy": float(test_accuracy)}))
