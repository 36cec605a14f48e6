"""Jupyter starts this as the kernel: it gives evcxr a build folder of its own, where everything is compiled already.

Two kernels in one build folder would overwrite each other's cells.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import warm
from project import EVCXR, KERNELS, LIBTORCH, NOTEBOOKS, lock, rust_environment


def remove_folders_of_dead_kernels():
    """A kernel that was killed could not remove its folder; nobody holds that folder's lock any more."""
    for folder in KERNELS.glob("session-*"):
        # Held by a kernel at work, or just removed by one that ended.
        with contextlib.suppress(OSError), open(folder / "lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def bring_up_to_date():
    try:
        warm.update()
    except subprocess.CalledProcessError:
        # The notebook's `:dep` cell meets the same error and shows it to the reader.
        print("The library does not compile; the notebook's first cell will say why.", file=sys.stderr)


def environment(folder):
    """evcxr's settings, and where the loader finds libtorch."""
    variables = rust_environment()
    variables["EVCXR_TMPDIR"] = str(folder / "cells")
    variables["EVCXR_CONFIG_DIR"] = str(NOTEBOOKS)
    # A failed cell shows its message, not the kernel's own call stack.
    variables["RUST_BACKTRACE"] = "0"
    # evcxr looks here for a kernel of its own to rewrite: let it find none.
    variables["JUPYTER_PATH"] = str(folder)
    library_path = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    paths = [str(LIBTORCH / "lib"), variables.get(library_path)]
    variables[library_path] = os.pathsep.join(filter(None, paths))
    return variables


def main(connection_file):
    # Jupyter interrupts a cell by message; a Ctrl-C in the terminal must not end the kernel.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with lock("warm"):
        remove_folders_of_dead_kernels()
        bring_up_to_date()
        folder = Path(tempfile.mkdtemp(prefix="session-", dir=KERNELS))
        alive = open(folder / "lock", "w")
        fcntl.flock(alive, fcntl.LOCK_EX)
        warm.clone(warm.WARM, folder)

    command = [EVCXR, "--control_file", connection_file]
    kernel = subprocess.Popen(command, env=environment(folder), pass_fds=[alive.fileno()])
    terminated = []

    def terminate(number, frame):
        terminated.append(number)
        kernel.kill()

    signal.signal(signal.SIGTERM, terminate)
    status = kernel.wait()
    shutil.rmtree(folder, ignore_errors=True)
    if terminated and os.getpgrp() == os.getpid():
        # The process that runs the cells would go on training; Jupyter starts every kernel in a group of its own.
        os.killpg(0, signal.SIGKILL)
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
