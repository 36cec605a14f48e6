"""The warm build folder: all that the notebooks depend on, compiled once. Every kernel starts from a clone of it.

    warm/Cargo.toml     a workspace of two crates
         Cargo.lock     the versions of the repository's own Cargo.lock
         cells/         the crate that the kernel writes and compiles for every cell
         dependencies/  a crate that is nothing but the notebooks' dependencies, in one shared library

Cells are linked to that library (see cells/cells.sh). evcxr starts without dependencies, and cargo drops from Cargo.lock what
no crate asks for; "dependencies" always asks.
"""

import json
import os
import re
import shutil
import subprocess
import sys

from project import CELLS, KERNELS, NOTEBOOKS, ROOT, fingerprint, rust_environment

WARM = KERNELS / "warm"

# In a workspace only this profile counts. It is the one that evcxr writes, with unoptimised cells.
WORKSPACE = """\
[workspace]
members = ["cells", "dependencies"]
resolver = "3"

[profile.dev]
opt-level = 0
debug = false
strip = "debuginfo"
codegen-units = 16
rpath = true
"""

PACKAGE = """\
[package]
name = "{name}"
version = "1.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]

[dependencies]
{dependencies}
"""


# What evcxr adds for a cell with `.await`. polars has tokio, too: with other features it would be compiled anew.
TOKIO = 'tokio = { version = "1.34.0", features = ["rt", "rt-multi-thread"] }'


def dependencies():
    """The `:dep` lines of all notebooks, and what evcxr may add, as lines of a Cargo.toml."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] != "code":
                continue
            for name, setting in re.findall(r"^:dep +([\w-]+) *= *(.+)$", "".join(cell["source"]), re.MULTILINE):
                if found.setdefault(name, setting) != setting:
                    raise SystemExit(f"{path.name}: `:dep {name}` differs from another notebook's; make them the same.")

    def absolute(match):
        return "path = " + json.dumps(str((NOTEBOOKS / match.group(1)).resolve()))

    lines = [f"{name} = " + re.sub(r'path *= *"([^"]+)"', absolute, found[name]) for name in sorted(found)]
    return "\n".join([*lines, TOKIO])


def write(path, text):
    """Leaves a file alone that is right already: cargo looks at its time."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def update():
    """Compiles what is missing or has changed, which cargo knows best; it also goes on where it was interrupted."""
    cells, all_of_them = WARM / "cells", WARM / "dependencies"
    write(WARM / "Cargo.toml", WORKSPACE)
    write(cells / "Cargo.toml", PACKAGE.format(name="ctx", dependencies=""))
    write(cells / "src" / "lib.rs", "")
    write(all_of_them / "Cargo.toml", PACKAGE.format(name="dependencies", dependencies=dependencies()))
    # The compiler links only what is used.
    names = [line.split()[0].replace("-", "_") for line in dependencies().splitlines()]
    write(all_of_them / "src" / "lib.rs", "".join(f"use {name} as _;\n" for name in names))
    write(WARM / "Cargo.lock", (ROOT / "Cargo.lock").read_text())
    # Folder, target and flags are evcxr's own; with others, cargo would compile everything again in the notebook.
    environment = rust_environment()
    environment.update(RUSTFLAGS="-Cprefer-dynamic", CARGO_TARGET_DIR="target", CARGO_BUILD_BUILD_DIR="target")
    version = subprocess.run(["rustc", "-vV"], env=environment, capture_output=True, text=True, check=True).stdout
    host = re.search("^host: (.+)$", version, re.MULTILINE).group(1)
    # The kernel asks cargo for the crates of all platforms, and asks no server.
    fetched, wanted = WARM / "fetched", fingerprint(WARM / "Cargo.lock")
    if not fetched.exists() or fetched.read_text() != wanted:
        subprocess.run(["cargo", "fetch"], cwd=WARM, env=environment, check=True)
        fetched.write_text(wanted)
    package = ["--package", "dependencies", "--target", host]
    linker = [f"-Clinker={CELLS / 'cc'}"] if sys.platform == "linux" else []
    # evcxr checks a cell where it must know more of an error, as for a closure that cannot be kept.
    for command in (["rustc", *package, "--", *linker], ["check", *package]):
        subprocess.run(["cargo", *command], cwd=cells, env=environment, check=True)


def clone(source, destination):
    """Copies what cargo rewrites in place (its notes, all small) and links the rest, which it only ever replaces."""
    destination.mkdir(exist_ok=True)
    for entry in os.scandir(source):
        target = destination / entry.name
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "incremental":
                clone(entry.path, target)
        elif entry.stat().st_size > 16_384 and "ctx" not in entry.name and entry.name != "Cargo.lock":
            os.link(entry.path, target)
        else:
            shutil.copy2(entry.path, target)
