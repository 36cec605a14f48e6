//! As `cc`: links all dependencies to one shared library once, and each cell to that library.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use crate::{real, replace_by, text, value_of};

/// The name by which a process knows the library of all dependencies.
const NAME: &str = "-Wl,-soname,libdependencies.so";
/// Beside it: a list of what it was linked from, and an empty library of the same name. For a cell that is linked to
/// that one, the linker does not read all symbols; the cell finds them when it is loaded.
const LIST: &str = "list";
const EMPTY: &str = "empty";
/// The system's libraries that know their symbols by versions.
const SYSTEM: [&str; 3] = ["libc.so.6", "libm.so.6", "libpthread.so.0"];

pub(crate) fn link(arguments: Vec<OsString>) -> io::Result<ExitCode> {
    let output = value_of("-o", &arguments).map(PathBuf::from).unwrap_or_default();
    match output.file_name().map(text) {
        Some("libdependencies.so") => link_dependencies(&output, arguments),
        Some("libctx.so") => link_cell(&output, arguments),
        _ => replace_by("cc", &arguments),
    }
}

/// Links all of every static library, bound within itself and visible to the cells.
fn link_dependencies(output: &Path, arguments: Vec<OsString>) -> io::Result<ExitCode> {
    let (mut line, mut list) = (Vec::new(), String::new());
    for argument in arguments {
        if let Some(library) = static_library(&argument) {
            list += &format!("{library}\n");
            line.extend(["-Wl,--whole-archive".into(), argument, "-Wl,--no-whole-archive".into()]);
        } else if text(&argument).starts_with("-l") {
            list += &format!("{}\n", text(&argument));
            line.push(argument);
        } else if !hides(&argument) && argument != "-Wl,--gc-sections" {
            line.push(argument);
        }
    }
    for library in SYSTEM {
        let found = real("cc")?.arg(format!("-print-file-name={library}")).output()?;
        list += &String::from_utf8_lossy(&found.stdout);
    }
    fs::write(output.with_extension(LIST), list)?;
    let mut empty = real("cc")?;
    empty.args(["-shared", "-nostdlib", NAME, "-o"]).arg(output.with_extension(EMPTY)).args(["-x", "c", "/dev/null"]);
    if !empty.status()?.success() {
        return Ok(ExitCode::FAILURE);
    }
    line.extend([NAME, "-Wl,-Bsymbolic"].map(OsString::from));
    replace_by("cc", &line)
}

/// Leaves out what libdependencies.so holds. A static library that has changed since, or that only this cell asks for,
/// is linked as usual.
fn link_cell(output: &Path, arguments: Vec<OsString>) -> io::Result<ExitCode> {
    let dependencies = output.with_file_name("libdependencies.so");
    let Ok(list) = fs::read_to_string(dependencies.with_extension(LIST)) else {
        return replace_by("cc", &arguments);
    };
    let made = fs::metadata(&dependencies)?.modified()?;
    let is_in_it = |argument: &OsStr| {
        let is_newer = || fs::metadata(argument).and_then(|about| about.modified()).is_ok_and(|time| time > made);
        static_library(argument).is_some_and(|name| list.lines().any(|line| line == name) && !is_newer())
    };
    let mut line: Vec<_> = arguments.into_iter().filter(|argument| !is_in_it(argument) && !hides(argument)).collect();
    let is_listed = |argument: &OsStr| list.lines().any(|line| line == argument);
    let has_others = line.iter().any(|argument| {
        static_library(argument).is_some() || (text(argument).starts_with("-l") && !is_listed(argument))
    });
    let folder =
        line.iter().find_map(|argument| text(argument).strip_prefix("-B").filter(|path| path.ends_with("/gcc-ld")));
    let linker =
        folder.map(|folder| Path::new(folder).join("ld.lld")).filter(|linker| is_program(linker) && !has_others);
    // Every cell loads it, for lines.rs within; it lies beside the cells.
    line.extend(["-Wl,-rpath,$ORIGIN", "-Wl,--no-as-needed"].map(OsString::from));
    let Some(linker) = linker else {
        line.push(dependencies.into());
        return replace_by("cc", &line);
    };
    line.push(dependencies.with_extension(EMPTY).into());
    let system = list.lines().filter(|line| line.contains('/'));
    Err(Command::new(linker).args(line.iter().flat_map(|argument| for_linker(argument))).args(system).exec())
}

/// What the C compiler passes on to the linker for an argument: starting the linker itself saves a tenth of a second.
fn for_linker(argument: &OsStr) -> Vec<&OsStr> {
    match text(argument) {
        option if option.starts_with("-Wl,") => option.split(',').skip(1).map(OsStr::new).collect(),
        "-nodefaultlibs" => Vec::new(),
        option if ["-l", "-m", "-fuse-ld=", "-B"].iter().any(|start| option.starts_with(start)) => Vec::new(),
        _ => vec![argument],
    }
}

/// The file name of a static library of Rust's.
fn static_library(argument: &OsStr) -> Option<&str> {
    let (folder, name) = text(argument).rsplit_once('/')?;
    (folder.ends_with("/deps") && name.starts_with("lib") && name.ends_with(".rlib")).then_some(name)
}

/// Whether it keeps symbols from being seen.
fn hides(argument: &OsStr) -> bool {
    text(argument).starts_with("-Wl,--version-script=") || argument == "-Wl,--no-undefined-version"
}

fn is_program(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}
