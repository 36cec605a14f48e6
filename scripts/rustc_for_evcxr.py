"""Stands between cargo and rustc while set-up compiles evcxr, and changes one place in it.

The rust-analyzer within evcxr takes every source file for one that is being edited: for each cell with a `let` it makes
sure that no dependency and nothing of Rust's own library has changed, which may take as long as compiling the cell. Here
only the cells' folder may change; the rest are libraries.
"""

import os
import shutil
import sys
from pathlib import Path

BEFORE = """\
        change.set_roots(
            ra_vfs::file_set::FileSetConfig::default()
                .partition(&self.vfs)
                .into_iter()
                .map(SourceRoot::new_local)
                .collect(),
        );
"""
AFTER = """\
        let mut sets = ra_vfs::file_set::FileSetConfig::builder();
        sets.add_file_set(vec![self.root_directory.clone().into()]);
        let mut sets = sets.build().partition(&self.vfs).into_iter();
        let cells = sets.next().map(SourceRoot::new_local);
        change.set_roots(cells.into_iter().chain(sets.map(SourceRoot::new_library)).collect());
"""


def changed(library):
    """A copy of evcxr's source, with the change; its `lib.rs`."""
    copy = Path(os.environ["CARGO_TARGET_DIR"]) / "evcxr-changed"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(library.parent, copy, copy_function=shutil.copyfile)
    analyzer = copy / "rust_analyzer.rs"
    text = analyzer.read_text()
    if BEFORE not in text:
        sys.exit(f"{library.parent} is not the evcxr that this project was made for.")
    analyzer.write_text(text.replace(BEFORE, AFTER))
    return copy / library.name


def main():
    call = sys.argv[1:]
    for place, argument in enumerate(call):
        if argument == "evcxr" and call[place - 1] == "--crate-name":
            source = next(number for number, other in enumerate(call) if other.endswith("src/lib.rs"))
            call[source] = str(changed(Path(call[source])))
    os.execvp(call[0], call)


if __name__ == "__main__":
    main()
