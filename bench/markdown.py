"""What the tables of the documents share: files with rows, and tables in Markdown."""

import csv
from pathlib import Path

BENCH = Path(__file__).resolve().parent


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def rows_of(name):
    with open(BENCH / name, newline="") as file:
        return list(csv.DictReader(file))


def per_cent(share):
    return f"{100 * share:.2f}"
