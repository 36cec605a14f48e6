"""Writes report_cases.json: what scikit-learn makes of labels and predictions, for tests/agreement.rs to compare.

    target/peers/bin/python tests/reference/sklearn_reports.py      (`make bench` installs the peers)
"""

import json
from pathlib import Path

import numpy
import sklearn
from sklearn.metrics import classification_report, confusion_matrix


def case(name, y_true, y_pred, names=None):
    """A case with scikit-learn's matrix and its reports with four and with two decimals."""
    labels = range(len(names) if names else 10)
    report = lambda digits: classification_report(
        y_true, y_pred, labels=labels, target_names=names, digits=digits, zero_division=0
    )
    return {
        "name": name,
        "y_true": y_true.tolist(),
        "y_pred": y_pred.tolist(),
        **({"target_names": names} if names else {}),
        "confusion_matrix": confusion_matrix(y_true, y_pred, labels=labels).tolist(),
        "report_digits4": report(4),
        "report_digits2": report(2),
    }


def mostly_right(count, classes):
    """Labels, and predictions of which some 9 % are drawn anew."""
    y_true, y_other = random.integers(classes, size=(2, count))
    return y_true, numpy.where(random.random(count) < 0.9, y_true, y_other)


random = numpy.random.default_rng(0)
y_true, y_pred = mostly_right(2000, 10)
few = y_true[:300]
present = y_true != 7
cases = [
    case("ten classes, about 91 % right", y_true, y_pred),
    case("all right", few, few),
    case("all wrong by one", few, (few + 1) % 10),
    case("class 5 never predicted", y_true, numpy.where(y_pred == 5, 3, y_pred)),
    case("class 7 absent from truth", y_true[present], y_pred[present]),
    case("one sample", numpy.array([4]), numpy.array([9])),
    case("three named classes", *mostly_right(200, 3), ["T-shirt/top", "Ankle boot", "Bag"]),
    case("26 letters", *mostly_right(1000, 26), [chr(ord("A") + letter) for letter in range(26)]),
]
text = json.dumps({"source": f"scikit-learn {sklearn.__version__}", "cases": cases})
Path(__file__).with_name("report_cases.json").write_text(text.replace('{"name"', '\n{"name"') + "\n")
