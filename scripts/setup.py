"""Makes everything that the notebooks and the tests need, step by step: `make` calls it before it does anything else.

A step that is done is skipped, so a second run takes a second; one that was interrupted goes on.
Options: --cuda also installs what libtorch needs on a GPU, --tests what the browser test needs.
"""

import functools
import os
import re
import shlex
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
from pathlib import Path

import build_cache
import clones
from project import (
    EVCXR, EVCXR_VERSION, KERNEL_NAME, LIBTORCH, REQUIREMENTS, ROOT, VENV, fingerprint, lock, rust_environment,
)  # fmt: skip
from tools import LIBTORCH_VERSION, announce, check_tools, own_libtorch, succeeds

PYTHON = VENV / "bin" / "python"


def run(*command, **options):
    subprocess.run(command, check=True, cwd=ROOT, **options)


# ---- Python and libtorch ----


def make_venv():
    if succeeds(str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 10))"):
        return
    announce("Python environment .venv (10 seconds)")
    # Links to a Python that is gone. The kernel and libtorch stay, which need none.
    for program in VENV.glob("bin/python*"):
        program.unlink()
    # In a session of its own, an interrupt does not reach it, which would show where it stood.
    run(sys.executable, "-m", "venv", str(VENV), start_new_session=True)


@functools.cache
def site_packages():
    """Of the Python in .venv; there may be those of older ones."""
    question = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(subprocess.run([PYTHON, "-c", question], capture_output=True, text=True, check=True).stdout.strip())


def is_installed(requirements, package, site):
    """Whether a file of requirements was installed there, and `package` lacks no file, nor a part of one."""
    stamp = VENV / "installed" / requirements.name
    records = list(site.glob(package + "-*.dist-info/RECORD"))
    if not records or not stamp.exists() or stamp.read_text() != fingerprint(requirements):
        return False
    for record in records:
        for line in record.read_text().splitlines():
            name, _, size = line.rsplit(",", 2)
            path = site / name.strip('"')
            if size and not (path.exists() and path.stat().st_size == int(size)):
                return False
    return True


def install(requirements, package, title, *options):
    """Installs a file of pinned and hashed requirements; `package` is the one whose files are looked at."""
    if is_installed(requirements, package, site_packages()):
        return
    announce(title)
    if list(site_packages().glob(package + "-*.dist-info")):
        options += ("--force-reinstall",)
    run(str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(requirements), *options)
    stamp = VENV / "installed" / requirements.name
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(fingerprint(requirements))


def get_libtorch(cuda):
    folder = own_libtorch()  # Its version was looked at before all else.
    if folder is None:
        requirements, size, options = (
            (REQUIREMENTS / "libtorch-cuda.txt", "with CUDA (download of several GB)", [])
            if cuda
            else (REQUIREMENTS / "libtorch-cpu.txt", "(540 MB to download, 1.2 GB on disk; 1 to 5 minutes)", ["--no-deps"])
        )
        # One that an earlier Python installed serves, too.
        site = LIBTORCH.resolve().parent
        if VENV.resolve() not in site.parents or not is_installed(requirements, "torch", site):
            install(requirements, "torch", f"libtorch {LIBTORCH_VERSION} {size}", *options)
            site = site_packages()
        folder = site / "torch"
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
    changes = ROOT / "scripts" / "rustc_for_evcxr.py"
    stamp, wanted = VENV / "installed" / "evcxr", fingerprint(changes)
    is_current = EVCXR.is_symlink() or (stamp.exists() and stamp.read_text() == wanted)
    if EVCXR.exists() and is_current and version_of_evcxr(EVCXR) == EVCXR_VERSION:
        return
    environment = rust_environment()
    installed = shutil.which("evcxr_jupyter", path=environment["PATH"])
    if installed and version_of_evcxr(installed) == EVCXR_VERSION:
        announce(f"Rust kernel: the installed evcxr_jupyter {EVCXR_VERSION}, {installed}")
        EVCXR.unlink(missing_ok=True)
        EVCXR.symlink_to(Path(installed).resolve())
        return
    announce(f"Rust kernel: evcxr_jupyter {EVCXR_VERSION} (compiles for about 10 minutes)")
    # A folder that stays until the end, so that an interrupted build goes on where it stopped.
    build = ROOT / "target" / "evcxr"
    crate = ["evcxr_jupyter", "--version", EVCXR_VERSION, "--locked"]
    for unused in ["ra_ap_ide_assists", "ra_ap_ide_diagnostics", "ra_ap_ide_ssr"]:
        crate += ["--config", f"profile.release.package.{unused}.opt-level=0"]
    build.mkdir(parents=True, exist_ok=True)
    wrapper = build / "rustc"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} {shlex.quote(str(changes))} "$@"\n')
    wrapper.chmod(0o755)
    environment |= {"CARGO_TARGET_DIR": str(build), "RUSTC_WRAPPER": str(wrapper)}
    run("cargo", "install", *crate, "--force", "--root", str(VENV), env=environment)
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(wanted)
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
        clones.share()


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
