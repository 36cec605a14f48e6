//! Finding MNIST on this machine, or fetching it once: every file is known by the SHA-256 of its contents.

use std::{
    env, fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use flate2::read::MultiGzDecoder;

use super::{
    MNIST, Mnist,
    checksum::{LARGEST, Summed},
};
use crate::{Error, Result, files};

/// A file of MNIST: its name, and the SHA-256 of its decompressed contents.
pub(super) type Known = (&'static str, &'static str);

/// The four files of MNIST (Y. LeCun, C. Cortes, C. J. C. Burges).
pub(super) const FILES: [Known; 4] = [
    ("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
];

/// Where the files can be fetched from, gzipped.
const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"];

/// Where to look for the files, and what they must be.
pub(super) struct Places {
    /// Folders that may hold all four files, in the order in which they are tried.
    pub(super) folders: Vec<PathBuf>,
    /// The folder that keeps what was fetched.
    pub(super) cache: PathBuf,
    /// Addresses of folders with the gzipped files.
    pub(super) mirrors: Vec<String>,
    /// The files and their checksums.
    pub(super) files: [Known; 4],
}

impl Places {
    /// The project's `data/mnist` and the user's cache folder; then two public mirrors.
    pub(super) fn usual() -> Self {
        let cache = cache_folder().join("mnist-classification");
        Self {
            folders: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist"), cache.clone()],
            cache,
            mirrors: MIRRORS.map(String::from).into(),
            files: FILES,
        }
    }

    /// Takes the first folder that has all files, else fetches what is missing.
    pub(super) fn load(&self) -> Result<Mnist> {
        for folder in &self.folders {
            if self.files.iter().all(|(name, _)| find(folder, name).is_some()) {
                return Mnist::read(folder, MNIST, &self.files);
            }
        }
        for known in &self.files {
            if find(&self.cache, known.0).is_none() {
                self.fetch(known)?;
            }
        }
        Mnist::read(&self.cache, MNIST, &self.files)
    }

    /// Fetches a file from the first mirror that gives the right one.
    fn fetch(&self, (name, checksum): &Known) -> Result<()> {
        let mut reasons = Vec::new();
        for mirror in &self.mirrors {
            let address = format!("{mirror}/{name}.gz");
            println!("Fetching {address}");
            match fetch(&address).and_then(|bytes| checked(&bytes, checksum).map(|()| bytes)) {
                Ok(bytes) => {
                    println!("Fetched {:.1} MB, and its checksum is right", bytes.len() as f64 / 1e6);
                    return files::write(self.cache.join(format!("{name}.gz")), bytes);
                }
                Err(reason) => reasons.push(format!("{mirror}: {reason}")),
            }
        }
        let folders: Vec<_> = self.folders.iter().map(|folder| folder.display().to_string()).collect();
        Err(Error::NoData { searched: folders.join(", "), reason: reasons.join("; ") })
    }
}

/// A file of this name, raw or gzipped.
pub(super) fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().find(|path| path.is_file())
}

fn checked(gzip: &[u8], checksum: &str) -> std::result::Result<(), String> {
    match Summed::new(MultiGzDecoder::new(gzip)).finish() {
        Ok(found) if found == checksum => Ok(()),
        Ok(found) => Err(format!("its contents have SHA-256 {found}, expected {checksum}")),
        Err(error) => Err(text(error)),
    }
}

/// A machine without a network says so within seconds; a slow one may take its time over the contents.
fn fetch(address: &str) -> std::result::Result<Vec<u8>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_resolve(Some(Duration::from_secs(5)))
        .timeout_connect(Some(Duration::from_secs(5)))
        .timeout_recv_response(Some(Duration::from_secs(20)))
        .timeout_recv_body(Some(Duration::from_secs(300)))
        .build()
        .into();
    let mut response = agent.get(address).call().map_err(text)?;
    response.body_mut().with_config().limit(LARGEST).read_to_vec().map_err(text)
}

/// An error on one line.
fn text(error: impl fmt::Display) -> String {
    error.to_string().lines().collect::<Vec<_>>().join(" ")
}

/// The user's folder for what can be fetched again.
fn cache_folder() -> PathBuf {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").unwrap_or_else(env::temp_dir);
    if cfg!(target_os = "macos") {
        home().join("Library/Caches")
    } else {
        variable("XDG_CACHE_HOME").unwrap_or_else(|| home().join(".cache"))
    }
}

#[cfg(test)]
mod tests;
