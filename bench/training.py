"""Measures training side by side: this library, plain tch, Keras, PyTorch, JAX, and the matrix products alone.

All run in turn, in several rounds (BENCH_ROUNDS, at least 3; each round with its own seed), so that a slow minute of
the machine meets all of them. The medians go into bench/training.json.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
EXAMPLES = BENCH.parent / "target" / "debug" / "examples"
PROGRAMS = {
    "ours": [EXAMPLES / "ours"],
    "plain_tch": [EXAMPLES / "plain_tch"],
    "keras": [sys.executable, BENCH / "peer_keras.py"],
    "pytorch": [sys.executable, BENCH / "peer_pytorch.py"],
    "jax": [sys.executable, BENCH / "peer_jax.py"],
    "floor": [EXAMPLES / "floor"],
}
ROUNDS = max(3, int(os.environ.get("BENCH_ROUNDS", 3)))


def run(command, seed=0):
    """Runs a program to its end: what it printed, when each line came (seconds after its start), how long it took in
    all, and the most memory that it held, in megabytes."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "BENCH_SEED": str(seed)}, stdout=subprocess.PIPE, text=True)
    lines = [(json.loads(line), time.perf_counter() - began) for line in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status != 0:
        sys.exit(f"{command[-1]} failed.")
    # Linux counts in kilobytes, macOS in bytes.
    return lines, seconds, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def side_by_side():
    """One value per round for each measure and program."""
    measures = ("seconds_per_epoch", "process_seconds", "peak_memory_mb", "test_accuracy")
    found = {measure: {} for measure in measures}
    for number in range(ROUNDS):
        for name, command in PROGRAMS.items():
            [(result, _)], seconds, memory = run(command, seed=number)
            values = {"seconds_per_epoch": statistics.median(result["epoch_seconds"])}
            if "test_accuracy" in result:
                values |= {"process_seconds": seconds, "peak_memory_mb": memory, "test_accuracy": result["test_accuracy"]}
            for measure, value in values.items():
                found[measure].setdefault(name, []).append(value)
            shown = ", ".join(f"{measure} {value:.4g}" for measure, value in values.items())
            print(f"round {number + 1}: {name}: {shown}", flush=True)
    return found


def start():
    """From the start of a process to its first training step; MNIST from gzip to tensors; the five figures."""
    first_step, load, figures = [], [], []
    for _ in range(2 * ROUNDS + 1):
        [(loaded, seconds), (drawn, _)], _, _ = run([EXAMPLES / "start"])
        first_step.append(seconds)
        load.append(loaded["load_seconds"])
        figures.append(drawn["figures_seconds"])
    named = {"first_step_seconds": first_step, "load_seconds": load, "figures_seconds": figures}
    return {name: round(statistics.median(values), 3) for name, values in named.items()}


def machine():
    """The machine in general terms."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        names = {key.strip(): value.strip() for key, value in lines.items()}
        wide = next((text for flag, text in [("avx512f", ", AVX-512"), ("avx2", ", AVX2")] if flag in names.get("flags", "")), "")
        processor = names.get("model name", processor) + wide
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GB of memory, {platform.system()}"


def main():
    found = side_by_side()
    digits = {"seconds_per_epoch": 3, "process_seconds": 1, "peak_memory_mb": 0, "test_accuracy": 4}
    results = {"machine": machine(), "rounds": ROUNDS}
    for measure, programs in found.items():
        results[measure] = {name: round(statistics.median(values), digits[measure]) for name, values in programs.items()}
    results["start"] = start()
    (BENCH / "training.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
