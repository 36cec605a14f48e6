"""The fuzz targets of fuzz/: ten minutes each at least, side by side, from real files, while all else is tried.
FUZZ_SECONDS says how long."""

import atexit
import gzip
import io
import json
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

import psutil

from report import BUILT, ROOT, Torture

SECONDS = float(os.environ.get("FUZZ_SECONDS", 600))
# Bytes that a target may hold, as libFuzzer counts them, and the longest input.
MEMORY_MB, LONGEST = 512, 100_000
TARGETS = {
    "idx": "IDX, raw or in gzip",
    "weights": "safetensors with a plan",
    "onnx": "ONNX",
    "archives": "weights of Keras and PyTorch",
    "picture": "pictures: PNG, JPEG, WebP, BMP, GIF, TIFF",
    "records": "plans, settings and `run.json` in JSON; results in CSV",
}


# The targets that run, and what they write.
RUNNING = {}


def seed_corpus():
    """Real files, cut to what a target reads quickly."""
    images = (
        bytes([0, 0, 8, 3])
        + b"".join(number.to_bytes(4, "big") for number in (2, 28, 28))
        + bytes(range(256)) * 6
        + bytes(32)
    )
    labels = bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3])
    pictures = [
        path
        for folder in ("crates/cli/tests/pictures/formats", "notebooks/pictures")
        for path in (ROOT / folder).glob("*.*")
    ]
    small = [path.read_bytes() for path in pictures if path.stat().st_size <= LONGEST]
    network = {"input": [4], "layers": [{"Dense": 3}, "BatchNorm", "Relu", {"Dropout": 0.1}, {"Dense": 2}]}
    run = {
        "version": "1",
        "settings": {
            "model": {"plan": network},
            "training": {"epochs": 2, "schedule": {"Step": {"epochs": 1, "factor": 0.5}}},
        },
    }
    training = ROOT / "models" / "page" / "settings.json"
    return {
        "idx": [images, labels, gzip.compress(images), gzip.compress(labels)],
        "weights": [safetensors(network), (ROOT / "models/cnn/none.safetensors").read_bytes()[:LONGEST]],
        "onnx": [path.read_bytes() for path in (ROOT / "tests/reference/interop").glob("[!r]*.onnx")],
        "archives": [keras_weights(), *[path.read_bytes() for path in (ROOT / "tests/reference/interop").glob("torch_pt_*.pt")]],
        "picture": small,
        "records": [
            json.dumps(network).encode(), json.dumps(run).encode(), training.read_bytes(),
            b"".join((ROOT / "results" / "experiments.csv").read_bytes().splitlines(True)[:3]),
        ],
    }  # fmt: skip


def keras_weights():
    """An archive as `numpy.savez` writes it, of the shapes that the target's plan has."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, shape in enumerate([(2, 2, 1, 2), (2,), (2,), (2,), (2,), (2,), (8, 2), (2,)]):
            header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
            start = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little")
            archive.writestr(f"arr_{number}.npy", start + header + bytes(4 * math.prod(shape)))
    return file.getvalue()


def safetensors(plan):
    shapes = {
        "dense.kernel": [4, 3],
        "dense.bias": [3],
        "batch_norm.gamma": [3],
        "dense_1.kernel": [3, 2],
        "dense_1.bias": [2],
    }
    header, end = {"__metadata__": {"plan": json.dumps(plan)}}, 0
    for name, shape in shapes.items():
        size = 4
        for number in shape:
            size *= number
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(end)


def build():
    """Only this crate counts its branches, so that the dependencies serve as they are."""
    wrapper = ROOT / "fuzz" / "rustc"
    variables = os.environ | {"RUSTC_WORKSPACE_WRAPPER": str(wrapper)}
    command = ["cargo", "build", "--quiet", "--package", "mnist-classification-fuzz"]
    subprocess.run(command, cwd=ROOT, env=variables, check=True)


def start():
    """Starts all targets, behind whatever else is to be done."""
    build()
    # Each input becomes a file: on a disk, the targets would wait for that most of the time.
    place = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").exists() else None))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for name, contents in seed_corpus().items():
        corpus = place / name
        corpus.mkdir()
        for number, content in enumerate(contents):
            (corpus / str(number)).write_bytes(content)
        command = ["nice", "-n", "19", BUILT / name, corpus, f"-max_len={LONGEST}", "-max_total_time=7200"]
        command += [f"-rss_limit_mb={MEMORY_MB}", "-timeout=60", "-report_slow_units=60"]
        command += [
            f"-artifact_prefix={ROOT / 'fuzz' / 'found'}-{name}-",
            "-print_final_stats=1",
            "-use_value_profile=1",
        ]
        log = (place / f"{name}.log").open("w+")
        own = os.environ | {
            "TMPDIR": str(place),
            "OMP_NUM_THREADS": "1",
            "LD_LIBRARY_PATH": str(ROOT / "libtorch" / "lib"),
        }
        process = psutil.Popen(command, stdout=log, stderr=log, env=own, start_new_session=True)
        RUNNING[name] = process, log
        atexit.register(lambda process=process: process.poll() is None and process.kill())
        # Linux shares a processor among sessions first; `nice` counts within one only.
        group = Path(f"/proc/{process.pid}/autogroup")
        if group.exists():
            group.write_text("19")
            time.sleep(0.2)  # Other users than root may do that ten times a second.


class Fuzzing(Torture):
    part = "Bytes from outside"

    def test_targets(self):
        if not RUNNING:
            start()
        for name, (process, log) in RUNNING.items():
            with self.subTest(name):
                self.finish(name, process, log)

    def finish(self, name, process, log):
        while process.poll() is None and time.time() - process.create_time() < SECONDS:
            time.sleep(0.5)
        if process.poll() is None:
            minutes, computed = (time.time() - process.create_time()) / 60, sum(process.cpu_times()[:2]) / 60
            process.send_signal(signal.SIGINT)
            process.wait(timeout=60)
        log.seek(0)
        text = log.read()
        self.assertNotRegex(text, "ERROR: libFuzzer|panicked", name)
        runs = int(re.findall(r"stat::number_of_executed_units: (\d+)", text)[0])
        memory = int(re.findall(r"stat::peak_rss_mb: +(\d+)", text)[0])
        self.assertGreater(runs, 100)
        what = (
            f"{TARGETS[name]} (`fuzz/targets/{name}.rs`, {minutes:.0f} minutes, {computed:.0f} of them on a processor)"
        )
        self.tried(what, runs, f"an answer or an error; {memory} MB at most")
