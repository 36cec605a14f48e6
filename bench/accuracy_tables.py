"""The tables of what was trained, by `make experiments` and from several seeds. Statistics of the experiments are
not computed here: results/comparison.csv holds them."""

import statistics

from markdown import per_cent, rows_of, table


def seeds():
    rows = rows_of("seeds.csv")

    def line(title, column):
        accuracies = [float(row[column]) for row in rows]
        return [title, *map(per_cent, [*accuracies, statistics.mean(accuracies), statistics.stdev(accuracies)])]

    return table(
        ["test accuracy, %", *(f"seed {row['seed']}" for row in rows), "mean", "deviation"],
        [
            line("a new order in every epoch", "test_accuracy"),
            line("one order for all epochs", "one_order_test_accuracy"),
        ],
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
        return [
            name,
            row["seeds"],
            f"{float(row['test, %']):.2f}" + (f" ± {float(deviation):.2f}" if deviation else ""),
        ]

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
    return table(header, map(cells, rows_of("../results/comparison.csv"))) + "\n\n" + ALL_DIGITS


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
    found = {
        name: [round(10_000 * (1 - float(run["test_accuracy"]))) for run in runs] for name, runs in outcomes().items()
    }
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
