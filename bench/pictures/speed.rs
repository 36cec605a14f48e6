//! How fast `predict` reads pictures.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use mnist_classification::{Error, Result};

/// How often each is measured.
const ROUNDS: usize = 5;

/// Prints how long the program takes for the first picture of a folder, from the start of its process, and for each
/// further one: medians.
pub fn measure(folder: &Path, network: &str) -> Result<()> {
    let pictures = cli::pictures(folder)?;
    let (mut first, mut further) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (one, all) = (seconds(&pictures[0], network)?, seconds(folder, network)?);
        first.push(one);
        further.push((all - one) / (pictures.len() - 1).max(1) as f64);
    }
    println!("the first picture, from the start of the process  {:7.3} s", median(first));
    println!("each of {:5} further ones                        {:7.4} s", pictures.len() - 1, median(further));
    Ok(())
}

/// How long the program, which lies one folder above the examples, takes to read what a path names.
fn seconds(path: &Path, network: &str) -> Result<f64> {
    let own = env::current_exe().map_err(|source| Error::Io { file: "this program".into(), source })?;
    let name = format!("mnist-classification{}", env::consts::EXE_SUFFIX);
    let program = own.parent().and_then(Path::parent).unwrap_or(Path::new("")).join(name);
    if !program.is_file() {
        return Err(Error::Missing { file: program, expected: "the program, by `cargo build`".into() });
    }
    let start = Instant::now();
    let mut command = Command::new(&program);
    command.args(["predict", "--run", network]).arg(path).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().map_err(|source| Error::Io { file: program, source })?;
    Ok(start.elapsed().as_secs_f64())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}
