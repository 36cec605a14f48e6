"""Small RAM disks, which are soon full, and a disk behind a server, which may die."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def can_mount(disk=lambda place: ram_disk(place, "size=1m")):
    """Only root can, and in some containers not even root. A disk behind a server needs libfuse besides."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "disk"
        place.mkdir()
        with contextlib.suppress(subprocess.CalledProcessError), disk(place):
            return True
    return False


@contextlib.contextmanager
def ram_disk(folder, options):
    """One at this folder; gives a function that mounts it anew with other options."""

    def mount(options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)

    mount(options)
    try:
        yield lambda options: mount("remount," + options)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def network_disk(place, *options):
    """One at this folder; gives its server's process. Its files lie beside it, in a folder that stays."""
    files = Path(f"{place} files")
    files.mkdir(exist_ok=True)
    command = [sys.executable, Path(__file__).with_name("network_disk.py"), files, place, *options]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not os.path.ismount(place):
        if server.poll() is not None:
            raise subprocess.CalledProcessError(server.returncode, command)
        time.sleep(0.1)
    try:
        yield server
    finally:
        subprocess.run(["umount", str(place)], check=True)
        server.wait(timeout=60)
