"""The tables of what `make bench`, `make seconds` and `make bench-kernel` measured."""

import json
import statistics

from markdown import BENCH, rows_of, table

NAMES = {
    "ours": "**this project**",
    "ours_half": "this project, half precision",
    "plain_tch": "plain tch: autograd, `nn::RmsProp`",
    "burn": "burn 0.22.1, its Flex backend",
    "candle": "candle 0.11.1",
    "keras": "Keras on TensorFlow",
    "pytorch": "PyTorch, eager",
    "pytorch_half": "PyTorch, half precision",
    "jax": "JAX, compiled (jit)",
    "floor": "the matrix products alone",
}


def rounds(count):
    return f"Medians over {count} rounds, all in turn in one run" if count > 1 else "One round, all in turn"


def measured(name):
    return json.loads((BENCH / f"{name}.json").read_text())


def machines():
    """What `make bench` measured, of each machine."""
    return [json.loads(path.read_text()) for path in sorted((BENCH / "results").glob("*.json"))]


def beside(results, measure, name, text):
    """A program's figure, and in brackets the multiple of this project's."""
    value = results.get(measure, {}).get(name)
    if value is None:
        return ""
    ratio = "" if name == "ours" else f" ({value / results[measure]['ours']:.2f} ×)"
    return text.format(value) + ratio


def speed():
    """The README's short table: whole trainings, and what a reader waits for in the notebook."""
    found, kernel = machines(), measured("kernel")
    rows = []
    for name, title in NAMES.items():
        if name in found[0]["MLP"]["process_seconds"]:
            figures = (
                (results["MLP"], measure, text)
                for results in found
                for measure, text in [("process_seconds", "{:.1f} s"), ("peak_memory_mb", "{:.0f} MB")]
            )
            rows.append([title, *(beside(results, measure, name, text) for results, measure, text in figures)])
    names = {results["machine"]: f"machine {number}" for number, results in enumerate(found, 1)}
    machine = rows_of("seconds.csv")[0]["machine"]
    measured_on = names.get(machine, machine)
    header = [
        title
        for number in range(1, len(found) + 1)
        for title in (f"15 epochs, machine {number}", f"peak memory, machine {number}")
    ]
    return (
        table(["", *header], rows)
        + "\n\n"
        + " ".join(
            f"Machine {number}: {results['machine']}. {rounds(results['rounds'])}."
            for number, results in enumerate(found, 1)
        )
        + f" The whole process of a training that reads 99 % of the test digits takes {median_seconds('99'):.1f} s on {measured_on} ([99 % in seconds](docs/speed.md#99--in-seconds))."
        + f" In the notebook ({rounds(kernel['rounds']).lower()}), the kernel is ready {kernel['ours']['ready_s']:.1f} s after its launch where a standby kernel waits "
        + f"and {kernel['ours_first']['ready_s']:.1f} s after it where none does; half of the cells answer within "
        + f"{kernel['ours']['cell_median_s']:.1f} s ([machine and peers](environment.md#how-a-notebook-starts))."
    )


EPOCHS = {
    "MLP": ("15 epochs, whole process", "48,000 digits an epoch"),
    "small CNN": ("3 epochs, whole process", "48,000 digits an epoch"),
    "best CNN": ("2 epochs, whole process", "16,000 digits an epoch"),
}


def network(results, kind):
    """The table of one network on one machine."""
    results, (process, digits) = results[kind], EPOCHS[kind]
    rows = []
    for name, title in NAMES.items():
        if name in results["seconds_per_epoch"]:
            accuracy = results["test_accuracy"].get(name)
            measures = [
                ("seconds_per_epoch", "{:.2f} s"),
                ("process_seconds", "{:.1f} s"),
                ("peak_memory_mb", "{:.0f} MB"),
            ]
            figures = [beside(results, measure, name, text) for measure, text in measures]
            rows.append([title, *figures, f"{accuracy:.2%}".replace("%", " %") if accuracy else ""])
    return f"The {kind}, {digits}:\n\n" + table(["", "an epoch", process, "peak memory", "test accuracy"], rows)


