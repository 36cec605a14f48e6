//! The note: the call of rustc with which cargo compiled a cell, to be repeated for the next one.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    fs, io, mem,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    time::SystemTime,
};

use crate::{beside, text, value_of};

/// The note's file in the folder of the cells.
pub(crate) const FILE: &str = ".cell-note";
const MANIFESTS: [&str; 4] = ["Cargo.toml", ".cargo/config.toml", "../Cargo.toml", "../Cargo.lock"];
/// In the file, each part is followed by this, and the environment by an empty part.
const END: u8 = 0;

pub(crate) struct Note {
    folder: PathBuf,
    variables: Vec<OsString>,
    /// The compiler and its arguments.
    call: Vec<OsString>,
}

impl Note {
    pub(crate) fn read(file: &Path) -> io::Result<Self> {
        let content = fs::read(file)?;
        let mut parts = content.strip_suffix(&[END]).unwrap_or(&content).split(|&byte| byte == END);
        let owned = |part: &[u8]| OsString::from_vec(part.to_vec());
        let folder = owned(parts.next().unwrap_or_default()).into();
        let variables = parts.by_ref().take_while(|part| !part.is_empty()).map(owned).collect();
        Ok(Self { folder, variables, call: parts.map(owned).collect() })
    }

    fn write(&self, file: &Path) -> io::Result<()> {
        let parts = [self.folder.as_os_str()].into_iter().chain(self.variables.iter().map(OsString::as_os_str));
        let parts = parts.chain([OsStr::new("")]).chain(self.call.iter().map(OsString::as_os_str));
        let new = file.with_extension("new");
        fs::write(&new, parts.flat_map(|part| [part.as_bytes(), &[END]].concat()).collect::<Vec<_>>())?;
        fs::rename(new, file)
    }

    /// Compiles the cell that lies there now; the messages are those of rustc.
    pub(crate) fn repeat(&self, emit: &str) -> io::Result<Output> {
        let [compiler, arguments @ ..] = &self.call[..] else { return Err(io::Error::other("an empty note")) };
        // Here evcxr reads where the compiled cell lies.
        if let (Some(file), Some(folder)) = (env::var_os("EVCXR_EXECUTION_SO_PATH"), value_of("--out-dir", arguments)) {
            fs::write(file, Path::new(folder).join("libctx.so").as_os_str().as_bytes())?;
        }
        let mut rustc = Command::new(compiler);
        let variables = self.variables.iter().filter_map(|variable| {
            let place = variable.as_bytes().iter().position(|&byte| byte == b'=')?;
            Some((
                OsStr::from_bytes(&variable.as_bytes()[..place]),
                OsStr::from_bytes(&variable.as_bytes()[place + 1..]),
            ))
        });
        rustc.current_dir(&self.folder).envs(variables);
        for argument in arguments {
            let is_kind = text(argument).starts_with("--emit=");
            rustc.arg(if is_kind { format!("--emit=dep-info,{emit}").into() } else { argument.clone() });
        }
        let mut output = rustc.output()?;
        output.stdout = mem::take(&mut output.stderr);
        Ok(output)
    }
}

