"""Checks of what other programs make of this library's networks: onnx' checker and onnxruntime, on MNIST's test digits
or drawn ones; PyTorch and Keras, where `make bench` has installed them, which train an epoch and give the network back.
"""

import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy
import onnx
import onnxruntime

from common import BUILT, ROOT, main

PEERS = ROOT / "target" / "peers" / "bin" / "python"
# An MLP, and CNNs with every kind of layer.
TRAINED = ["baseline", "best_MLP", "CNN", "cnn", "CNN_without_pooling", "everything"]
# Of the largest logit of a sample.
CLOSE = 1e-4


def run(*command):
    done = subprocess.run([*map(str, command)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2_000:])
    return done.stdout


class Interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        run("cargo", "build", "--quiet", "--package", "interop", "--example", "exports")
        run(BUILT / "examples" / "exports", cls.folder)
        cls.digits = numpy.load(cls.folder / "digits.npy")

    def assert_same(self, found, expected):
        """Logits that are close, and the same answers but where the two highest are as close as that."""
        self.assertEqual(found.shape, expected.shape)
        tolerance = CLOSE * numpy.abs(expected).max(1, keepdims=True)
        self.assertLess((numpy.abs(found - expected) / tolerance).max(), 1)
        second, first = numpy.sort(expected, 1)[:, -2:].T
        is_other = found.argmax(1) != expected.argmax(1)
        self.assertFalse((is_other & (first - second > tolerance[:, 0])).any())

    def test_onnxruntime_answers_as_this_library(self):
        files = sorted(self.folder.glob("*.onnx"))
        self.assertGreater(len(files), 10)
        for file in files:
            with self.subTest(file.stem):
                model = onnx.load(file)
                onnx.checker.check_model(model, full_check=True)
                named = {entry.key: entry.value for entry in model.metadata_props}
                self.assertEqual(named["classes"], '["0","1","2","3","4","5","6","7","8","9"]')
                session = onnxruntime.InferenceSession(file)
                [input_] = session.get_inputs()
                [output] = session.get_outputs()
                self.assertEqual((input_.shape[0], output.shape), ("batch", ["batch", 10]))
                digits = self.digits.reshape(-1, *input_.shape[1:])
                [answers] = zip(*(session.run(None, {input_.name: part}) for part in numpy.array_split(digits, 20)))
                self.assert_same(numpy.concatenate(answers), numpy.load(file.with_suffix(".npy")))

    @unittest.skipUnless(PEERS.exists(), "PyTorch and Keras are not in target/peers, where `make bench` installs them")
    def test_pytorch_and_keras_train_on_and_give_back(self):
        for program in ("in_pytorch", "in_keras"):
            printed = run(PEERS, ROOT / "tests" / "interop" / f"{program}.py", self.folder, *TRAINED).splitlines()
            self.assertEqual(len(printed), len(TRAINED))
            for line in printed:
                name, difference = line.split()
                with self.subTest(name, program=program):
                    self.assertLess(float(difference), CLOSE)
        compared = run(BUILT / "examples" / "exports", self.folder, "back").splitlines()
        self.assertEqual(len(compared), 5 * len(TRAINED))
        for line in compared:
            file, difference = line.split()
            with self.subTest(file):
                self.assertLess(float(difference), CLOSE)


if __name__ == "__main__":
    main()
