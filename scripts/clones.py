"""Copies of the warm build folder, made of links where they can be: for a session, and for the program and the tests."""

import os
import re
import shutil

from build_cache import WARM, path_crates
from project import ROOT


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
        if entry.is_dir(follow_symlinks=False) and not (is_lasting.match(name) and "/.fingerprint/" in name):
            if entry.name != "incremental":
                clone(entry.path, target, is_lasting, name)
        elif is_lasting.match(name):
            # In a session nobody asks for cargo's list of such a crate's files.
            if not name.endswith(".d"):
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
