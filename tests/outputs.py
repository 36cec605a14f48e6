"""The cells of a notebook's file and their outputs, and copies of notebooks that run quickly."""

import json
import tempfile
from pathlib import Path

# What a test trains and saves must not take the place of what the reader did.
OUT = tempfile.TemporaryDirectory()
# What a quick copy has in place of a notebook's own settings: fewer epochs, seeds and digits.
QUICK = {
    "MNIST-Classification": {"epochs: 15,": "epochs: 2,", "epochs: 8,": "epochs: 1,", '"../out/': f'"{OUT.name}/'},
    "Improvements": {
        "epochs: 5,": "epochs: 1,",
        "epochs: 15,": "epochs: 2,",
        "epochs: 3,": "epochs: 1,",
        "let train = mnist.train.preprocess();": "let train = mnist.train.preprocess().split(0.95)?.0;",
    },
    "Error-Analysis": {
        "epochs: 15,": "epochs: 1,",
        "epochs: 3,": "epochs: 1,",
        "let seeds = 9;": "let seeds = 2;",
        "let count = 100;": "let count = 4;",
        ".step_by(10)": ".step_by(100)",
        '"../out/': f'"{OUT.name}/',
    },
}


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def source(cell):
    return "".join(cell["source"])


def quick(path):
    """A notebook's content, without outputs, that runs quickly and saves nothing in out/."""
    content = json.loads(path.read_text())
    for old, new in QUICK[path.stem].items():
        # A notebook that says it in another way would train for minutes, or change the reader's files.
        assert any(old in source(cell) for cell in content["cells"]), f"{path.stem} has no {old}"
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                cell.update(source=source(cell).replace(old, new), outputs=[], execution_count=None)
    return content


def quick_copy(path):
    """The same as a file of its own."""
    copy = Path(OUT.name) / "copies" / path.name
    copy.parent.mkdir(exist_ok=True)
    copy.write_text(json.dumps(quick(path)))
    return copy


def data(cells):
    """What the cells display: for each output its forms by MIME type, as text."""
    shown = [output["data"] for cell in cells for output in cell["outputs"] if "data" in output]
    return [{kind: "".join(form) for kind, form in forms.items()} for forms in shown]


def pictures(cells):
    """The pictures of charts, as base64 text."""
    charts = [forms for forms in data(cells) if not forms.get("text/plain", "").startswith("A page:")]
    return [forms["image/png"].strip() for forms in charts if "image/png" in forms]


def errors(cells):
    return [output["evalue"] for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
