//! As `cargo`: what evcxr, and the rust-analyzer within it, ask for.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs, io,
    io::Write,
    path::Path,
    process::{Command, ExitCode, Output, Stdio},
};

use crate::{
    beside,
    note::{self, Note},
    real, replace_by, text,
};

/// Where this program's scripts lie: `build_cache.py` compiles it so.
const SCRIPTS: &str = env!("CELLS");
/// A cell's source, as rustc calls it.
const SOURCE: &str = "cells/src/lib.rs";
/// The names of the variables that the last cell that compiled left.
const VARIABLES: &str = ".cell-variables";
/// How evcxr takes the variables out of its store in front of a cell's code, and puts them back behind it.
const TAKEN: &str = ".check_variable::<";
const STORED: &str = ".put_variable::<";

pub(crate) fn run(arguments: &[OsString]) -> io::Result<ExitCode> {
    let line = arguments.iter().map(|argument| text(argument)).collect::<Vec<_>>().join(" ");
    let is_for_cells = env::var_os("RUSTC_WRAPPER").is_none_or(|wrapper| wrapper.is_empty())
        && line.ends_with(" --message-format=json");
    if is_for_cells && line.contains("build --target ") {
        return build("link", arguments);
    }
    if is_for_cells && line.contains("check --target ") {
        return build("metadata", arguments);
    }
    if line.ends_with("metadata --format-version=1") && is_known_dependency() {
        return Ok(ExitCode::SUCCESS);
    }
    let manifest = format!(" --manifest-path {}/", env::current_dir()?.display());
    let is_of_cells = arguments.iter().any(|argument| argument == "metadata")
        && line.contains(&manifest)
        && line.contains(" --filter-platform ");
    if is_of_cells && !line.contains("/rustlib/") { trim(arguments) } else { replace_by("cargo", arguments) }
}

/// Whether evcxr only checks, by a manifest of its own, a dependency that is compiled already.
fn is_known_dependency() -> bool {
    let manifest = |file| fs::read_to_string(file).unwrap_or_default();
    let (asked, known) = (manifest("Cargo.toml"), manifest("../dependencies/Cargo.toml"));
    let dependency = asked.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    asked.contains(r#"name = "evcxr_dummy_validate_dep""#) && known.lines().any(|line| line == dependency)
}

/// Tells of fewer crates.
fn trim(arguments: &[OsString]) -> io::Result<ExitCode> {
    let mut cargo = real("cargo")?.args(arguments).stdout(Stdio::piped()).spawn()?;
    let mut python = Command::new("python");
    python.arg(Path::new(SCRIPTS).join("trim_metadata.py"));
    if let Some(metadata) = cargo.stdout.take() {
        python.stdin(metadata);
    }
    let status = python.status()?;
    cargo.wait()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds or checks a cell, the short way where it is known. A failure that does not lie in the cell is left to cargo.
fn build(emit: &str, arguments: &[OsString]) -> io::Result<ExitCode> {
    let file = env::current_dir()?.join(note::FILE);
    let known = Note::read(&file).ok().filter(|_| !note::is_outdated(&file));
    let source = fs::read_to_string("src/lib.rs")?;
    let repeated = known.and_then(|note| note.repeat(emit).ok());
    let is_repeated = repeated.is_some();
    let output = repeated.map_or_else(|| build_and_note(&file, &source, arguments), Ok)?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let lies_in_the_cell = messages.contains(&format!(r#""file_name":"{SOURCE}""#));
    let is_linked = !messages.contains(r#""message":"linking with "#);
    if !output.status.success() && (!is_linked || (is_repeated && !lies_in_the_cell)) && file.exists() {
        fs::remove_file(&file)?;
        return replace_by("cargo", arguments);
    }
    if output.status.success() && emit == "link" && source.contains(STORED) {
        fs::write(VARIABLES, names(&source, STORED))?;
    }
    io::stdout().write_all(&output.stdout)?;
    Ok(if output.status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has cargo build the cell, a checked one too: a check would begin with all dependencies.
fn build_and_note(file: &Path, source: &str, arguments: &[OsString]) -> io::Result<Output> {
    let mut cargo = real("cargo")?;
    cargo.env("CELL_NOTE", file).env("RUSTC_WRAPPER", beside("rustc-wrapper")?);
    // A cell of `:dep` lines alone takes no variables.
    let left = || fs::read_to_string(VARIABLES).unwrap_or_default();
    cargo.env("CELL_VARIABLES", if source.contains(STORED) { names(source, TAKEN) } else { left() });
    cargo.args(arguments.iter().map(|argument| if argument == "check" { OsStr::new("build") } else { argument }));
    cargo.stderr(Stdio::inherit()).output()
}

/// The notebook's variables in such calls.
fn names(source: &str, call: &str) -> String {
    let lines = source.lines().filter(|line| line.contains(call));
    let names = lines.filter_map(|line| line.rsplit_once("stringify!(")?.1.split(')').next());
    names.filter(|name| *name != "warm_up").collect::<Vec<_>>().join(", ")
}
