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
    "ours_half": "**this project**, half precision",
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
            figures = ((results["MLP"], measure, text) for results in found for measure, text in [("process_seconds", "{:.1f} s"), ("peak_memory_mb", "{:.0f} MB")])
            rows.append([title, *(beside(results, measure, name, text) for results, measure, text in figures)])
    header = [title for number in range(1, len(found) + 1) for title in (f"15 epochs, machine {number}", f"peak memory, machine {number}")]
    return (
        table(["", *header], rows)
        + "\n\n"
        + " ".join(f"Machine {number}: {results['machine']}. {rounds(results['rounds'])}." for number, results in enumerate(found, 1))
        + f" In the notebook ({rounds(kernel['rounds']).lower()}), the kernel is ready {kernel['ours']['ready_s']:.1f} s after its launch where a spare one waits "
        + f"and {kernel['ours_first']['ready_s']:.1f} s after it where none does; half of the cells answer within "
        + f"{kernel['ours']['cell_median_s']:.1f} s ([machine and peers](docs/environment.md#how-a-notebook-starts))."
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
            measures = [("seconds_per_epoch", "{:.2f} s"), ("process_seconds", "{:.1f} s"), ("peak_memory_mb", "{:.0f} MB")]
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


GOALS = {
    "98": ("98 %, the original's layers", 30),
    "99": ("99 %", 30),
    "99.5": ("99.5 %", 30),
    "smallest": ("99 % with few parameters", 5),
}
# Student's t for a 95 % interval around the mean of so many.
T = {5: 2.776, 30: 2.045}


def seconds():
    rows = []
    found = rows_of("seconds.csv")
    for goal, (title, seeds) in GOALS.items():
        runs = [row for row in found if row["goal"] == goal]
        if len(runs) != seeds:
            raise SystemExit(f"bench/seconds.csv: expected {seeds} runs of {goal}, found {len(runs)}")
        accuracies, times, memory = ([float(row[column]) for row in runs] for column in ("accuracy", "seconds", "peak_memory_mb"))
        mean, half = statistics.mean(accuracies), T[seeds] * statistics.stdev(accuracies) / seeds**0.5
        rows.append([
            title,
            f"{int(runs[0]['parameters']):,}",
            str(seeds),
            f"{mean:.2f} ({mean - half:.2f} to {mean + half:.2f})",
            f"{min(accuracies):.2f}",
            f"{statistics.median(times):.1f} s",
            f"{max(times):.1f} s",
            f"{statistics.median(memory):.0f} MB",
        ])
    header = ["goal", "parameters", "seeds", "test accuracy, % (95 % interval of the mean)", "lowest", "whole process, median", "longest", "peak memory"]
    return table(header, rows) + f"\n\nOn {found[0]['machine']}; convolutions in {found[-1]['bits']} bits, which were the faster ones there."


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
        "docs/speed.md": (training, seconds, growth),
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
