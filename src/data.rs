//! MNIST and its relatives: finding and reading the files, a stand-in drawn by a program, pictures of one's own.

mod augmentation;
mod checksum;
mod classes;
mod download;
mod drawn;
mod idx;
mod picture;
mod samples;

use std::{env, path::Path};

use tch::{Kind, Tensor};

use crate::{Error, Result};
pub use augmentation::Augmentation;
pub use classes::Classes;
use download::{Known, Places};
pub use drawn::DRAWN;
use idx::Idx;
pub use picture::picture;
pub use samples::Samples;

/// The name that MNIST itself carries in titles and results.
pub const MNIST: &str = "MNIST";

/// A labelled data set in two parts: digits to learn from and digits to be judged on.
#[derive(Debug)]
pub struct Mnist {
    /// The digits to learn from: 60,000 in MNIST.
    pub train: Digits,
    /// The digits that training never sees: 10,000 in MNIST.
    pub test: Digits,
}

/// Labelled grey-scale images.
#[derive(Debug)]
pub struct Digits {
    /// Where the digits come from, for titles and reports: [`MNIST`], or another name.
    pub name: String,
    /// The images, `[count, height, width]`, unsigned bytes; 0 is paper and 255 is ink.
    pub images: Tensor,
    /// The true class of each image, `[count]`, 64-bit integers from 0.
    pub labels: Tensor,
    /// The classes that labels stand for.
    pub classes: Classes,
}

impl Mnist {
    /// Loads MNIST: from the folder that `MNIST_DIR` names, else from the project's `data/mnist`, else from the user's
    /// cache folder, else from two public mirrors (11 MB), which fills the cache. Every file is checked by the SHA-256
    /// of its decompressed contents; it may be raw or gzipped.
    ///
    /// # Errors
    /// [`Error::NoData`] when it is nowhere to be had; [`Error::Missing`] when `MNIST_DIR` lacks a file;
    /// [`Error::Malformed`] when a file is not MNIST's.
    pub fn load() -> Result<Self> {
        match env::var_os("MNIST_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => Self::read(Path::new(&folder), MNIST, &download::FILES),
            None => Places::usual().load(),
        }
    }

    /// Reads four files in MNIST's format, such as Fashion-MNIST's: `train-images-idx3-ubyte`,
    /// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each raw or with `.gz`.
    /// Images may have any size, labels go from 0 to 9. The data's name is the folder's.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::Malformed`] with the file, what it holds and what it should hold.
    pub fn from_dir(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let name = folder.file_name().map_or("digits".into(), |name| name.to_string_lossy());
        Self::read(folder, &name, &[])
    }

    /// Draws digits with a program, 12,000 to learn from and 2,000 to be judged on: a stand-in where MNIST cannot be
    /// had. They are named [`DRAWN`] wherever they show, and results on them are no results on MNIST.
    ///
    /// # Errors
    /// [`Error::Torch`] when memory runs out.
    pub fn drawn(seed: u64) -> Result<Self> {
        drawn::mnist(seed)
    }

    /// Reads the four files; of those that are known, the contents must be the known ones.
    fn read(folder: &Path, name: &str, known: &[Known]) -> Result<Self> {
        let [train, test] = ["train", "t10k"].map(|part| Digits::read(folder, part, name, known));
        let (train, test) = (train?, test?);
        let [trained, tested] = [&train, &test].map(|digits| digits.images.size()[1..].to_vec());
        if trained != tested {
            let file = find(folder, "t10k-images-idx3-ubyte")?;
            let (found, expected) =
                (format!("images of {tested:?} pixels"), format!("{trained:?}, as the training images have"));
            return Err(Error::Malformed { file, found, expected });
        }
        Ok(Self { train, test })
    }
}

/// The file of this name in a folder, raw or gzipped.
fn find(folder: &Path, name: &str) -> Result<std::path::PathBuf> {
    download::find(folder, name).ok_or_else(|| missing(folder, name))
}

fn missing(folder: &Path, name: &str) -> Error {
    Error::Missing { file: folder.join(name), expected: "an IDX file of this name, or with .gz behind it".into() }
}

impl Digits {
    fn read(folder: &Path, part: &str, name: &str, known: &[Known]) -> Result<Self> {
        let read = |kind: &str, rank| {
            let name = format!("{part}-{kind}-ubyte");
            let checksum = known.iter().find(|(known, _)| *known == name).map(|(_, checksum)| *checksum);
            let file = find(folder, &name)?;
            Ok::<_, Error>((Idx::read(&file, rank, checksum)?, file))
        };
        let images = read("images-idx3", 3)?.0.images()?;
        let (labels, file) = read("labels-idx1", 1)?;
        let labels = labels.labels()?;
        let (found, expected) = (labels.size()[0], images.size()[0]);
        if found != expected {
            let (found, expected) = (format!("{found} labels"), format!("{expected}, one per image"));
            return Err(Error::Malformed { file, found, expected });
        }
        Ok(Self { name: name.into(), images, labels, classes: Classes::numbered(10) })
    }

    /// How many digits there are.
    pub fn len(&self) -> usize {
        self.labels.size()[0] as usize
    }

    /// Whether there is no digit at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flattens each image to a row and divides its pixels by 255.
    pub fn preprocess(&self) -> Samples {
        // Bytes become floats of their own, which can be divided in place: another copy would be the most memory that a
        // training ever takes.
        let floats = |images: Tensor| images.to_dtype(Kind::Float, false, images.kind() == Kind::Float);
        Samples {
            name: self.name.clone(),
            inputs: floats(self.images.flatten(1, -1)).divide_scalar_(255.0),
            labels: self.labels.shallow_clone(),
            shape: self.images.size().iter().skip(1).map(|&size| size as usize).collect(),
            classes: self.classes.clone(),
        }
    }
}
