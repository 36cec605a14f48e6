"""Drives real kernels through the Jupyter protocol, in turn: this project's with a standby kernel waiting, as a reader
has it, and with none; evcxr as it comes but for a build folder that lasts; and the original's Python notebook in its
own kernel. The medians go into bench/kernel.json, those of this project's single cells, too.

Options: BENCH_ROUNDS, how often all is measured (3).
"""

import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpecManager

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
sys.path.insert(0, str(ROOT / "scripts"))

from project import EVCXR, KERNEL_NAME, KERNELS, LIBTORCH, NOTEBOOKS, VENV, rust_environment
from training import machine

SPECS = ROOT / "target" / "bench" / "kernels"
EVCXR_FOLDER = ROOT / "target" / "bench" / "evcxr"
STANDBY = [sys.executable, str(ROOT / "scripts" / "standby.py")]
PEERS = ROOT / "target" / "peers" / "bin" / "python"
ROUNDS = int(os.environ.get("BENCH_ROUNDS", 3))
IDLE = 10  # seconds that a kernel is left alone before "idle" is measured


CELLS = re.split(r"// %% (.+)\n", (BENCH / "original.rs").read_text())[1:]
NAMES, RUST = CELLS[::2], CELLS[1::2]
PYTHON = (BENCH / "original.py").read_text().split("# %%\n")[1:]
# What a reader types after the notebook has run: changed numbers, another look at what is there.
EDITS = [
    "let digit = 7;",
    'let digit = 8;\nprintln!("{}", predictions.truth[digit]);',
    "figures::digits(&mnist.test, 10)?",
    "figures::misclassified(&mnist.test, &predictions, 10)?",
    "figures::heatmap(&confusion)",
    "confusion.most_confused(3)?",
    "history.frame()?",
    'println!("{:.3}", scores.accuracy);',
    'println!("{}", predictions.mistakes()?.len());',
    "let careful = Training { batch_size: 64, ..training.clone() };",
    'fn percent(share: f64) -> String { format!("{:.1} %", 100.0 * share) }',
    'println!("{}", percent(report.classes[3].recall));',
]
VARIABLE = [RUST[0], "let training = Training::default();"]
CHART = ["let mnist = Dataset::mnist()?;", "figures::digits(&mnist.train, 25)?"]
# For each kernel: its cells, those of them that train, what makes a first variable, and what shows a first chart.
KERNELS_MEASURED = {
    "ours": (KERNEL_NAME, RUST, "fit(", VARIABLE, CHART),
    "ours_first": (KERNEL_NAME, RUST, "fit(", VARIABLE, CHART),
    "evcxr": ("bench-evcxr", RUST, "fit(", VARIABLE, CHART),
    "python": ("bench-python", PYTHON, ".fit(", ["import keras\nseed = 0"], PYTHON[:2] + PYTHON[3:4]),
}


def end_standby():
    subprocess.run([*STANDBY, "--end"], check=True)


