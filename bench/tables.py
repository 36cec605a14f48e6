"""Writes what `make bench`, `make bench-kernel` and `make experiments` measured into the documents, between the comments
that name each part. It computes no statistics of the experiments: results/comparison.csv holds them."""

import csv
import json
import re
import statistics
from pathlib import Path

BENCH = Path(__file__).resolve().parent
NAMES = {
    "ours": "**this project**",
    "plain_tch": "plain tch: autograd, `nn::RmsProp`",
    "keras": "Keras on TensorFlow",
    "pytorch": "PyTorch, eager",
    "jax": "JAX, an epoch in one jit",
    "floor": "the matrix products alone",
}


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def rounds(count):
    return f"Medians over {count} rounds, all in turn in one run" if count > 1 else "One round, all in turn"


def measured(name):
    return json.loads((BENCH / f"{name}.json").read_text())


def beside(results, measure, name, text):
    """A program's figure, and in brackets the multiple of this project's."""
    value = results[measure].get(name)
    if value is None:
        return ""
    ratio = "" if name == "ours" else f" ({value / results[measure]['ours']:.2f} ×)"
    return text.format(value) + ratio


def speed():
    """The README's short table: whole trainings, and what a reader waits for in the notebook."""
    results, kernel = measured("training"), measured("kernel")
    rows = [
        [title, beside(results, "process_seconds", name, "{:.1f} s"), beside(results, "peak_memory_mb", name, "{:.0f} MB")]
        for name, title in NAMES.items()
        if name in results["process_seconds"]
    ]
    return (
        table(["", "15 epochs, whole process", "peak memory"], rows)
        + f"\n\n{rounds(results['rounds'])}, on {results['machine']}. "
        + f"In the notebook ({rounds(kernel['rounds']).lower()}), the kernel is ready {kernel['ours']['ready_s']:.1f} s after its launch where a spare one waits "
        + f"and {kernel['ours_first']['ready_s']:.1f} s after it where none does; half of the cells answer within "
        + f"{kernel['ours']['cell_median_s']:.1f} s ([machine and peers](docs/environment.md#how-a-notebook-starts))."
    )


def training():
    results = measured("training")
    rows = []
    for name, title in NAMES.items():
        numbers = [
            beside(results, "seconds_per_epoch", name, "{:.2f} s"),
            beside(results, "process_seconds", name, "{:.1f} s"),
            beside(results, "peak_memory_mb", name, "{:.0f} MB"),
        ]
        accuracy = results["test_accuracy"].get(name)
        rows.append([title, *numbers, f"{accuracy:.2%}".replace("%", " %") if accuracy else ""])
    start = results["start"]
    return (
        table(["", "an epoch", "15 epochs, whole process", "peak memory", "test accuracy"], rows)
        + f"\n\n{rounds(results['rounds'])}, on {results['machine']}; "
        + "in brackets the multiple of this project's figure. "
        + f"From the start of the process to the first training step it takes {start['first_step_seconds']:.2f} s, "
        + f"{start['load_seconds']:.2f} s of them for MNIST from gzip to tensors; "
        + f"drawing and writing the five pictures takes {start['figures_seconds']:.2f} s."
    )


def rows_of(name):
    with open(BENCH / name, newline="") as file:
        return list(csv.DictReader(file))


def per_cent(share):
    return f"{100 * share:.2f}"


def growth():
    rows = rows_of("growth.csv")
    return table(
        ["digits per batch", *(row["batch_size"] for row in rows)],
        [[f"{threads}, seconds per epoch", *(f"{float(row[column]):.2f}" for row in rows)]
         for threads, column in [("1 thread", "seconds_on_1_thread"), ("2 threads", "seconds_on_2_threads")]],
    )


def seeds():
    rows = rows_of("seeds.csv")

    def line(title, column):
        accuracies = [float(row[column]) for row in rows]
        return [title, *map(per_cent, [*accuracies, statistics.mean(accuracies), statistics.stdev(accuracies)])]

    return table(
        ["test accuracy, %", *(f"seed {row['seed']}" for row in rows), "mean", "deviation"],
        [line("a new order in every epoch", "test_accuracy"), line("one order for all epochs", "one_order_test_accuracy")],
    )


def outcomes():
    """The lines of each experiment."""
    found = {}
    for row in rows_of("../results/experiments.csv"):
        found.setdefault(row["experiment"], []).append(row)
    return found


ALL_DIGITS = "\\* trained on all digits, the validation digits among them; the others on the first four fifths."


def title(row):
    return row["experiment"] + (" \\*" if row["trained on"] == "all digits" else "")


