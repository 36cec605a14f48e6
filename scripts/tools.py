"""What set-up needs and does not install: the compiler, a C++ compiler, room, and perhaps a libtorch of the reader's own."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from project import EVCXR, LIBTORCH, REQUIREMENTS, ROOT, TOOLCHAIN, VENV, cargo_home, rust_environment

LIBTORCH_VERSION = re.search("^torch==(.+)$", (REQUIREMENTS / "libtorch-cpu.in").read_text(), re.MULTILINE).group(1)


def announce(text):
    # In one piece: two steps may speak at the same time.
    print(f"==> {text}\n", end="", flush=True)


def succeeds(*command, **options):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, **options).returncode == 0
    except FileNotFoundError:
        return False


def own_libtorch():
    """The reader's own libtorch: LIBTORCH, a folder `libtorch` here, or a link that an earlier set-up made to one."""
    folder = Path(os.environ.get("LIBTORCH") or LIBTORCH).resolve()
    is_ours = VENV.resolve() in folder.parents
    if is_ours or not (folder.exists() or os.environ.get("LIBTORCH")):
        return None
    return folder


def version_of_libtorch(folder):
    for header in ["torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"]:
        path = folder / "include" / header
        found = path.exists() and re.search(r'define TORCH_VERSION \\?\s*"(.+)"', path.read_text())
        if found:
            return found.group(1)
    sys.exit(f"LIBTORCH: {folder} holds no libtorch (its include and lib folders are looked for).")


def check_version(folder):
    version = version_of_libtorch(folder)
    if version != LIBTORCH_VERSION:
        sys.exit(
            f"LIBTORCH: {folder} is libtorch {version}, but the tch crate used here binds {LIBTORCH_VERSION}.\n"
            f"Name a libtorch {LIBTORCH_VERSION}, or unset LIBTORCH and remove `libtorch`: set-up then gets its own."
        )


def rust_is_missing():
    """Why the compiler does not serve, or nothing; rustup is asked for what the toolchain file names."""
    environment = rust_environment()
    install = "https://rustup.rs, or: curl https://sh.rustup.rs -sSf | sh"
    if shutil.which("rustup", path=environment["PATH"]):
        components = ["clippy", "rustfmt", "rust-src"]
        asked = ("rustup", "component", "list", "--installed", "--toolchain", TOOLCHAIN)
        listed = subprocess.run(asked, env=environment, capture_output=True, text=True).stdout
        if all(component in listed for component in ["rustc", "cargo"] + components):
            return None
        announce(f"Rust {TOOLCHAIN} with {', '.join(components)} (1 minute)")
        options = [option for component in components for option in ("--component", component)]
        if succeeds("rustup", "toolchain", "install", TOOLCHAIN, "--profile", "minimal", *options, env=environment):
            return None
        return f"Rust {TOOLCHAIN} with {', '.join(components)}: rustup toolchain install {TOOLCHAIN} failed; is the network up?"
    if not succeeds("cargo", "--version", env=environment) or not succeeds("rustc", "--version", env=environment):
        return f"Rust {TOOLCHAIN}: {install}"
    version = subprocess.run(["rustc", "--version"], env=environment, capture_output=True, text=True).stdout.split()[1]
    if tuple(map(int, version.split("-")[0].split("."))) < tuple(map(int, TOOLCHAIN.split("."))):
        return f"Rust {TOOLCHAIN} or newer; {version} was found: {install}"
    sysroot = subprocess.run(["rustc", "--print", "sysroot"], env=environment, capture_output=True, text=True).stdout
    if not (Path(sysroot.strip()) / "lib/rustlib/src/rust/library").exists():
        return f"rust-src, the source of Rust's own library. Debian, Ubuntu: apt install rust-src   Fedora: dnf install rust-src   or: {install}"
    return None


# Bytes of disk that set-up fills at most, for a while.
ROOM = 6e9


def room_is_missing():
    """What set-up cannot write, where it has not been through yet."""
    if EVCXR.exists():
        return []
    missing = []
    if (free := shutil.disk_usage(ROOT).free) < ROOM:
        missing.append(f"{ROOM / 1e9:.0f} GB of free disk: {free / 1e9:.1f} GB are free in {ROOT}.")
    downloads = cargo_home()
    existing = next(folder for folder in [downloads.resolve(), *downloads.resolve().parents] if folder.exists())
    if not os.access(existing, os.W_OK):
        missing.append(
            f"a folder for cargo's downloads: {downloads} cannot be written. Name another one: CARGO_HOME=/a/folder make …"
        )
    return missing


def check_tools():
    missing = [rust_is_missing()]
    if find_spec("ensurepip") is None:
        missing.append("Python's venv. Debian, Ubuntu: apt install python3-venv   Fedora: dnf install python3")
    compiler = os.environ.get("CXX", "c++").split()
    if not succeeds(*compiler, "--version"):
        missing.append(
            f"a C++ compiler ({compiler[0]} does not run). "
            "Debian, Ubuntu: apt install g++   Fedora: dnf install gcc-c++   macOS: xcode-select --install"
        )
    if re.search("[ ,]", str(ROOT)):
        missing.append(
            f"a folder with neither spaces nor commas in its path: evcxr and linkers cut it there. This is {ROOT}."
        )
    missing = [text for text in missing + room_is_missing() if text]
    if missing:
        sys.exit("Set-up needs, and did not find:\n" + "\n".join("  - " + text for text in missing))
    if folder := own_libtorch():
        check_version(folder)
