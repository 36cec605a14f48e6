"""The warm build folder: all that the notebooks depend on, compiled once. Every kernel starts from a clone of it.

    warm/Cargo.toml     a workspace of two crates
         Cargo.lock     the versions of the repository's own Cargo.lock
         cells/         the crate that the kernel writes and compiles for every cell
         dependencies/  a crate of the notebooks' dependencies and of cells/lines.rs, in one shared library
         path-crates    this repository's crates among them, by cargo's metadata: a name and a folder on each line

Cells are linked to that library (see cells/main.rs). evcxr starts without dependencies, and cargo drops from
Cargo.lock what no crate asks for; "dependencies" always asks.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from project import CELLS, KERNELS, LIBTORCH, NOTEBOOKS, ROOT, cargo_home, fingerprint, rust_environment

WARM = KERNELS / "warm"
# Where rust-analyzer reads Rust's own library: links to it, see link_rust_source.
RUST_SOURCE = KERNELS / "rust-source"

# In place of cargo's own folder: its programs are one, cells/main.rs, under several names.
PROGRAMS = KERNELS / "programs"

# In a workspace only this profile counts. With .cargo/config.toml it is the one that evcxr writes, with unoptimised
# cells.
WORKSPACE = """\
[workspace]
members = ["cells", "dependencies"]
resolver = "3"

[profile.dev]
debug = false
strip = "debuginfo"

[profile.dev.package.ctx]
opt-level = 0

[profile.dev.package.cell-generics]
opt-level = 0
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
# What session.py adds to every cell.
GENERICS = "cell-generics = { path = " + json.dumps(str(CELLS / "cell-generics"), ensure_ascii=False) + " }"


def dependencies():
    """The `:dep` lines of all notebooks, and what evcxr and session.py add, as lines of a Cargo.toml."""
    found = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] != "code":
                continue
            for name, setting in re.findall(r"^:dep +([\w-]+) *= *(.+)$", "".join(cell["source"]), re.MULTILINE):
                if found.setdefault(name, setting) != setting:
                    raise SystemExit(f"{path.name}: `:dep {name}` differs from another notebook's; make them the same.")

    def absolute(match):
        return "path = " + json.dumps(str((NOTEBOOKS / match.group(1)).resolve()), ensure_ascii=False)

    lines = [f"{name} = " + re.sub(r'path *= *"([^"]+)"', absolute, found[name]) for name in sorted(found)]
    return "\n".join([GENERICS, *lines, TOKIO])


def write(path, text):
    """Leaves a file alone that is right already: cargo looks at its time."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def compile_programs(environment, changed):
    """Compiles cells/main.rs, and copies it to its names: not every disk knows links."""
    sources = sorted(CELLS.glob("*.rs"))
    stamp, wanted = PROGRAMS / "compiled", fingerprint(str(CELLS), *sources)
    if not changed and stamp.exists() and stamp.read_text() == wanted:
        return
    (PROGRAMS / "bin").mkdir(parents=True, exist_ok=True)
    program = PROGRAMS / "cells"
    command = ["rustc", "--edition=2024", "-Copt-level=2", "-Cstrip=symbols", "-o", program, CELLS / "main.rs"]
    subprocess.run(command, env=environment | {"CELLS": str(CELLS)}, check=True)
    for name in ("cargo", "cc", "rustc-wrapper", "rustup"):
        # One that a kernel runs just now cannot be written to, but replaced.
        copy = shutil.copy2(program, PROGRAMS / f"{name}.new")
        os.replace(copy, PROGRAMS / "bin" / name)
    stamp.write_text(wanted)


def path_crates():
    """This repository's crates that the notebooks name or that those need: their folders by their names."""
    lines = (WARM / "path-crates").read_text().splitlines()
    return dict(line.split("\t") for line in lines)


def note_path_crates(environment):
    command = ["cargo", "metadata", "--format-version", "1", "--offline"]
    found = subprocess.run(command, cwd=WARM, env=environment, capture_output=True, text=True, check=True).stdout
    ours = [package for package in json.loads(found)["packages"] if package["source"] is None]
    folders = {package["name"]: Path(package["manifest_path"]).parent for package in ours}
    lines = [f"{name}\t{folder}" for name, folder in sorted(folders.items()) if WARM not in folder.parents]
    write(WARM / "path-crates", "\n".join(lines) + "\n")


def decisive(compiler):
    """What decides whether cargo compiles the dependencies anew: names, and texts that change with it."""
    settings = cargo_home() / "config.toml"
    files = {
        "Cargo.lock": ROOT / "Cargo.lock",
        ".cargo/config.toml": ROOT / ".cargo" / "config.toml",
        str(settings): settings,
    }
    return {
        "the compiler": compiler,
        "libtorch": str(LIBTORCH.resolve()),
        "a `:dep` line": dependencies(),
        **{name: fingerprint(path) if path.exists() else "" for name, path in files.items()},
    }


