"""Runs that are killed at random moments, on disks that are full or cannot be written, and two in one folder."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from disks import can_mount, network_disk, ram_disk
from report import PROGRAM, QUICK, Torture, run, times

EPOCHS = 8
MLP = [{"Dense": 64}, "Relu", {"Dense": 10}]
NORMALISED = [{"Dense": 64}, "BatchNorm", "Relu", {"Dropout": 0.3}, {"Dense": 10}]
# Every optimizer, schedule, sampling and augmentation, batch normalisation, dropout and early stopping.
TRAININGS = {
    "RMSprop": (MLP, {}),
    "Adam, a learning rate in steps": (MLP, {"optimizer": {"rule": {"Adam": {}}, "learning_rate": 0.001}, "schedule": {"Step": {"epochs": 2, "factor": 0.5}}}),
    "Nadam, reduced on a plateau": (MLP, {"optimizer": {"rule": {"Nadam": {}}, "learning_rate": 0.001}, "schedule": {"ReduceOnPlateau": {"patience": 1, "factor": 0.5}}}),
    "SGD, one cycle": (MLP, {"optimizer": {"rule": {"Sgd": {"momentum": 0.9}}, "learning_rate": 0.1, "weight_decay": 0.005}, "schedule": {"OneCycle": {"rise": 0.3}}}),
    "mistakes drawn more often, a cosine": (MLP, {"sampling": {"Mistakes": {"times": 3.0}}, "schedule": "Cosine"}),
    "classes drawn more often": (MLP, {"sampling": {"Classes": {"classes": [4, 9], "times": 2.0}}}),
    "augmentation": (MLP, {"augmentation": {"shift": 2.0, "rotation": 10.0, "scale": 0.1, "shear": 5.0, "elastic": 1.0, "pieces": 0.2, "grey": 0.2}}),
    "batch normalisation and dropout": (NORMALISED, {"label_smoothing": 0.1}),
    "early stopping": (NORMALISED, {"early_stopping": 2}),
    "a convolutional network in 16 bits": (
        [{"Convolution": {"channels": 4, "size": 3}}, "BatchNorm", "Relu", {"MaxPool": 4}, "Flatten", {"Dense": 10}],
        {"half_precision": True, "batch_size": 500},
    ),
}  # fmt: skip


def write_digits(folder):
    """Patterns of their class with noise, as a data set in four files."""
    folder.mkdir()
    source = random.Random(0)
    patterns = [source.randbytes(28 * 28) for _ in range(10)]
    for name, count in (("train", 2_000), ("t10k", 300)):
        labels = bytes(source.randrange(10) for _ in range(count))
        images = b"".join(
            bytes((a + b) // 2 for a, b in zip(patterns[label], source.randbytes(28 * 28))) for label in labels
        )
        head = [number.to_bytes(4, "big") for number in (0x803, count, 28, 28)]
        (folder / f"{name}-images-idx3-ubyte").write_bytes(b"".join(head) + images)
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(
            b"".join([(0x801).to_bytes(4, "big"), count.to_bytes(4, "big")]) + labels
        )


class Runs(Torture):
    part = "Run folders and checkpoints"

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        write_digits(cls.folder / "small")

    def arguments(self, name, out, epochs=EPOCHS):
        layers, settings = TRAININGS[name]
        plan = {"input": [784] if "Dense" in layers[0] else [1, 28, 28], "layers": layers}
        (self.folder / "plan.json").write_text(json.dumps(plan))
        (self.folder / "settings.json").write_text(json.dumps({"batch_size": 100, **settings}))
        options = {"data": "small", "model": "plan.json", "settings": "settings.json", "epochs": epochs, "out": out}
        return [word for name, value in options.items() for word in (f"--{name}", str(value))]

    def train(self, name, out, folder=None, **options):
        return run(*self.arguments(name, out, **options), folder=folder or self.folder)

    def whole(self, name):
        out = f"whole {name}"
        if not (self.folder / out).exists():
            self.assertEqual(self.train(name, out).code, 0)
        return self.folder / out

    def assert_same_bits(self, one, other):
        listed = [sorted(path.name for path in folder.iterdir()) for folder in (one, other)]
        self.assertEqual(*listed)
        for file in ("weights.safetensors", "predictions.csv", "report.csv"):
            self.assertTrue((one / file).read_bytes() == (other / file).read_bytes(), f"{file} of {other.name} differs")

    def start(self, arguments):
        return subprocess.Popen(
            [PROGRAM, *arguments], cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )

    def killed(self, name, moment):
        """Trains, and is killed when `moment` has passed."""
        process = self.start(self.arguments(name, "killed"))
        try:
            moment(process)
        finally:
            process.kill()
            process.wait()

    def go_on(self, name):
        """What a killed run left is whole, or it goes on to the same bits and says so."""
        partial, final = self.folder / "killed.partial", self.folder / "killed"
        kept = list(partial.glob("training/epoch-????"))
        if final.exists():
            self.assertTrue((final / "run.json").exists())
        else:
            done = self.train(name, "killed")
            self.assertEqual((done.code, done.errors), (0, ""), name)
            self.assertEqual("Going on after epoch" in done.output, bool(kept), name)
        self.assertFalse(partial.exists())
        self.assert_same_bits(self.whole(name), final)
        shutil.rmtree(final)

    def test_killed_at_any_moment(self):
        moments = random.Random(1)
        for number in range(times(80)):
            name = list(TRAININGS)[number % len(TRAININGS)]
            self.whole(name)
            # Some are killed a second and a third time before they may end.
            for _ in range(1 + number % 3):
                self.killed(name, lambda process: time.sleep(moments.uniform(0, 1.5)))
                if (self.folder / "killed").exists():
                    break
            self.go_on(name)
        self.tried(
            f"SIGKILL at a random moment, once to three times a run; {len(TRAININGS)} kinds of training in turn: " + "; ".join(TRAININGS),
            times(80), "whole, or went on to the same bits",
        )  # fmt: skip

    def test_killed_while_an_epoch_is_written(self):
        """The folder of an epoch has another name until all is in it."""

        def writing(process):
            partials = self.folder / "killed.partial" / "training"
            files = self.random.randrange(4)
            while process.poll() is None:
                # It may just have got its name.
                with contextlib.suppress(FileNotFoundError):
                    if any(len(os.listdir(folder)) >= files for folder in partials.glob("epoch-*.partial")):
                        return

        self.random, missed, caught = random.Random(2), 0, 0
        while caught < times(20):
            name = list(TRAININGS)[caught % len(TRAININGS)]
            self.whole(name)
            self.killed(name, writing)
            was_written = any((self.folder / "killed.partial" / "training").glob("epoch-*.partial"))
            caught, missed = caught + was_written, missed + (not was_written)
            self.assertLess(missed, 400, "no epoch was caught while it was written")
            self.go_on(name)
        self.tried("SIGKILL while an epoch is written", caught, "went on to the same bits")

    def test_two_in_one_folder(self):
        for _ in range(times(10)):
            arguments = self.arguments("RMSprop", "both")
            processes = [self.start(arguments) for _ in range(2)]
            errors = sorted(process.communicate()[1] for process in processes)
            self.assertEqual(errors[0], "")
            self.assertRegex(errors[1], "no other run is at work|expected a folder that is not there yet")
            self.assert_same_bits(self.whole("RMSprop"), self.folder / "both")
            shutil.rmtree(self.folder / "both")
        self.tried("two runs at once into one folder", times(10), "one trained, the other was refused with an error")

    @unittest.skipUnless(can_mount(), "a RAM disk cannot be mounted here")
    def test_disks_that_are_full_or_read_only(self):
        place = self.folder / "disk"
        place.mkdir()
        whole = self.whole("RMSprop")
        used = sum(file.stat().st_size for file in whole.rglob("*") if file.is_file())
        refused = 0
        with ram_disk(place, "size=16k") as remount:
            for kilobytes in range(16, 2 * used // 1000, used // (4_000 if QUICK else 40_000)):
                remount(f"size={kilobytes}k")
                done = self.train("RMSprop", "disk/run")
                if done.code == 0:
                    break
                self.assertRegex(done.errors, "^error: .*No space left on device.*\n$")
                self.assertFalse((place / "run").exists())
                refused += 1
            remount("size=100m")
            if not (place / "run").exists():
                self.assertEqual(self.train("RMSprop", "disk/run").code, 0)
            self.assert_same_bits(whole, place / "run")
        self.assertGreater(refused, 2)
        self.tried(
            "a full disk, of more and more kilobytes",
            refused,
            "an error on one line; with room again, went on to the same bits",
        )
        with ram_disk(place, "ro"):
            done = self.train("RMSprop", "disk/run")
            self.assertRegex(done.errors, "^error: .*Read-only file system.*\n$")
        self.tried("a disk that cannot be written", 1, "an error on one line")

    @unittest.skipUnless(
        can_mount(network_disk), "a disk behind a server cannot be mounted here: libfuse is missing, or FUSE"
    )
    def test_networked_disks(self):
        """A server that dies while an epoch is trained; one that knows no locks."""
        place = self.folder / "network"
        place.mkdir()
        caught = missed = 0
        while caught < times(10):
            with network_disk(place) as server:
                process = self.start(self.arguments("RMSprop", "network/run"))
                while process.poll() is None and not any(place.glob("run.partial/training/epoch-????")):
                    time.sleep(0.01)
                server.kill()
                _, errors = process.communicate(timeout=60)
            with network_disk(place):
                if (place / "run").exists():
                    missed += 1
                    self.assertLess(missed, 100, "no run was at work when the server died")
                else:
                    caught += 1
                    self.assertRegex(
                        errors, "^error: .*(Transport endpoint is not connected|Software caused connection abort).*\n$"
                    )
                    self.assertIn("Going on after epoch", self.train("RMSprop", "network/run").output)
                    self.assert_same_bits(self.whole("RMSprop"), place / "run")
                shutil.rmtree(place / "run")
        self.tried(
            "a networked disk whose server dies during a run",
            caught,
            "an error on one line; with the server back, went on to the same bits",
        )
        with network_disk(place, "--without-locks"):
            done = self.train("RMSprop", "network/run")
            self.assertRegex(done.errors, "^error: .*No locks available.*\n$")
        self.tried("a networked disk without locks", 1, "an error on one line")
