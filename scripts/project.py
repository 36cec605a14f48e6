"""What the scripts share: where things are, what cargo runs with, locks and fingerprints."""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LIBTORCH = ROOT / "libtorch"
NOTEBOOKS = ROOT / "notebooks"
REQUIREMENTS = ROOT / "scripts" / "requirements"
KERNELS = ROOT / "target" / "kernel"
# What compiles a cell.
CELLS = ROOT / "scripts" / "cells"
EVCXR = VENV / "bin" / "evcxr_jupyter"
EVCXR_VERSION = "0.22.0"
# Not "rust": evcxr rewrites a user's kernel of that name when its version differs.
KERNEL_NAME = "rust-mnist"

TOOLCHAIN = re.search(r'channel = "(.+)"', (ROOT / "rust-toolchain.toml").read_text()).group(1)


# What a shell sets for other projects: with it cargo would compile everything anew, or bind another libtorch; set-up
# has linked the right one already. Compilers, linkers and the number of jobs stay the reader's own.
OTHER_PROJECTS = re.compile(
    r"(CARGO_ENCODED_)?RUST(DOC)?FLAGS|RUSTC(_.*)?|(HOST_|TARGET_)?C(XX|PP)?FLAGS(_.*)?"
    r"|CARGO_(BUILD_(?!JOBS$).*|PROFILE_.*|TARGET_DIR|TARGET_.*_RUSTFLAGS|UNSTABLE_.*|INCREMENTAL)"
    r"|LIBTORCH(_.*)?|TORCH_CUDA_VERSION|EVCXR_.*"
)


def cargo_home():
    """Where cargo keeps what it downloads, and rustup its programs."""
    # Path.expanduser fails for a user whom the system does not know, as in some containers.
    return pathlib.Path(os.path.expanduser(os.environ.get("CARGO_HOME", "~/.cargo")))


def rust_environment():
    """The environment in which cargo and the kernel run."""
    environment = {name: value for name, value in os.environ.items() if not OTHER_PROJECTS.fullmatch(name)}
    # Nor does cargo take a wrapper from the user's own settings.
    environment |= {"RUSTC_WRAPPER": "", "RUSTC_WORKSPACE_WRAPPER": ""}
    # A Jupyter that was started from a desktop menu often lacks cargo's folder.
    environment["PATH"] = environment.get("PATH", os.defpath) + os.pathsep + str(cargo_home() / "bin")
    # A kernel may be started outside this folder, where rust-toolchain.toml does not reach.
    environment["RUSTUP_TOOLCHAIN"] = TOOLCHAIN
    return environment


def kernel_environment():
    """What the cells find in their environment, but for the session's own folder."""
    # What a shell, make or Jupyter sets for itself; it would differ between a standby kernel and the notebook that
    # takes it.
    passing = {
        "_",
        "SHLVL",
        "PWD",
        "OLDPWD",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MAKEOVERRIDES",
        "MAKE_TERMOUT",
        "MAKE_TERMERR",
        "MFLAGS",
    }
    variables = {
        name: value
        for name, value in rust_environment().items()
        if name not in passing and not name.startswith(("JPY_", "KERNEL_", "VSCODE_"))
    }
    # Jupyter puts its own folder first, but not always.
    programs = str(VENV / "bin")
    variables["PATH"] = os.pathsep.join(
        [programs, *(path for path in variables["PATH"].split(os.pathsep) if path != programs)]
    )
    library_path = "DYLD_LIBRARY_PATH" if sys.platform == "darwin" else "LD_LIBRARY_PATH"
    paths = [str(LIBTORCH / "lib"), variables.get(library_path)]
    variables[library_path] = os.pathsep.join(filter(None, paths))
    # Tells the library that kernel.py shows at once what it prints.
    variables["MNIST_LIVE"] = "1"
    return variables


def fingerprint(*parts):
    """A short text that changes when any part does; a part that is a path stands for the file's content."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, pathlib.Path) else str(part).encode()
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


@contextlib.contextmanager
def lock(name):
    """Only one process at a time; the lock goes with the process that holds it, however that ends."""
    KERNELS.mkdir(parents=True, exist_ok=True)
    with open(KERNELS / (name + ".lock"), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for another " + name + " to finish …", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
