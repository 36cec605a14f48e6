"""Measures training side by side: this library, plain tch, burn, candle, Keras, PyTorch, JAX, and the matrix products
alone; of the original's MLP, and of two networks with convolutions.

All run in turn, in several rounds (BENCH_ROUNDS, at least 3; each round with its own seed), so that a slow minute of
the machine meets all of them. The medians go into bench/results/, a file for each machine. Names behind the script
choose networks; the results of the others stay.
"""

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
# Cargo names the folder after the machine.
MACHINE = subprocess.run(
    ["rustc", "--print", "host-tuple"], cwd=BENCH, capture_output=True, text=True, check=True
).stdout.strip()
EXAMPLES = BENCH.parent / "target" / MACHINE / "debug" / "examples"
OURS, KERAS, PYTORCH, JAX = (
    [EXAMPLES / "ours"], [sys.executable, BENCH / "peer_keras.py"], [sys.executable, BENCH / "peer_pytorch.py"],
    [sys.executable, BENCH / "peer_jax.py"],
)  # fmt: skip
RUST_PEERS = BENCH.parent / "target" / "rust-peers" / MACHINE / "release"
PEERS = {
    "burn": [RUST_PEERS / "burn"], "candle": [RUST_PEERS / "candle"],
    "keras": KERAS, "pytorch": PYTORCH, "jax": JAX,
}  # fmt: skip
# Of the networks in networks.json: the programs, and how they differ from the original's training.
NETWORKS = {
    "MLP": ({"ours": OURS, "plain_tch": [EXAMPLES / "plain_tch"], **PEERS, "floor": [EXAMPLES / "matmul_only"]}, {}),
    "small CNN": ({"ours": OURS, "ours_half": OURS, **PEERS, "pytorch_half": PYTORCH}, {"EPOCHS": 3}),
    # A third of the digits, and only the peers with the fastest convolutions: with all, this would take hours.
    "best CNN": (
        {"ours": OURS, "ours_half": OURS, "keras": KERAS, "pytorch": PYTORCH, "pytorch_half": PYTORCH},
        {"EPOCHS": 2, "DIGITS": 20_000},
    ),
}
ROUNDS = max(3, int(os.environ.get("BENCH_ROUNDS", 3)))
# What this library asks of glibc by itself; it makes PyTorch's convolutions faster as well.
ALLOCATOR = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}


def run(command, parse=json.loads, **settings):
    """Runs a program to its end: what it printed, when each line came (seconds after its start), how long it took in
    all, and the most memory that it held, in megabytes."""
    began = time.perf_counter()
    allocator = ALLOCATOR if settings.get("NETWORK", "MLP") != "MLP" else {}
    environment = {**os.environ, **allocator, **{f"BENCH_{name}": str(value) for name, value in settings.items()}}
    if RUST_PEERS in Path(command[0]).parents:
        from peer import folder  # It needs numpy, which bench/seconds.py and bench/kernel.py do without.

        environment["MNIST_DIR"] = str(folder())
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    lines = [(parse(line), time.perf_counter() - began) for line in process.stdout]
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status != 0:
        sys.exit(f"{command[-1]} failed.")
    # Linux counts in kilobytes, macOS in bytes.
    return lines, seconds, usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def measure(network, name, command, settings):
    """A run's figures; without an answer on test digits, only the seconds of an epoch."""
    half_precision = str(name.endswith("_half")).lower()
    [(result, _)], seconds, memory = run(command, NETWORK=network, HALF_PRECISION=half_precision, **settings)
    # JAX compiles in the first epoch.
    values = {"seconds_per_epoch": statistics.median(result["epoch_seconds"][1:])}
    if "test_accuracy" in result:
        values |= {"process_seconds": seconds, "peak_memory_mb": memory, "test_accuracy": result["test_accuracy"]}
    return values


DIGITS = {"seconds_per_epoch": 3, "process_seconds": 1, "peak_memory_mb": 0, "test_accuracy": 4}


def side_by_side(network):
    """The medians over the rounds: for each measure one of each program."""
    programs, settings = NETWORKS[network]
    found = {}
    for number in range(ROUNDS):
        for name, command in programs.items():
            values = measure(network, name, command, {**settings, "SEED": number})
            for key, value in values.items():
                found.setdefault(key, {}).setdefault(name, []).append(value)
            shown = ", ".join(f"{key} {value:.4g}" for key, value in values.items())
            print(f"{network}, round {number + 1}: {name}: {shown}", flush=True)
    medians = lambda key: {name: round(statistics.median(values), DIGITS[key]) for name, values in found[key].items()}
    return {key: medians(key) for key in found}


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
        flags = names.get("flags", "").split()
        # As in crates/native/src/simd.rs.
        wide = next(
            (text for flag, text in [("avx512f", ", AVX-512: 16 lanes"), ("avx2", ", AVX2: 8 lanes")] if flag in flags),
            "",
        )
        processor = names.get("model name", processor) + wide + (", AVX512-BF16" if "avx512_bf16" in flags else "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({processor}), {memory:.0f} GB of memory, {platform.system()}"


def main():
    name = re.sub("[^a-z0-9]+", "-", machine().lower()).strip("-")
    path = BENCH / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    results = json.loads(path.read_text()) if path.exists() else {}
    results |= {"machine": machine(), "rounds": ROUNDS}
    results |= {network: side_by_side(network) for network in sys.argv[1:] or NETWORKS}
    results["start"] = start()
    path.write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
