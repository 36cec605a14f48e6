//! Finds MNIST on this machine, or fetches it once: every file is known by the SHA-256 of its contents.

use std::{
    env, fmt,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::{Dataset, idx, read};
use crate::{
    Error, Result, files,
    notebook::{Bar, print},
};

/// A file of MNIST: its name, and the SHA-256 of its unpacked contents.
pub(super) type Known = (&'static str, &'static str);

/// The four files of MNIST (Y. LeCun, C. Cortes, C. J. C. Burges).
pub(super) const FILES: [Known; 4] = [
    ("train-images-idx3-ubyte", "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ("train-labels-idx1-ubyte", "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k-images-idx3-ubyte", "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ("t10k-labels-idx1-ubyte", "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
];

/// More than any file of MNIST has, packed or unpacked: no more is fetched or unpacked.
const LARGEST: u64 = 100_000_000;

/// Where the files can be fetched from, gzipped.
const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"];

/// A download that takes longer shows a bar, which may move after each part of so many bytes.
const PATIENCE: Duration = Duration::from_secs(2);
const PART: u64 = 65_536;

/// After so long, a file that is not finished is one whose process was killed.
const UNFINISHED: Duration = Duration::from_secs(3_600);

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
    /// Names the project's `data/mnist` and the user's cache folder, then two public mirrors.
    pub(super) fn usual() -> Self {
        let cache = cache_folder().join("mnist-classification");
        Self {
            folders: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("data/mnist"), cache.clone()],
            cache,
            mirrors: MIRRORS.map(String::from).into(),
            files: FILES,
        }
    }

    /// Reads the first folder that has all files. Where none has, or the cache holds a damaged one, fetches what is
    /// not right in the cache.
    pub(super) fn load(&self) -> Result<Dataset> {
        let has_all = |folder: &&PathBuf| self.files.iter().all(|(name, _)| find(folder, name).next().is_some());
        if let Some(folder) = self.folders.iter().find(has_all) {
            match read::folder(folder, Some(&self.files)) {
                Err(Error::Malformed { .. }) if *folder == self.cache => {}
                read => return read,
            }
        }
        files::remove_unfinished(&self.cache, UNFINISHED);
        for (name, checksum) in &self.files {
            let is_right = |file: PathBuf| {
                idx::open(&file).is_ok_and(|reader| sha256(reader).is_ok_and(|found| found == *checksum))
            };
            if !find(&self.cache, name).any(is_right) {
                self.fetch(name, checksum)?;
            }
        }
        read::folder(&self.cache, Some(&self.files))
    }

    /// Fetches a file from the first mirror that gives the right one.
    fn fetch(&self, name: &str, checksum: &str) -> Result<()> {
        let damaged = find(&self.cache, name).map(|file| format!("{} is damaged", file.display()));
        let mut reasons: Vec<_> = damaged.collect();
        for mirror in &self.mirrors {
            let address = format!("{mirror}/{name}.gz");
            print(format_args!("Fetching {address}\n"));
            match fetch(&address, checksum) {
                Ok(bytes) => {
                    print(format_args!("Fetched {:.1} MB, and its checksum is right\n", bytes.len() as f64 / 1e6));
                    return files::write(self.cache.join(format!("{name}.gz")), bytes);
                }
                Err(reason) => reasons.push(format!("{mirror}: {reason}")),
            }
        }
        let folders: Vec<_> = self.folders.iter().map(|folder| folder.display().to_string()).collect();
        Err(Error::NoData { searched: folders.join(", "), reason: reasons.join("; ") })
    }
}

/// Returns the files of this name that are there, raw and gzipped.
fn find(folder: &Path, name: &str) -> impl Iterator<Item = PathBuf> + use<> {
    [folder.join(name), folder.join(format!("{name}.gz"))].into_iter().filter(|path| path.is_file())
}

/// Returns the SHA-256 of everything that a reader gives, in hexadecimal digits.
fn sha256(reader: impl Read) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(LARGEST).read_to_end(&mut bytes)?;
    Ok(format!("{:x}", Sha256::digest(bytes)))
}

/// Fetches a gzipped file and checks its contents; the error is text on one line. A machine without a network says so
/// within seconds; a slow one may take its time over the contents. Proxies come from the environment, as
/// `HTTPS_PROXY`.
fn fetch(address: &str, checksum: &str) -> Result<Vec<u8>, String> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(root_certificates()).build())
        // A redirect must not lead to plain HTTP.
        .https_only(address.starts_with("https:"))
        .timeout_resolve(Some(Duration::from_secs(5)))
        .timeout_connect(Some(Duration::from_secs(5)))
        .timeout_recv_response(Some(Duration::from_secs(20)))
        .timeout_recv_body(Some(Duration::from_secs(300)))
        .build()
        .into();
    let mut response = agent.get(address).call().map_err(text)?;
    let total = response.body().content_length().unwrap_or(0) as usize;
    let mut reader = response.body_mut().with_config().limit(LARGEST).reader();
    let (mut bytes, mut bar) = (Vec::new(), Bar::begin(PATIENCE));
    while reader.by_ref().take(PART).read_to_end(&mut bytes).map_err(text)? > 0 {
        if bytes.len() <= total {
            bar.draw(bytes.len() / 1_000, total / 1_000, format_args!("fetching kB"));
        }
    }
    drop(bar);
    match sha256(MultiGzDecoder::new(&bytes[..])).map_err(text)? {
        found if found == checksum => Ok(bytes),
        found => Err(format!("its contents have SHA-256 {found}, expected {checksum}")),
    }
}

/// Returns the system's certificates, among which may be that of a company's proxy; Mozilla's where the system has
/// none.
fn root_certificates() -> RootCerts {
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<_> = found.iter().map(|found| Certificate::from_der(found).to_owned()).collect();
    if certificates.is_empty() { RootCerts::WebPki } else { certificates.into() }
}

/// Writes an error on one line.
fn text(error: impl fmt::Display) -> String {
    error.to_string().lines().collect::<Vec<_>>().join(" ")
}

/// Returns the user's folder for what can be fetched again.
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
