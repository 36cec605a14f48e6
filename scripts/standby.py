"""Keeps a standby kernel: a session that was started beforehand and waits for the next notebook, which then need not
wait.

    standby.py         starts one in notebooks/, or in the folder that is named, unless a right one waits already
    standby.py --end   ends the one that waits
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil

import session
import build_cache
from project import CELLS, EVCXR, KERNELS, LIBTORCH, NOTEBOOKS, ROOT, fingerprint, kernel_environment, lock

# Bytes of free memory below which no standby kernel is started: one takes about 0.7 GB, and training needs the rest.
MEMORY = 4_800_000_000


def free_memory(cgroup=Path("/sys/fs/cgroup")):
    """Bytes that are free on the machine, or within a container's limit. Files that are kept in memory can go."""
    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError, KeyError):
        used = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        limit, current = (int((cgroup / f"memory.{name}").read_text()) for name in ("max", "current"))
        free = min(free, limit - current + int(used["inactive_file"]))
    return free


def remove_folders_of_dead_sessions():
    """A session that was killed could not remove its folder."""
    for folder in KERNELS.glob("session-*"):
        if not session.is_alive(folder):
            shutil.rmtree(folder, ignore_errors=True)


def bring_up_to_date(tell=None):
    """Compiles the library's changes; says whether that went well."""
    try:
        build_cache.update(tell)
        return True
    except subprocess.CalledProcessError:
        # The notebook's `:dep` cell meets the same error and shows it to the reader.
        print("The library does not compile; the notebook's first cell will say why.", file=sys.stderr)
        return False


def start_conditions(library_compiles):
    """All that a session that starts now starts with; a standby kernel serves only while it is the same."""
    compiled = sorted(
        (path.name, path.stat().st_mtime_ns) for path in build_cache.WARM.glob("cells/target/*/debug/deps/*.rlib")
    )
    installed = [EVCXR.stat().st_mtime_ns, LIBTORCH.resolve()]
    variables = sorted(kernel_environment().items())
    scripts = sorted([*(ROOT / "scripts").glob("*.py"), *CELLS.rglob("*.*")])
    return fingerprint(os.getcwd(), variables, session.SETTINGS, library_compiles, compiled, installed, *scripts)


def waiting():
    return [path.parent for path in KERNELS.glob("session-*/waiting")]


def find_or_start(library_compiles):
    """The session that waits, or a new one; what waits for other conditions than today's ends."""
    conditions = start_conditions(library_compiles)
    found = None
    for folder in waiting():
        # Unless it has just ended by itself.
        with contextlib.suppress(FileNotFoundError):
            if (folder / "waiting").read_text() == conditions:
                found = folder
            else:
                session.end(folder)
    return found or session.start(conditions, library_compiles)


def take(tell):
    """A session for a notebook in the current folder: its folder, its control socket, and evcxr's process. `tell` gets
    what cargo says meanwhile."""
    with lock("warm"):
        remove_folders_of_dead_sessions()
        library_compiles = bring_up_to_date(tell)
        while True:
            folder = find_or_start(library_compiles)
            if taken := session.take(folder):
                return folder, *taken
            remove_folders_of_dead_sessions()


def main():
    # An interrupt is meant for a cell.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with lock("warm"):
        remove_folders_of_dead_sessions()
        if sys.argv[1:] == ["--end"]:
            for folder in waiting():
                session.end(folder)
            return
        if free_memory() < MEMORY:
            return
        os.chdir(sys.argv[1] if len(sys.argv) > 1 else NOTEBOOKS)
        if bring_up_to_date():
            find_or_start(True)


if __name__ == "__main__":
    main()
