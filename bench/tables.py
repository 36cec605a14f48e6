"""Writes what `make bench`, `make seconds`, `make bench-kernel` and `make experiments` measured into the documents,
between the comments that name each table."""

import re

from accuracy_tables import accuracy, card, conclusions, experiments, mistakes, seeds
from markdown import BENCH
from timing_tables import batch_size, cells, kernel, seconds, speed, training


def main():
    documents = {
        "README.md": (accuracy, speed),
        "environment.md": (kernel,),
        "docs/improvements.md": (experiments, conclusions, mistakes),
        "docs/keras.md": (seeds,),
        "docs/speed.md": (training, seconds, batch_size, cells),
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
