"""Counts lines of Rust code in each crate and prints a table: `python3 bench/code_lines.py`.

A line counts unless it is blank, a comment (`//`, `///`, `//!`), or in a test: a file `tests.rs`, a file in a folder
`tests`, or what stands under `#[cfg(test)]`. Only `src/` counts, of the root and of each crate under `crates/`.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def without_tests(lines):
    """The lines that do not stand under `#[cfg(test)]`."""
    lines = iter(lines)
    for line in lines:
        if not line.strip().startswith("#[cfg(test)]") and not line.strip().startswith("#[cfg(all(test"):
            yield line
            continue
        depth, opened = 0, False
        for line in lines:
            depth += line.count("{") - line.count("}")
            opened = opened or "{" in line
            if depth == 0 and (opened or line.rstrip().endswith(";")):
                break


def code_lines(path):
    if path.name == "tests.rs" or path.parent.name == "tests":
        return 0
    lines = [line.strip() for line in without_tests(path.read_text().splitlines())]
    return sum(bool(line) and not line.startswith("//") for line in lines)


def main():
    folders = {"mnist-classification": ROOT / "src"}
    folders |= {path.name: path / "src" for path in sorted((ROOT / "crates").iterdir())}
    counts = {name: sum(map(code_lines, folder.rglob("*.rs"))) for name, folder in folders.items()}
    print("| crate | lines of code |\n| --- | ---: |")
    for name, count in counts.items():
        print(f"| {name} | {count:,} |")
    print(f"| all | {sum(counts.values()):,} |")


if __name__ == "__main__":
    main()
