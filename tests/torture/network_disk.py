"""A disk behind a server, as networked ones are: Linux asks this process about each file (FUSE), which keeps them in a
folder.

    python network_disk.py FOLDER PLACE [--without-locks]
"""

import errno
import os
import sys
from pathlib import Path

from mfusepy import FUSE, FuseOSError, Operations


class NetworkDisk(Operations):
    use_ns = True

    def __init__(self, folder):
        self.folder = Path(folder)

    def at(self, path):
        return self.folder / path.lstrip("/")

    def getattr(self, path, fh=None):
        found = os.lstat(self.at(path))
        return {name: getattr(found, name) for name in ("st_mode", "st_size", "st_nlink", "st_uid", "st_gid")}

    def readdir(self, path, fh):
        return [".", "..", *os.listdir(self.at(path))]

    def mkdir(self, path, mode):
        return os.mkdir(self.at(path), mode)

    def rmdir(self, path):
        return os.rmdir(self.at(path))

    def unlink(self, path):
        return os.unlink(self.at(path))

    def rename(self, old, new, flags=0):
        return os.rename(self.at(old), self.at(new))

    def create(self, path, mode, fi=None):
        return os.open(self.at(path), os.O_RDWR | os.O_CREAT, mode)

    def open(self, path, flags):
        return os.open(self.at(path), flags)

    def read(self, path, size, offset, fh):
        return os.pread(fh, size, offset)

    def write(self, path, data, offset, fh):
        return os.pwrite(fh, data, offset)

    def truncate(self, path, length, fh=None):
        return os.truncate(self.at(path) if fh is None else fh, length)

    def fsync(self, path, datasync, fh):
        return os.fsync(fh)

    def release(self, path, fh):
        return os.close(fh)


class WithoutLocks(NetworkDisk):
    def flock(self, path, fh, operation):
        raise FuseOSError(errno.ENOLCK)


if __name__ == "__main__":
    disk = WithoutLocks if "--without-locks" in sys.argv else NetworkDisk
    FUSE(disk(sys.argv[1]), sys.argv[2], foreground=True)
