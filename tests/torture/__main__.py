"""Whatever the input, the network, the disk or the moment of a crash: a clear error, and nothing that was made is lost.

    python tests/torture            all of it, which writes docs/robustness.md
    python tests/torture --quick    a tenth of the parts that no other test covers
    python tests/torture downloads  one part, by its file's name; neither writes anything
"""

import subprocess
import sys
import unittest

import fuzzing
from report import QUICK, ROWS, write_document

from common import SPARE

PARTS = ["access", "downloads", "runs", "training", "set_up", "kernel", "fuzzing"]
# What `make test` has besides: tests/limits.rs, tests/kernels.py, and tests of what fuzzing found.
QUICK_PARTS = ["access", "downloads", "runs", "set_up"]


def main():
    if unknown := set(sys.argv[1:]) - {"--quick", *PARTS}:
        sys.exit(f"{', '.join(unknown)}: expected --quick, or one of {', '.join(PARTS)}")
    chosen = [name for name in sys.argv[1:] if name in PARTS] or (QUICK_PARTS if QUICK else PARTS)
    if "fuzzing" in chosen:
        fuzzing.start()
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromName(name) for name in chosen)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    subprocess.run([*SPARE, "--end"], check=True)
    if chosen == PARTS and not QUICK:
        write_document(failed)
    else:
        print("\n".join(" | ".join(row) for row in ROWS))
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(ROWS)} lines in the table")
    sys.exit(not result.wasSuccessful())


if __name__ == "__main__":
    main()