def standby():
    """Waits until a standby kernel is ready; gives its folder."""
    subprocess.run(STANDBY, stderr=subprocess.DEVNULL, check=True)
    [waiting] = KERNELS.glob("session-*/waiting")
    client = BlockingKernelClient(connection_file=str(waiting.parent / "connection.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=1800)
    client.stop_channels()
    return waiting.parent


def memory(folder):
    """Megabytes that the processes of a session hold for themselves."""
    [keeper] = [
        process for process in psutil.process_iter(["cmdline"]) if str(folder) in (process.info["cmdline"] or [])
    ]
    return sum(process.memory_full_info().uss for process in [keeper, *keeper.children(recursive=True)]) / 1e6


class Kernel:
    """A kernel from its launch on."""

    def __init__(self, name):
        folders = [str(SPECS), str(VENV / "share/jupyter/kernels")]
        self.began = time.perf_counter()
        self.manager = KernelManager(kernel_name=name, kernel_spec_manager=KernelSpecManager(kernel_dirs=folders))
        self.manager.start_kernel(cwd=str(BENCH if name == "bench-python" else NOTEBOOKS))
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=1800)
        # A kernel may answer before it can run a cell.
        self.run("")
        self.ready = self.age()

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        time.sleep(3)  # What it started ends a moment later.

    def age(self):
        return time.perf_counter() - self.began

    def run(self, code):
        """Runs a cell; gives the seconds until its reply."""
        began = time.perf_counter()
        reply = self.client.execute_interactive(code, timeout=None, output_hook=lambda message: None)
        if reply["content"]["status"] != "ok":
            raise SystemExit(f"A cell failed:\n{code}\n{reply['content']}")
        return time.perf_counter() - began


def write_specs():
    """Specs for the two kernels that set-up does not write."""
    shutil.rmtree(SPECS, ignore_errors=True)
    library_path = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    evcxr = {
        "EVCXR_TMPDIR": str(EVCXR_FOLDER),
        "EVCXR_CONFIG_DIR": str(SPECS / "no-settings"),
        "JUPYTER_PATH": str(SPECS / "no-settings"),
        "PATH": rust_environment()["PATH"],
        library_path: str(LIBTORCH / "lib"),
    }
    specs = {
        "bench-evcxr": ([str(EVCXR), "--control_file", "{connection_file}"], "rust", evcxr),
        "bench-python": ([str(PEERS), "-m", "ipykernel_launcher", "-f", "{connection_file}"], "python", {}),
    }
    for name, (argv, language, env) in specs.items():
        spec = {"argv": argv, "display_name": name, "language": language, "env": env}
        (SPECS / name).mkdir(parents=True)
        (SPECS / name / "kernel.json").write_text(json.dumps(spec))


def warm_up_evcxr():
    """Compiles all dependencies in evcxr's folder once, as its first kernel would (9 minutes)."""
    if not (EVCXR_FOLDER / "target").exists():
        EVCXR_FOLDER.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "Cargo.lock", EVCXR_FOLDER / "Cargo.lock")
    with Kernel("bench-evcxr") as kernel:
        kernel.run(RUST[0])
        kernel.run("let training = Training::default();")


def disk(folder):
    """Megabytes on disk; what several names link to counts once."""
    sizes = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            sizes[status.st_ino] = status.st_blocks * 512
    return sum(sizes.values()) / 1e6


def prepare(kind):
    """What waits when a kernel of this kind is launched. Beside it no standby kernel starts: it is not left alone
    for so long."""
    if kind == "ours":
        return standby()
    end_standby()


def measure(kind):
    name, cells, training, variable, chart = KERNELS_MEASURED[kind]
    found = {}
    waiting = prepare(kind)
    if waiting:
        found["standby_mb"] = memory(waiting)
    with Kernel(name) as kernel:
        found["ready_s"] = kernel.ready
        for cell in variable:
            kernel.run(cell)
        found["first_variable_s"] = kernel.age()
        for cell in chart:
            kernel.run(cell)
        found["first_chart_s"] = kernel.age()
        if name == KERNEL_NAME:
            # Not evcxr's: its folder keeps what older versions of this library built there, too.
            found["disk_mb"] = disk(KERNELS)
    prepare(kind)
    with Kernel(name) as kernel:
        time.sleep(IDLE)
        found["first_cell_when_idle_s"] = kernel.run("\n".join(variable))
    prepare(kind)
    with Kernel(name) as kernel:
        seconds = [kernel.run(cell) for cell in cells]
        found["run_all_s"] = kernel.age()
        answers = [time for time, cell in zip(seconds, cells) if training not in cell]
        if kind != "python":
            answers += [kernel.run(edit) for edit in EDITS]
    found["cell_median_s"] = statistics.median(answers)
    found["cell_p95_s"] = statistics.quantiles(answers, n=20)[-1]
    if kind == "ours":
        found |= dict(zip(NAMES, seconds))
    return found


def main():
    write_specs()
    end_standby()
    warm_up_evcxr()
    rounds = {kind: [] for kind in KERNELS_MEASURED}
    for number in range(1, ROUNDS + 1):
        for kind in KERNELS_MEASURED:
            rounds[kind].append(measure(kind))
            shown = ", ".join(f"{name} {value:.2f}" for name, value in rounds[kind][-1].items())
            print(f"round {number}: {kind}: {shown}", flush=True)
    results = {"machine": machine(), "rounds": ROUNDS}
    for kind, found in rounds.items():
        results[kind] = {name: round(statistics.median(each[name] for each in found), 2) for name in found[0]}
    results["cells_s"] = {name: results["ours"].pop(name) for name in NAMES}
    (BENCH / "kernel.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    # The notebook's training is the whole one, in a folder of its own.
    os.environ["MNIST_OUT"] = str(ROOT / "target" / "bench" / "out")
    main()