/// As `rustc-wrapper`: becomes the compiler that cargo calls, and notes the call for a cell.
pub(crate) fn run_rustc(arguments: &[OsString]) -> io::Result<ExitCode> {
    let is_cell = value_of("--crate-name", arguments).is_some_and(|name| name == "ctx")
        && value_of("--crate-type", arguments).is_some_and(|kind| kind == "cdylib")
        && arguments.iter().any(|argument| argument == "--emit=dep-info,link");
    let mut call = arguments.to_vec();
    if let (true, Some(file)) = (is_cell, env::var_os("CELL_NOTE")) {
        call = for_cells(call)?;
        let variables = env::vars_os().filter(|(name, _)| {
            // The descriptors that they name are open in this cargo alone.
            !["CARGO_MAKEFLAGS", "MAKEFLAGS", "MFLAGS"].iter().any(|passing| name == passing)
        });
        let variables = variables.map(|(name, value)| [name.as_bytes(), b"=", value.as_bytes()].concat());
        let variables = variables.map(OsString::from_vec).collect();
        let note = Note { folder: env::current_dir()?, variables, call };
        note.write(Path::new(&file))?;
        call = note.call;
    } else if let Some(reason) = loss(&call) {
        // As rustc itself reports an error to cargo.
        eprintln!(
            r#"{{"$message_type":"diagnostic","message":"{reason}","code":null,"level":"error","spans":[],{}}}"#,
            format_args!(r#""children":[],"rendered":"error: {reason}\n""#)
        );
        return Ok(ExitCode::FAILURE);
    }
    Err(Command::new(&call[0]).args(&call[1..]).exec())
}

/// Adds the options that suit a cell: little code, each of it compiled once.
fn for_cells(mut call: Vec<OsString>) -> io::Result<Vec<OsString>> {
    // Noting what another cell could take over takes longer than compiling it.
    if let Some(place) = call.iter().position(|argument| text(argument).starts_with("incremental=")) {
        call.drain(place - 1..=place);
    }
    call.push("-Ccodegen-units=2".into());
    // What `:opt` sets stands in the cell's manifest, and cargo takes profiles from the workspace's alone.
    let manifest = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("Cargo.toml");
    let manifest = fs::read_to_string(manifest)?;
    let level = manifest.lines().find_map(|line| line.strip_prefix("opt-level = ")).unwrap_or("0");
    call.push(format!("-Copt-level={level}").into());
    // rustc itself would no longer check for overflows then.
    call.extend(["-Cdebug-assertions=on", "-Coverflow-checks=on"].map(OsString::from));
    let mut linker = OsString::from("-Clinker=");
    linker.push(beside("cc")?);
    call.push(linker);
    Ok(call)
}

/// Why a crate must not be compiled: the cells are linked to it with other features, and values of its types, or of
/// what depends on it, are in the notebook's variables.
fn loss(call: &[OsString]) -> Option<String> {
    let variables = env::var("CELL_VARIABLES").ok().filter(|variables| !variables.is_empty())?;
    let (name, folder) = (text(value_of("--crate-name", call)?), Path::new(value_of("--out-dir", call)?));
    let source = call.iter().map(|argument| text(argument)).find(|argument| argument.ends_with(".rs"))?;
    let hash = call.iter().find_map(|argument| text(argument).strip_prefix("extra-filename="))?;
    let list = fs::read_to_string(folder.join("libdependencies.list")).ok()?;
    let instances = list.lines().filter_map(|line| line.strip_prefix("lib")?.strip_suffix(".rlib"));
    // A session has links to the crates, and cargo's list of a crate's files lies where that is.
    let files = |instance: &str| {
        let library = fs::canonicalize(folder.join(format!("lib{instance}.rlib"))).unwrap_or_default();
        files_of(&library.with_file_name(format!("{instance}.d")))
    };
    let linked = instances
        .filter(|instance| instance.rsplit_once('-').is_some_and(|(linked, _)| linked == name))
        .find(|instance| files(instance).iter().any(|file| file == Path::new(source)))?;
    (linked != format!("{name}{hash}")).then(|| {
        format!(
            "this line would compile {name} with other features or another version. Variables whose types depend on \
             it would be lost: {variables}. Restart the kernel and put the line into the first cell; or leave it out: \
             mnist_classification brings polars, plotters and tch."
        )
    })
}

/// Whether a manifest, or a file that a crate by path was compiled from, is newer than the note, or gone.
pub(crate) fn is_outdated(note: &Path) -> bool {
    let Ok(noted) = modified(note) else { return true };
    let is_newer = |file: &Path| modified(file).is_ok_and(|time| time > noted);
    let crate_has_changed = |list: &PathBuf| {
        let files = files_of(list);
        let folder = files.iter().flat_map(|file| file.ancestors()).find(|folder| folder.join("Cargo.toml").exists());
        files.iter().any(|file| !file.exists() || is_newer(file))
            || folder.is_some_and(|folder| is_newer(&folder.join("Cargo.toml")) || is_newer(&folder.join("build.rs")))
    };
    MANIFESTS.iter().any(|file| is_newer(Path::new(file))) || lists().iter().any(crate_has_changed)
}

/// The lists of files that cargo keeps beside each crate that it compiled, the newest of each crate. A session has none
/// of crates that it never compiles again.
fn lists() -> Vec<PathBuf> {
    let mut newest: BTreeMap<String, (SystemTime, PathBuf)> = BTreeMap::new();
    let folders = entries(Path::new("target")).flat_map(|folder| [folder.join("deps"), folder.join("debug/deps")]);
    for list in folders.flat_map(|folder| entries(&folder).collect::<Vec<_>>()) {
        let name = list.file_name().map(text).unwrap_or_default();
        let Some((name, _)) = name.strip_suffix(".d").and_then(|name| name.rsplit_once('-')) else { continue };
        let Ok(time) = modified(&list) else { continue };
        if newest.get(name).is_none_or(|(other, _)| *other < time) {
            newest.insert(name.into(), (time, list.clone()));
        }
    }
    newest.into_values().map(|(_, list)| list).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

/// The files of a list: a line with a colon behind it for each.
fn files_of(list: &Path) -> Vec<PathBuf> {
    let content = fs::read_to_string(list).unwrap_or_default();
    content.lines().filter_map(|line| line.strip_suffix(':')).map(|file| file.replace("\\ ", " ").into()).collect()
}

fn modified(file: &Path) -> io::Result<SystemTime> {
    fs::metadata(file)?.modified()
}
