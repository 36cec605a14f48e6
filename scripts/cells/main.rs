//! Compiles a cell without the work that is the same for every cell. Cargo needs a third of a cell's time to find that
//! nothing but the cell has changed, and linking the dependencies' 170 static libraries takes two thirds of the rest.
//! evcxr and cargo find programs of four names that are this one (see `build_cache.py`):
//!
//! - `rustup` says that cargo lies beside it,
//! - `cargo` has cargo build the first cell, and builds or checks the others by repeating what cargo ran for it
//!   (`cargo.rs`, `note.rs`); tells the rust-analyzer within evcxr of fewer crates (`trim_metadata.py`),
//! - `rustc-wrapper` notes what cargo runs for a cell (`note.rs`),
//! - `cc` links a cell to libdependencies.so in place of the static libraries (`link.rs`).
//!
//! What looks unusual goes to the real program. With `MNIST_PLAIN_CELLS=1` the kernel does without all this.

mod cargo;
mod link;
mod note;

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

fn main() -> ExitCode {
    let mut arguments = env::args_os();
    let called = PathBuf::from(arguments.next().unwrap_or_default());
    let arguments: Vec<OsString> = arguments.collect();
    let result = match called.file_name().and_then(OsStr::to_str) {
        Some("rustup") if arguments == ["which", "cargo"] => beside("cargo").map(|cargo| {
            println!("{}", cargo.display());
            ExitCode::SUCCESS
        }),
        Some("rustup") => replace_by("rustup", &arguments),
        Some("rustc-wrapper") => note::run_rustc(&arguments),
        Some("cc") => link::link(arguments),
        _ => cargo::run(&arguments),
    };
    result.unwrap_or_else(|error| {
        eprintln!("{}: {error}", called.display());
        ExitCode::FAILURE
    })
}

/// The program of this name that is this one.
fn beside(name: &str) -> io::Result<PathBuf> {
    Ok(folder()?.join(name))
}

fn folder() -> io::Result<PathBuf> {
    let program = env::current_exe()?;
    Ok(program.parent().unwrap_or(Path::new("/")).into())
}

/// The program that stands on PATH behind this one, with the reader's own folder for cargo: under the name cargo,
/// rust-analyzer finds this program in CARGO_HOME.
fn real(name: &str) -> io::Result<Command> {
    let own = folder()?;
    let path = env::var_os("PATH").unwrap_or_default();
    let others = env::split_paths(&path).filter(|folder| folder.canonicalize().map_or(true, |folder| folder != own));
    let mut command = Command::new(name);
    command.env("PATH", env::join_paths(others).map_err(io::Error::other)?);
    if let Some(home) = env::var_os("CELLS_CARGO_HOME") {
        command.env("CARGO_HOME", home);
    }
    Ok(command)
}

/// Becomes the real program.
fn replace_by<A: AsRef<OsStr>>(name: &str, arguments: &[A]) -> io::Result<ExitCode> {
    Err(real(name)?.args(arguments).exec())
}

/// What follows an option.
fn value_of<'a>(option: &str, arguments: &'a [OsString]) -> Option<&'a OsStr> {
    let place = arguments.iter().position(|argument| argument == option)?;
    arguments.get(place + 1).map(OsString::as_os_str)
}

/// An argument as text. Nothing that is looked for is other than UTF-8.
fn text(argument: &OsStr) -> &str {
    argument.to_str().unwrap_or_default()
}
