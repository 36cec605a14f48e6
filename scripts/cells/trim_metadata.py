"""Leaves out of `cargo metadata` what rust-analyzer need not read to know the types of a cell's variables.

Most of a kernel's start and memory goes to rust-analyzer, which reads every crate that it is told of. A cell meets
types of this repository, tch, polars and plotters, and of the crates that the reader adds. What these four families use
inside, from rustls to regex, is left out; a crate that the reader adds comes with all its dependencies.
"""

import json
import re
import sys
from pathlib import Path

FAMILIES = re.compile(r"tch|torch-sys|polars.*|plotters.*|num-traits|serde|serde_core|tokio")


def kept(metadata, ours):
    """The identifiers of the packages to read; `ours` are the names of this repository's crates."""

    def is_known(name):
        return name in ours or FAMILIES.fullmatch(name)

    names = {package["id"]: package["name"] for package in metadata["packages"]}
    needs = {node["id"]: node["dependencies"] for node in metadata["resolve"]["nodes"]}
    found, waiting = set(), list(metadata["workspace_members"])
    while waiting:
        package = waiting.pop()
        if package not in found:
            found.add(package)
            waiting += [other for other in needs[package] if not is_known(names[package]) or is_known(names[other])]
    return found


def main():
    metadata = json.load(sys.stdin)
    if metadata["resolve"]:
        # See build_cache.py; Rust's own library has none.
        noted = Path(metadata["workspace_root"]) / "path-crates"
        ours = {line.split("\t")[0] for line in noted.read_text().splitlines()} if noted.exists() else set()
        ids = kept(metadata, ours)
        metadata["packages"] = [package for package in metadata["packages"] if package["id"] in ids]
        nodes = [node for node in metadata["resolve"]["nodes"] if node["id"] in ids]
        for node in nodes:
            node["deps"] = [dependency for dependency in node["deps"] if dependency["pkg"] in ids]
            node["dependencies"] = [other for other in node["dependencies"] if other in ids]
        metadata["resolve"]["nodes"] = nodes
    json.dump(metadata, sys.stdout)


if __name__ == "__main__":
    main()
