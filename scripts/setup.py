"""Makes everything that the notebooks and the tests need, step by step: `make` calls it before it does anything else.

A step that is done is skipped, so a second run takes a second; one that was interrupted goes on.
Options: --cuda also installs what libtorch needs on a GPU, --tests what the browser test needs.
"""

import os
import re
import shutil
import subprocess
import sys

if sys.version_info < (3, 10):
    sys.exit(
        "Python %d.%d is too old, 3.10 or newer is needed.\n" % sys.version_info[:2]
        + "  Is a newer one installed? Then name it: make PYTHON=python3.12 …\n"
        + "  Debian, Ubuntu: apt install python3 python3-venv   Fedora: dnf install python3   macOS: brew install python"
    )

import json
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import build_cache
from project import (
    EVCXR, EVCXR_VERSION, KERNEL_NAME, LIBTORCH, ROOT, TOOLCHAIN, VENV, cargo_home, fingerprint, lock, rust_environment,
)  # fmt: skip

PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "scripts" / "requirements"
LIBTORCH_VERSION = re.search("^torch==(.+)$", (REQUIREMENTS / "libtorch-cpu.in").read_text(), re.MULTILINE).group(1)


def announce(text):
    # In one piece: two steps may speak at the same time.
    print(f"==> {text}\n", end="", flush=True)


def run(*command, **options):
    subprocess.run(command, check=True, cwd=ROOT, **options)


def succeeds(*command, **options):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, **options).returncode == 0
    except FileNotFoundError:
        return False


# ---- What must be there beforehand ----


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


# ---- Python and libtorch ----


def make_venv():
    if succeeds(str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 10))"):
        return
    announce("Python environment .venv (10 seconds)")
    # In a session of its own, an interrupt does not reach it, which would show where it stood.
    run(sys.executable, "-m", "venv", "--clear", str(VENV), start_new_session=True)


def site_packages():
    return next(VENV.glob("lib/python3*/site-packages"))


def is_damaged(package):
    """Whether a file that pip installed is missing or was cut off."""
    records = list(site_packages().glob(package + "-*.dist-info/RECORD"))
    for record in records:
        for line in record.read_text().splitlines():
            name, _, size = line.rsplit(",", 2)
            path = site_packages() / name.strip('"')
            if size and not (path.exists() and path.stat().st_size == int(size)):
                return True
    return not records


def install(requirements, package, title, *options):
    """Installs a file of pinned and hashed requirements; `package` is the one whose files are looked at."""
    stamp = VENV / "installed" / requirements.name
    wanted = fingerprint(requirements)
    damaged = is_damaged(package)
    if stamp.exists() and stamp.read_text() == wanted and not damaged:
        return
    announce(title)
    if damaged and list(site_packages().glob(package + "-*.dist-info")):
        options += ("--force-reinstall",)
    run(str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(requirements), *options)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted)


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


def get_libtorch(cuda):
    folder = own_libtorch()  # Its version was looked at before all else.
    if folder is None and cuda:
        title = f"libtorch {LIBTORCH_VERSION} with CUDA (download of several GB)"
        install(REQUIREMENTS / "libtorch-cuda.txt", "torch", title)
        folder = site_packages() / "torch"
    elif folder is None:
        title = f"libtorch {LIBTORCH_VERSION} (540 MB to download, 1.2 GB on disk; 1 to 5 minutes)"
        install(REQUIREMENTS / "libtorch-cpu.txt", "torch", title, "--no-deps")
        folder = site_packages() / "torch"
    if LIBTORCH.resolve() != folder.resolve():
        LIBTORCH.unlink(missing_ok=True)
        LIBTORCH.symlink_to(os.path.relpath(folder, ROOT) if VENV in folder.parents else folder)


# ---- The kernel ----


def version_of_evcxr(program):
    """evcxr does not say its version, but cargo has noted what it installed beside the program's folder."""
    notes = Path(program).resolve().parent.parent / ".crates.toml"
    found = notes.exists() and re.search(r'"evcxr_jupyter (\S+) ', notes.read_text())
    return found.group(1) if found else None


def get_evcxr():
    if EVCXR.exists() and version_of_evcxr(EVCXR) == EVCXR_VERSION:
        return
    EVCXR.unlink(missing_ok=True)
    environment = rust_environment()
    installed = shutil.which("evcxr_jupyter", path=environment["PATH"])
    if installed and version_of_evcxr(installed) == EVCXR_VERSION:
        announce(f"Rust kernel: the installed evcxr_jupyter {EVCXR_VERSION}, {installed}")
        EVCXR.symlink_to(Path(installed).resolve())
        return
    announce(f"Rust kernel: evcxr_jupyter {EVCXR_VERSION} (compiles for about 10 minutes)")
    # A folder that stays until the end, so that an interrupted build goes on where it stopped.
    build = ROOT / "target" / "evcxr"
    crate = ["evcxr_jupyter", "--version", EVCXR_VERSION, "--locked"]
    for unused in ["ra_ap_ide_assists", "ra_ap_ide_diagnostics", "ra_ap_ide_ssr"]:
        crate += ["--config", f"profile.release.package.{unused}.opt-level=0"]
    run("cargo", "install", *crate, "--force", "--root", str(VENV), "--target-dir", str(build), env=environment)
    shutil.rmtree(build)


def write_kernel_spec():
    """How Jupyter starts the kernel; kernel.py sets the environment in which it finds libtorch."""
    spec = {
        "argv": [str(PYTHON), str(ROOT / "scripts" / "kernel.py"), "{connection_file}"],
        "display_name": "Rust (MNIST)",
        "language": "rust",
        "interrupt_mode": "signal",
    }
    folder = VENV / "share" / "jupyter" / "kernels" / KERNEL_NAME
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "kernel.json").write_text(json.dumps(spec, indent=2) + "\n")


def warm_up():
    if not (build_cache.WARM / "cells" / "target").exists():
        announce("What the notebooks depend on, compiled once (6 to 11 minutes)")
    with lock("warm"):
        build_cache.update()
        build_cache.share()


def main():
    check_tools()
    with lock("set-up"):
        make_venv()
        install(ROOT / "requirements.txt", "jupyterlab", "JupyterLab and what executes notebooks (30 seconds)")
        if "--tests" in sys.argv:
            install(
                REQUIREMENTS / "test.txt",
                "playwright",
                "Playwright, axe and mfusepy: a browser and a networked disk for tests (10 seconds)",
            )
        with ThreadPoolExecutor() as pool:
            # One compiles while the other downloads.
            libtorch = pool.submit(get_libtorch, cuda="--cuda" in sys.argv)
            get_evcxr()
        libtorch.result()
        write_kernel_spec()
        warm_up()


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd[:4]))
        memory = (
            "If a compiler was killed, memory was short: with CARGO_BUILD_JOBS=1 before it, it takes less. "
            if error.cmd[0] == "cargo"
            else ""
        )
        sys.exit(f"Set-up stopped: {command} … failed (see above). {memory}The same command goes on from here.")
    except OSError as error:
        sys.exit(f"Set-up stopped: {error}. The same command goes on from here.")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. The same command goes on from here.")
