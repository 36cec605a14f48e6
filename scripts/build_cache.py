"""The warm build folder: all that the notebooks depend on, compiled once. Every kernel starts from a clone of it.

    warm/Cargo.toml     a workspace of two crates
         Cargo.lock     the versions of the repository's own Cargo.lock
         cells/         the crate that the kernel writes and compiles for every cell
         dependencies/  a crate of the notebooks' dependencies and of cells/lines.rs, in one shared library
         path-crates    this repository's crates among them, by cargo's metadata: a name and a folder on each line

Cells are linked to that library (see cells/cells.sh). evcxr starts without dependencies, and cargo drops from
Cargo.lock what no crate asks for; "dependencies" always asks.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from project import CELLS, KERNELS, LIBTORCH, NOTEBOOKS, ROOT, cargo_home, fingerprint, rust_environment

WARM = KERNELS / "warm"
# Where rust-analyzer reads Rust's own library: links to it, see link_rust_source.
RUST_SOURCE = KERNELS / "rust-source"

# In place of cargo's own folder: its programs are cells.sh under several names.
PROGRAMS = KERNELS / "programs"
PROGRAM = """\
#!/bin/sh
scripts={scripts}
. "$scripts/cells.sh"
"""

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
        return "path = " + json.dumps(str((NOTEBOOKS / match.group(1)).resolve()), ensure_ascii=False)

    lines = [f"{name} = " + re.sub(r'path *= *"([^"]+)"', absolute, found[name]) for name in sorted(found)]
    return "\n".join([*lines, TOKIO])


def write(path, text):
    """Leaves a file alone that is right already: cargo looks at its time."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def write_programs():
    """Not as links in the repository: a zip file, and git on some systems, make texts of them."""
    for name in ("cargo", "cc", "rustc-wrapper", "rustup"):
        program = PROGRAMS / "bin" / name
        write(program, PROGRAM.format(scripts=shlex.quote(str(CELLS))))
        program.chmod(0o755)


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


def update():
    """Compiles what is missing or has changed, which cargo knows best; it also goes on where it was interrupted."""
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

    write_programs()
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
        # evcxr checks a cell where it must know more of an error; on Linux, cells.sh needs nothing more for that.
        commands = [["rustc", *package], ["check", *package]]
    for command in commands:
        compile_all(["cargo", *command], cwd=cells, env=environment)
    if changed:
        write(made_with, json.dumps(wanted))


def compile_all(command, **place):
    """Compiles, and where it does not link, compiles this repository's crates anew: killed while it wrote one of
    them, a compiler may leave it without a part."""
    if subprocess.run(command, **place).returncode == 0:
        return
    reason = subprocess.run(command, capture_output=True, text=True, **place).stderr
    if "error: linking with" in reason:
        crates = [option for crate in path_crates() for option in ("--package", crate)]
        subprocess.run(["cargo", "clean", "--quiet", *crates], check=True, **place)
    subprocess.run(command, check=True, **place)


def link_or_copy(source, target):
    """A compiler replaces what it has made, but cargo writes over its notes."""
    compiled = source.endswith((".rlib", ".rmeta", ".a")) or os.access(source, os.X_OK)
    (link_where_possible if compiled else shutil.copy2)(source, target)


def share():
    """Gives the program and the tests what is compiled already, unless they have compiled something themselves."""
    source, copied = WARM / "cells" / "target", ROOT / "target" / "copied"
    [machine] = source.glob("*-*-*")
    if (ROOT / "target" / machine.name).exists():
        return

    shutil.rmtree(copied, ignore_errors=True)
    names = [name for crate in path_crates() for name in (crate, crate.replace("-", "_"))]
    own = [pattern for name in names for pattern in (f"{name}-*", f"lib{name}-*")]
    own = shutil.ignore_patterns("incremental", "*ctx*", "*dependencies*", *own)
    shutil.copytree(source, copied, ignore=own, copy_function=link_or_copy)
    # The machine's own folder comes last: it tells that all is there.
    for name in ("debug", machine.name):
        shutil.rmtree(ROOT / "target" / name, ignore_errors=True)
        (copied / name).rename(ROOT / "target" / name)
    shutil.rmtree(copied)


def lasting():
    """Tells by its path what cargo has compiled and noted of crates that no session compiles again."""
    ours = "|".join(crate.replace("-", ".") for crate in path_crates())
    return re.compile(rf"cells/target/.*/(\.fingerprint|build|deps)/(?!.*(ctx|dependencies)|(lib)?({ours})-)")


def clone(source, destination, is_lasting, path=""):
    """Links what no session changes, and large files, which are only ever replaced; copies the rest. What the warm
    folder may replace later gets a hard link: this session keeps its own version."""
    destination.mkdir(exist_ok=True)
    for entry in os.scandir(source):
        target, name = destination / entry.name, os.path.join(path, entry.name)
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "incremental":
                clone(entry.path, target, is_lasting, name)
        elif is_lasting.match(name):
            target.symlink_to(entry.path)
        elif entry.stat().st_size > 16_384 and "ctx" not in name and entry.name != "Cargo.lock":
            link_where_possible(entry.path, target)
        else:
            shutil.copy2(entry.path, target)


def link_where_possible(source, target):
    """A shared folder, or a disk of another system, may know no hard links, or not permit them."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
