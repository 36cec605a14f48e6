"""Small RAM disks, which are soon full."""

import contextlib
import os
import shutil
import subprocess
import tempfile


def can_mount():
    """Only root can, and in some containers not even root."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.suppress(subprocess.CalledProcessError), ram_disk(folder, "size=1m"):
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
