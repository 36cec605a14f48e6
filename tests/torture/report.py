"""What the torture tests share: the program as they run it, and the table of what was tried."""

import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from common import BUILT, ROOT

# A tenth of it all, as `make test` does.
QUICK = "--quick" in sys.argv
DOCUMENT = ROOT / "docs" / "robustness.md"
MARKERS = "<!-- torture: made by make torture -->", "<!-- end -->"
ROWS = []
# The unit of ru_maxrss, in bytes.
MAXRSS = 1 if sys.platform == "darwin" else 1024


def times(count):
    """How often something is tried; a tenth of it in the quick form."""
    return max(1, count // 10) if QUICK else count


class Torture(unittest.TestCase):
    """Tests whose results are the rows of a table under the heading `part`."""

    part = ""

    def tried(self, what, count, happened):
        """A row, which stands behind the assertions: what was tried, how often, and what happened."""
        row = tuple(text.replace("|", "\\|") for text in (self.part, what, f"{count:,}", happened))
        ROWS.append(row)
        print("\n" + " | ".join(row), flush=True)


class Done(NamedTuple):
    """How a program ended; memory is its largest, in bytes."""

    code: int
    output: str
    errors: str
    seconds: float
    memory: int


PROGRAM = str(BUILT / "mnist-classification")


def run(*arguments, folder, limit=60, command=None, **variables):
    """Runs the program, or another command, in a folder; one that takes longer than `limit` seconds hangs."""
    command = [*(command or [PROGRAM]), *map(str, arguments)]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, env=os.environ | variables, stdout=output, stderr=errors)
        clock = threading.Timer(limit, process.kill)
        clock.start()
        _, status, usage = os.wait4(process.pid, 0)
        clock.cancel()
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if seconds >= limit:
            raise AssertionError(f"{command} took more than {limit} s")
        output.seek(0), errors.seek(0)
        return Done(process.returncode, output.read(), errors.read(), seconds, usage.ru_maxrss * MAXRSS)


def write_document():
    """Puts the rows into the document; parts that were not tried keep theirs."""
    text = DOCUMENT.read_text()
    start, end = (text.index(marker) for marker in MARKERS)
    before, *sections = text[start:end].split("### ")
    tables = {section.partition("\n")[0]: section.rstrip() + "\n\n" for section in sections}
    for part in dict.fromkeys(row[0] for row in ROWS):
        lines = [part, "", "| tried | times | what happened |", "| --- | --- | --- |"]
        lines += [f"| {what} | {count} | {happened} |" for name, what, count, happened in ROWS if name == part]
        tables[part] = "\n".join(lines) + "\n\n"
    DOCUMENT.write_text(text[:start] + "### ".join([before, *tables.values()]).rstrip() + "\n" + text[end:])
