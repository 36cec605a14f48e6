"""What the tests in Python share: where things are, and how a file of tests runs."""

import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
# Cargo names the folder after the machine.
MACHINE = subprocess.run(
    ["rustc", "--print", "host-tuple"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.strip()
BUILT = ROOT / "target" / MACHINE / "debug"
MAIN = NOTEBOOKS / "MNIST-Classification.ipynb"
STANDBY = [sys.executable, str(ROOT / "scripts" / "standby.py")]


def main():
    """Runs the tests of the file that calls this; afterwards no kernel waits for a notebook."""
    result = unittest.main(verbosity=2, exit=False).result
    subprocess.run([*STANDBY, "--end"], check=True)
    failed = len({str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed")
    sys.exit(not result.wasSuccessful())