def link_rust_source(environment):
    """Links Rust's own library without the crates that only the compiler and its tests need. One of them, stdarch,
    describes the instructions of all processors: rust-analyzer needs a third of its time and memory for it."""
    question = ["rustc", "--print", "sysroot"]
    sysroot = subprocess.run(question, env=environment, capture_output=True, text=True, check=True).stdout.strip()
    shutil.rmtree(RUST_SOURCE, ignore_errors=True)
    RUST_SOURCE.mkdir()
    for entry in os.scandir(os.path.join(sysroot, "lib/rustlib/src/rust/library")):
        if entry.name not in {"alloctests", "compiler-builtins", "coretests", "portable-simd", "stdarch"}:
            (RUST_SOURCE / entry.name).symlink_to(entry.path)


def update(tell=None):
    """Compiles what is missing or has changed, which cargo knows best; it also goes on where it was interrupted. Where
    somebody waits for it, `tell` gets a line for each crate that is compiled."""
    # Folder, target and flags are evcxr's own; with others, cargo would compile everything again in the notebook.
    environment = rust_environment()
    environment.update(RUSTFLAGS="-Cprefer-dynamic", CARGO_TARGET_DIR="target", CARGO_BUILD_BUILD_DIR="target")
    compiler = subprocess.run(["rustc", "-vV"], env=environment, capture_output=True, text=True, check=True).stdout
    made_with, wanted = WARM / "made-with.json", decisive(compiler)
    found = json.loads(made_with.read_text()) if made_with.exists() else {}
    changed = [name for name in wanted if found.get(name) != wanted[name]]
    if found and changed:
        reason = f"{' and '.join(changed)} changed"
        print(
            f"{reason[0].upper()}{reason[1:]}: what the notebooks depend on may compile anew, for minutes.",
            file=sys.stderr,
        )

    if sys.platform == "linux":
        compile_programs(environment, "the compiler" in changed)
    cells, all_of_them = WARM / "cells", WARM / "dependencies"
    write(WARM / "Cargo.toml", WORKSPACE)
    write(cells / "Cargo.toml", PACKAGE.format(name="ctx", dependencies=""))
    write(cells / "src" / "lib.rs", "")
    write(all_of_them / "Cargo.toml", PACKAGE.format(name="dependencies", dependencies=dependencies()))
    # The compiler links only what is used.
    names = [line.split()[0].replace("-", "_") for line in dependencies().splitlines()]
    source = '#[cfg(target_os = "linux")]\nmod lines;\n' + "".join(f"use {name} as _;\n" for name in names)
    write(all_of_them / "src" / "lib.rs", source)
    write(all_of_them / "src" / "lines.rs", (CELLS / "lines.rs").read_text())
    write(WARM / "Cargo.lock", (ROOT / "Cargo.lock").read_text())
    if "the compiler" in changed or not RUST_SOURCE.exists():
        link_rust_source(environment)
    # The kernel asks cargo for the crates of all platforms, and asks no server.
    if "Cargo.lock" in changed:
        subprocess.run(["cargo", "fetch"], cwd=WARM, env=environment, check=True)
    if changed or not (WARM / "path-crates").exists():
        note_path_crates(environment)
    package = ["--package", "dependencies", "--target", re.search("^host: (.+)$", compiler, re.MULTILINE).group(1)]
    if sys.platform == "linux":
        commands = [["rustc", *package, "--", f"-Clinker={PROGRAMS / 'bin' / 'cc'}"]]
    else:
        # evcxr checks a cell where it must know more of an error; on Linux, cells/cargo.rs needs nothing more for that.
        commands = [["rustc", *package], ["check", *package]]
    for command in commands:
        compile_all(["cargo", *command], tell, cwd=cells, env=environment)
    if changed:
        write(made_with, json.dumps(wanted))


def compile_all(command, tell, **place):
    """Compiles, and where it does not link, compiles this repository's crates anew: killed while it wrote one of
    them, a compiler may leave it without a part."""
    text = {"text": True, "encoding": "utf-8", "errors": "replace"}
    with subprocess.Popen(command, stderr=subprocess.PIPE if tell else None, **text, **place) as cargo:
        for line in cargo.stderr or ():
            print(line, end="", file=sys.stderr, flush=True)
            if line.lstrip().startswith("Compiling"):
                tell(line)
    if cargo.returncode == 0:
        return
    reason = subprocess.run(command, capture_output=True, text=True, **place).stderr
    if "error: linking with" in reason:
        crates = [option for crate in path_crates() for option in ("--package", crate)]
        subprocess.run(["cargo", "clean", "--quiet", *crates], check=True, **place)
    subprocess.run(command, check=True, **place)
