"""The cells of a notebook's file and their outputs, and the settings with which tests execute notebooks."""

import json
import os
import re
import tempfile

# What a test trains must not take the place of what the reader trained.
OUT = tempfile.TemporaryDirectory()
FEW_EPOCHS = {**os.environ, "MNIST_EPOCHS": "2", "MNIST_QUICK": "1", "MNIST_OUT": OUT.name}


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def pictures(cells):
    """The pictures of charts, as base64 text."""
    html = "".join(
        "".join(output.get("data", {}).get("text/html", "")) + "\n" for cell in cells for output in cell["outputs"]
    )
    return re.findall(r'^<img [^>]*src="data:image/png;base64,([^"]+)"', html, re.MULTILINE)


def errors(cells):
    return [output["evalue"] for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