def accuracy():
    """The README's short table: the original's network, and the best of each kind."""
    names = ("baseline", "best MLP", "best CNN", "CNN without pooling", "20 CNNs together")

    def cells(row):
        name = "the original's network and settings" if row["experiment"] == "baseline" else title(row)
        deviation = row["deviation, points"]
        return [name, row["seeds"], f"{float(row['test, %']):.2f}" + (f" ± {float(deviation):.2f}" if deviation else "")]

    rows = [cells(row) for row in rows_of("../results/comparison.csv") if row["experiment"] in names]
    return table(["", "seeds", "test accuracy, % (mean ± standard deviation)"], rows) + "\n\n" + ALL_DIGITS


def experiments():
    def difference(row):
        columns = ("difference, points", "95 % from", "95 % to")
        if not row[columns[0]]:
            return ""
        middle, low, high = (f"{float(row[column]):+.2f}" for column in columns)
        return f"{middle} ({low} to {high})"

    def cells(row):
        deviation = row["deviation, points"]
        return [
            title(row),
            row["seeds"],
            row["epochs"],
            f"{float(row['test, %']):.2f}",
            f"{float(deviation):.2f}" if deviation else "",
            difference(row),
            row["verdict"],
        ]

    header = ["", "seeds", "epochs", "test accuracy, %", "deviation", "difference, points (95 % interval)", "verdict"]
    return (
        table(header, map(cells, rows_of("../results/comparison.csv")))
        + "\n\n"
        + ALL_DIGITS
    )


def conclusions():
    compared = [row for row in rows_of("../results/comparison.csv") if row["verdict"]]
    compared.sort(key=lambda row: -abs(float(row["difference, points"])))
    titles = {"helps": "Helps", "harms": "Harms", "no clear difference": "No clear difference"}

    def line(verdict):
        names = [row["experiment"] for row in compared if row["verdict"] == verdict]
        return f"- **{titles[verdict]}:** {', '.join(names) or 'none'}."

    lines = [f"Of {len(compared)} experiments, the largest difference first:", "", *map(line, titles)]
    return "\n".join(lines)


def mistakes():
    """What the CNNs make alone and together."""
    found = {name: [round(10_000 * (1 - float(run["test_accuracy"]))) for run in runs] for name, runs in outcomes().items()}
    rows = [
        [name, str(len(counts)), str(min(counts)), f"{statistics.mean(counts):.1f}", str(max(counts))]
        for name, counts in found.items()
        if name in ("best CNN", "CNN without pooling") or name.endswith("together")
    ]
    return table(["mistakes among 10,000 test digits", "networks tested", "fewest", "mean", "most"], rows)


def card():
    [compared] = [row for row in rows_of("../results/comparison.csv") if row["experiment"] == "best CNN"]
    [here] = [run for run in outcomes()["best CNN"] if run["seed"] == "0"]
    return table(
        ["test accuracy, 10,000 digits", "mistakes", "trained for", "mean test accuracy over all seeds"],
        [[
            per_cent(float(here["test_accuracy"])) + " %",
            str(round(10_000 * (1 - float(here["test_accuracy"])))),
            f"{float(here['seconds']) / 60:.0f} minutes",
            f"{float(compared['test, %']):.3f} % (seeds: {compared['seeds']})",
        ]],
    )  # fmt: skip


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
        "spare_mb": "memory of the spare that waits, MB",
    }
    kinds = {"ours": "**this project**", "ours_first": "this project, no spare waiting", "evcxr": "evcxr", "python": "Python, Keras"}

    def cell(kind, measure):
        value = results.get(kind, {}).get(measure)
        return "" if value is None else f"{value:.0f}" if measure.endswith("_mb") else f"{value:.1f}"

    rows = [[title, *(cell(kind, measure) for kind in kinds)] for measure, title in measures.items()]
    return (
        table(["", *kinds.values()], rows)
        + f"\n\n{rounds(results['rounds'])}, on {results['machine']}. "
        + "\"A cell\" leaves out those that train; in the Rust kernels it has twelve small edits, too."
    )


def main():
    documents = {
        "README.md": (accuracy, speed),
        "docs/environment.md": (kernel,),
        "docs/improvements.md": (experiments, conclusions, mistakes),
        "docs/keras.md": (seeds,),
        "docs/speed.md": (training, growth),
        "models/cnn/README.md": (card,),
    }
    for document, parts in documents.items():
        path = BENCH.parent / document
        text = path.read_text()
        for make in parts:
            name = make.__name__
            between = re.compile(f"(<!-- {name}: .*? -->\n).*?(<!-- end -->)", re.DOTALL)
            text, found = between.subn(lambda match: f"{match.group(1)}{make()}\n{match.group(2)}", text)
            if found != 1:
                raise SystemExit(f"{document}: expected one part {name}, found {found}")
        path.write_text(text)


if __name__ == "__main__":
    main()