def training():
    parts = []
    for results in machines():
        start = results["start"]
        parts += [
            f"### {results['machine']}",
            *(network(results, kind) for kind in EPOCHS if kind in results),
            f"{rounds(results['rounds'])}; in brackets the multiple of this project's figure. "
            + f"From the start of the process to the first training step of the MLP it takes {start['first_step_seconds']:.2f} s, "
            + f"{start['load_seconds']:.2f} s of them for MNIST from gzip to tensors; "
            + f"drawing and writing the five pictures takes {start['figures_seconds']:.2f} s.",
        ]
    return "\n\n".join(parts)


def batch_size():
    rows = rows_of("batch_size.csv")
    return table(
        ["digits per batch", *(row["batch_size"] for row in rows)],
        [
            [f"{threads}, seconds per epoch", *(f"{float(row[column]):.2f}" for row in rows)]
            for threads, column in [("1 thread", "seconds_on_1_thread"), ("2 threads", "seconds_on_2_threads")]
        ],
    )


GOALS = {
    "98": ("98 %, the original's layers", 30),
    "99": ("99 %", 30),
    "99.5": ("99.5 %", 30),
    "smallest": ("99 % with few parameters", 5),
}
# Student's t for a 95 % interval around the mean of so many.
T = {5: 2.776, 30: 2.045}


def median_seconds(goal):
    return statistics.median(float(row["seconds"]) for row in rows_of("seconds.csv") if row["goal"] == goal)


def seconds():
    rows = []
    found = rows_of("seconds.csv")
    for goal, (title, seeds) in GOALS.items():
        runs = [row for row in found if row["goal"] == goal]
        if len(runs) != seeds:
            raise SystemExit(f"bench/seconds.csv: expected {seeds} runs of {goal}, found {len(runs)}")
        accuracies, times, memory = (
            [float(row[column]) for row in runs] for column in ("accuracy", "seconds", "peak_memory_mb")
        )
        mean, half = statistics.mean(accuracies), T[seeds] * statistics.stdev(accuracies) / seeds**0.5
        rows.append(
            [
                title,
                f"{int(runs[0]['parameters']):,}",
                str(seeds),
                f"{mean:.2f} ({mean - half:.2f} to {mean + half:.2f})",
                f"{min(accuracies):.2f}",
                f"{median_seconds(goal):.1f} s",
                f"{max(times):.1f} s",
                f"{statistics.median(memory):.0f} MB",
            ]
        )
    header = [
        "goal",
        "parameters",
        "seeds",
        "test accuracy, % (95 % interval of the mean)",
        "lowest",
        "whole process, median",
        "longest",
        "peak memory",
    ]
    bits = " and ".join(sorted({row["bits"] for row in found if row["goal"] != "98"}))
    return table(header, rows) + f"\n\nOn {found[0]['machine']}; convolutions in {bits} bits, as was faster there."


def kernel():
    results = measured("kernel")
    measures = {
        "ready_s": "launch to ready, s",
        "first_variable_s": "launch to first variable, s",
        "first_chart_s": "launch to first chart, s",
        "first_cell_when_idle_s": "first cell in a kernel that was idle, s",
        "cell_median_s": "a cell, median, s",
        "cell_p95_s": "a cell, 95th percentile, s",
        "run_all_s": "launch and Run All, 15 epochs, s",
        "disk_mb": "disk, MB",
        "standby_mb": "memory of the standby kernel that waits, MB",
    }
    kinds = {
        "ours": "**this project**",
        "ours_first": "this project, no standby kernel waiting",
        "evcxr": "evcxr",
        "python": "Python, Keras",
    }

    def cell(kind, measure):
        value = results.get(kind, {}).get(measure)
        return "" if value is None else f"{value:.0f}" if measure.endswith("_mb") else f"{value:.1f}"

    rows = [[title, *(cell(kind, measure) for kind in kinds)] for measure, title in measures.items()]
    return (
        table(["", *kinds.values()], rows)
        + f"\n\n{rounds(results['rounds'])}, on {results['machine']}. "
        + '"A cell" leaves out those that train; in the Rust kernels it has twelve small edits, too.'
    )


def cells():
    results = measured("kernel")
    found = results["cells_s"]
    longest = max(found, key=found.get)
    rows = [[name, f"**{value:.2f}**" if name == longest else f"{value:.2f}"] for name, value in found.items()]
    rest = sum(found.values()) - found[longest]
    return (
        table(["cell", "seconds"], rows)
        + f"\n\n{rounds(results['rounds'])}, on {results['machine']}. All but the longest: {rest:.1f} s together."
    )
