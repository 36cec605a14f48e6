"""Executes a notebook from top to bottom in the Rust kernel and exports what it shows.

    execute.py NOTEBOOK                writes the executed notebook, its HTML page and its pictures into out/
    execute.py NOTEBOOK --out FOLDER   writes them into a folder there
    execute.py NOTEBOOK --refresh      writes the outputs into the notebook itself, in forms that every viewer shows, and
                                       into figures/ the pictures that README and docs/ show

A picture is named after its cell (a cell's `id` in the notebook's file).
"""

import argparse
import base64
import os
import re
import time
from pathlib import Path
from urllib.parse import quote

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter

from project import KERNEL_NAME, NOTEBOOKS, ROOT
from screenshot import PAGE_WIDTH, screenshot

# The template of a notebook's page lies in the folder "page" here.
PAGE = Path(__file__).resolve().parent
COLORS = re.compile("\x1b\\[[0-9;]*m")
COMPILING = re.compile(r"^ *Compiling .*\n", re.MULTILINE)


class Client(NotebookClient):
    """Prints a cell's text as it comes."""

    def output(self, outs, msg, display_id, cell_index):
        if msg["msg_type"] == "stream":
            text = msg["content"]["text"]
            start = "" if text.startswith("\r") else "    "
            print(start + text.replace("\r", "\r    "), end="", flush=True)
        return super().output(outs, msg, display_id, cell_index)


def execute(notebook):
    """Runs all cells; a failing one ends the program with its text and its error."""
    kernel = {"kernel_name": KERNEL_NAME, "resources": {"metadata": {"path": str(NOTEBOOKS)}}}
    # An edited library is compiled before the kernel answers.
    client = Client(notebook, timeout=None, startup_timeout=1200, record_timing=False, **kernel)
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    numbers = {id(cell): number for number, cell in enumerate(code, 1)}

    def started(cell, cell_index):
        if id(cell) in numbers:
            print(f"[{numbers[id(cell)]:2}/{len(code)}] {cell.source.strip().splitlines()[-1]}", flush=True)

    client.on_cell_start = started
    print("Starting the Rust kernel", flush=True)
    try:
        client.execute()
    except (CellExecutionError, DeadKernelError) as failure:
        failed = next((cell for cell in code for output in cell.outputs if output.output_type == "error"), None)
        if failed is None:
            raise SystemExit(f"The kernel ended: {failure}")
        errors = [output for output in failed.outputs if output.output_type == "error"]
        texts = ["\n".join(error.traceback) or error.evalue for error in errors]
        raise SystemExit(
            f"\nCell {numbers[id(failed)]} failed:\n\n{failed.source}\n\n" + COLORS.sub("", "\n".join(texts))
        )
    # evcxr counts from 2, and reports what it compiled; neither belongs into a notebook.
    for number, cell in enumerate(code, 1):
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            if output.output_type == "stream":
                output.text = COMPILING.sub("", output.text)
        cell.outputs = joined([output for output in cell.outputs if output.get("text") != ""])


def joined(outputs):
    """Lines arrive one by one; as one output they show as one block."""
    result = []
    for output in outputs:
        last = result[-1] if result else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            result.append(output)
    for output in result:
        if output.output_type == "stream":
            # A bar that moves writes over itself.
            output.text = "\n".join(line.rpartition("\r")[2] for line in output.text.split("\n"))
    return [output for output in result if output.get("text") != ""]


def pictures_of(notebook):
    """File name and bytes of every picture."""
    found = {}
    for cell in notebook.cells:
        pictures = [
            output.data["image/png"] for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
        ]
        for number, picture in enumerate(pictures, 1):
            found[cell.id + (f"-{number}" if number > 1 else "") + ".png"] = base64.b64decode(picture)
    return found


def shown_in_documents():
    """File names of the pictures of figures/ that README and docs/ show."""
    documents = [ROOT / "README.md", ROOT / "environment.md", *ROOT.glob("docs/*.md")]
    return {name for path in documents for name in re.findall(r"\]\((?:\.\./)?figures/([^)]+)\)", path.read_text())}


def save_pictures(pictures, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, picture in pictures.items():
        (folder / name).write_bytes(picture)
    return [folder / name for name in pictures]


def keep_what_every_viewer_shows(notebook):
    """Charts and pages as PNG with their words: GitHub and LaTeX show no HTML, and both forms would be too large."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            html = output.get("data", {}).get("text/html", "")
            if html.startswith("<iframe"):
                output.data["image/png"] = base64.b64encode(screenshot(html)).decode()
            if "image/png" in output.get("data", {}):
                output.data.pop("text/html", None)
                width = re.match('<img width="([0-9]+)"', html)
                output.metadata["image/png"] = {"width": int(width.group(1)) if width else PAGE_WIDTH}


def contents(notebook):
    """The headings below the title, and the anchors that nbconvert gives them."""
    found = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for marks, title in re.findall(r"^(#{2,3}) (.+?) *$", cell.source, re.MULTILINE):
                anchor = quote(title.replace(" ", "-"), safe="?/:@!$&'()*+,;=")
                found.append({"depth": len(marks) - 2, "title": title, "anchor": anchor})
    return found


def html_page(notebook, title):
    """One file that needs no network connection."""
    exporter = HTMLExporter(template_name="page", extra_template_basedirs=[str(PAGE)])
    page, _ = exporter.from_notebook_node(notebook, {"metadata": {"name": title}, "contents": contents(notebook)})
    return page


def test_accuracy(notebook):
    """The line in which a cell prints the test accuracy and the data that it was measured on."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if found := re.search(r"^Test accuracy: .+$", output.get("text", ""), re.MULTILINE):
                return found.group(0)
    return None


def relative(path):
    return os.path.relpath(path, ROOT)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "out")
    parser.add_argument("--refresh", action="store_true")
    arguments = parser.parse_args()
    path = arguments.notebook.resolve()
    notebook = nbformat.read(path, as_version=4)
    began = time.monotonic()
    execute(notebook)
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    print(f"\n{path.name} ran without an error in {minutes} min {seconds} s.")
    if accuracy := test_accuracy(notebook):
        print(accuracy)
    if arguments.refresh:
        shown = shown_in_documents()
        pictures = {name: picture for name, picture in pictures_of(notebook).items() if name in shown}
        saved = save_pictures(pictures, ROOT / "figures")
        keep_what_every_viewer_shows(notebook)
        nbformat.write(notebook, path)
        print(f"Refreshed:          {relative(path)}")
    else:
        folder = arguments.out / path.stem
        saved = save_pictures(pictures_of(notebook), folder)
        nbformat.write(notebook, folder / path.name)
        (folder / (path.stem + ".html")).write_text(html_page(notebook, path.stem))
        print(f"Executed notebook:  {relative(folder / path.name)}")
        print(f"HTML page:          {relative(folder / (path.stem + '.html'))}")
    print("Pictures:           " + "\n                    ".join(str(relative(picture)) for picture in saved))


if __name__ == "__main__":
    main()
