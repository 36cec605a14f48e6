"""Small RAM disks, which are soon full."""

import contextlib
import subprocess


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
