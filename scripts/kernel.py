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
import time
from pathlib import Path

import psutil

import warm
from project import EVCXR, KERNELS, LIBTORCH, lock, rust_environment

# What evcxr reads when it starts. rust-analyzer inside it takes long over what a notebook asks for first: the
# dependencies and a first variable are there before the kernel says that it is ready. The `:dep` lines are the notebooks'
# own to the letter; then evcxr knows them when they come again.
SETTINGS = {
    # Take the crates that set-up has fetched and ask no server. For a crate of your own: `:offline 0`, then `:dep`.
    "evcxr.toml": "[evcxr]\noffline_mode = true\n",
    "init.evcxr": "".join(f":dep {line}\n" for line in warm.dependencies().splitlines()),
    "prelude.rs": "use mnist_classification::prelude::*; let warm_up = Mlp::new(&[1, 1], 0)?;",
}

# How long a training may take to notice that it should stop.
PATIENCE = 2.0


def remove_folders_of_dead_kernels():
    """A kernel that was killed could not remove its folder; nobody holds that folder's lock any more."""
    for folder in KERNELS.glob("session-*"):
        # Held by a kernel at work, or just removed by one that ended.
        with contextlib.suppress(OSError), open(folder / "lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)


def bring_up_to_date():
    """Compiles the library's changes; tells whether that went well."""
    try:
        warm.update()
        return True
    except subprocess.CalledProcessError:
        # The notebook's `:dep` cell meets the same error and shows it to the reader.
        print("The library does not compile; the notebook's first cell will say why.", file=sys.stderr)
        return False


def write_settings(folder, library_compiles):
    for name, text in SETTINGS.items():
        # Without its library a kernel could not even start.
        if library_compiles or name == "evcxr.toml":
            (folder / name).write_text(text)


def environment(folder):
    """evcxr's settings, and where the loader finds libtorch."""
    variables = rust_environment()
    variables["EVCXR_TMPDIR"] = str(folder / "cells")
    variables["EVCXR_CONFIG_DIR"] = str(folder)
    # A failed cell shows its message, not the kernel's own call stack.
    variables["RUST_BACKTRACE"] = "0"
    # evcxr looks here for a kernel of its own to rewrite: let it find none.
    variables["JUPYTER_PATH"] = str(folder)
    variables["MNIST_INTERRUPT_FILE"] = str(folder / "interrupt")
    library_path = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    paths = [str(LIBTORCH / "lib"), variables.get(library_path)]
    variables[library_path] = os.pathsep.join(filter(None, paths))
    return variables


def interrupt(kernel, request):
    """Asks a training at work to stop, which keeps the notebook's variables; where none answers, ends the process that
    runs the cells, as evcxr itself does at an interrupt."""
    request.touch()
    deadline = time.monotonic() + PATIENCE
    while request.exists():
        if time.monotonic() > deadline:
            request.unlink(missing_ok=True)
            for process in psutil.Process(kernel.pid).children():
                if process.name().startswith("evcxr"):
                    process.kill()
            return
        time.sleep(0.01)


def main(connection_file):
    # Jupyter interrupts by a signal to all processes of the kernel; only this one answers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with lock("warm"):
        remove_folders_of_dead_kernels()
        library_compiles = bring_up_to_date()
        folder = Path(tempfile.mkdtemp(prefix="session-", dir=KERNELS))
        alive = open(folder / "lock", "w")
        fcntl.flock(alive, fcntl.LOCK_EX)
        warm.clone(warm.WARM, folder)
    write_settings(folder, library_compiles)

    command = [EVCXR, "--control_file", connection_file]
    kernel = subprocess.Popen(command, env=environment(folder), pass_fds=[alive.fileno()])
    terminated = []

    def terminate(number, frame):
        terminated.append(number)
        kernel.kill()

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, lambda number, frame: interrupt(kernel, folder / "interrupt"))
    status = kernel.wait()
    shutil.rmtree(folder, ignore_errors=True)
    if terminated and os.getpgrp() == os.getpid():
        # The process that runs the cells would go on training; Jupyter starts every kernel in a group of its own.
        os.killpg(0, signal.SIGKILL)
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1])
