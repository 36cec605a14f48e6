"""Writes statistics.json: what SciPy makes of the test accuracies in results/experiments.csv, which it copies, and
values of Student's t. The unit tests of src/metrics/significance.rs compare with it.

    python3 -m venv /tmp/scipy && /tmp/scipy/bin/pip install scipy
    /tmp/scipy/bin/python tests/reference/statistics.py
"""

import csv
import json
from pathlib import Path

import scipy
from scipy.stats import t, ttest_ind

HERE = Path(__file__).resolve().parent


def accuracies():
    """In points, from all seeds of each experiment."""
    found = {}
    with open(HERE.parent.parent / "results" / "experiments.csv", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["experiment"], []).append(100 * float(row["test_accuracy"]))
    return found


def holm(p_values):
    corrected, highest = {}, 0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = corrected[index] = min(1, max(highest, p_values[index] * (len(p_values) - rank)))
    return [corrected[index] for index in range(len(p_values))]


def experiments(found, baseline):
    several = {name: values for name, values in found.items() if len(values) > 1}
    tests = [ttest_ind(values, baseline, equal_var=False) for values in several.values()]
    corrected = holm([test.pvalue for test in tests])
    for (name, values), test, p_value in zip(several.items(), tests, corrected):
        yield {
            "name": name,
            "accuracies": values,
            "t": test.statistic,
            "degrees": test.df,
            "p_value": test.pvalue,
            "interval": list(test.confidence_interval(0.95)),
            "holm": p_value,
        }


def main():
    found = accuracies()
    baseline = found.pop("baseline")
    degrees = sorted({*range(1, 101), *(1 + 0.37 * step for step in range(268))})
    some = [1, 1.5, 2, 3.3, 5, 8, 9.7, 16, 25.1, 50, 100]
    numbers = [0.01, 0.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 40]
    reference = {
        "scipy": scipy.__version__,
        "baseline": baseline,
        "experiments": list(experiments(found, baseline)),
        "quantiles": [[freedom, t.ppf(0.975, freedom)] for freedom in degrees],
        "p_values": [[number, freedom, 2 * t.sf(number, freedom)] for freedom in some for number in numbers],
    }
    text = json.dumps(reference, default=float, separators=(",", ":"))
    (HERE / "statistics.json").write_text(text.replace("},{", "},\n{") + "\n")


if __name__ == "__main__":
    main()
