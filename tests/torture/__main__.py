"""Whatever the input, the network, the disk or the moment of a crash: a clear error, and nothing that was made is lost.

    python tests/torture            all of it, which writes docs/robustness.md
    python tests/torture downloads  some parts, by their files' names, which leaves the others' rows there
    python tests/torture --quick    a tenth of the parts that no other test covers, which writes nothing
"""

import subprocess
import sys
import unittest

import fuzzing
from report import ROWS, write_document

from common import STANDBY

# Kernels of one part would look like what another one has left behind: these run one after another, the others beside
# them.
WITH_KERNELS, WITHOUT = ["access", "set_up", "kernel"], ["downloads", "runs", "training"]
PARTS = [*WITH_KERNELS, *WITHOUT, "fuzzing"]
# What `make test` has besides: tests/edge_cases.rs, tests/kernels.py, and tests of what fuzzing found.
QUICK_PARTS = ["access", "downloads", "runs", "set_up"]


def all_parts():
    """Runs those with kernels in another process, and the others here; gives how many tests failed."""
    beside = subprocess.Popen([sys.executable, __file__, *WITH_KERNELS])
    # Fuzzing takes the processor's time that the others leave, to the end.
    fuzzing.start()
    failed = tests_of(WITHOUT)
    failed += beside.wait() != 0
    return failed + tests_of(["fuzzing"])


def tests_of(parts):
    """Runs them; gives how many tests failed."""
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromName(name) for name in parts)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = [getattr(test, "test_case", test) for test, _ in result.failures + result.errors]
    ROWS.extend((getattr(test, "part", "Before a part"), f"`{test}`", "1", "**failed**") for test in failed)
    print(f"{result.testsRun} tests, {len(failed)} failed, {len(result.skipped)} skipped")
    return len(failed)


def main():
    chosen = sys.argv[1:]
    if unknown := set(chosen) - {"--quick", *PARTS}:
        sys.exit(f"{', '.join(unknown)}: expected --quick, or some of {', '.join(PARTS)}")
    if chosen:
        failed = tests_of([name for name in chosen if name != "--quick"] or QUICK_PARTS)
    else:
        failed = all_parts()
    if "--quick" not in chosen:
        write_document()
    subprocess.run([*STANDBY, "--end"], check=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
