//! MNIST and its relatives: finding and reading the files, a stand-in drawn by a program, pictures of one's own.

mod augmentation;
mod checksum;
mod class_names;
mod classes;
mod data_warnings;
mod digits;
mod download;
mod drawn;
mod idx;
mod layout;
mod not_idx;
mod read;
mod samples;

use std::{env, path::Path};

use crate::Result;
pub use augmentation::Augmentation;
pub use classes::Classes;
pub use digits::{Dataset, Images, MNIST};
use download::Places;
pub use drawn::DRAWN;
pub use samples::Samples;

impl Dataset {
    /// Loads MNIST: from the folder that `MNIST_DIR` names, else from the project's `data/mnist`, else from the user's
    /// cache folder, else from two public mirrors (11 MB), which fills the cache. Every file is checked by the SHA-256
    /// of its unpacked contents; it may be raw or gzipped.
    ///
    /// # Errors
    /// [`Error::NoData`](crate::Error::NoData) when it is nowhere to be had; [`Error::Missing`](crate::Error::Missing)
    /// when `MNIST_DIR` lacks a file; [`Error::Malformed`](crate::Error::Malformed) when a file is not MNIST's.
    pub fn mnist() -> Result<Self> {
        match env::var_os("MNIST_DIR").filter(|folder| !folder.is_empty()) {
            Some(folder) => read::known(Path::new(&folder), &checksum::FILES),
            None => Places::usual().load(),
        }
    }

    /// Reads a data set in MNIST's format, such as Fashion-MNIST, KMNIST, QMNIST, or EMNIST with any number of classes.
    ///
    /// These are four files, `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte`, each raw or with `.gz`. They may have a dot in their names (`train-images.idx3-ubyte`),
    /// lie in a folder of that name each, or in a folder below this one, such as torchvision's `MNIST/raw`. EMNIST's and
    /// QMNIST's own names are known, too: `emnist-letters-train-images-idx3-ubyte.gz`. Where a folder holds several data
    /// sets, the common beginning of their names stands behind it: `gzip/emnist-letters`.
    ///
    /// Pictures may have any size. The number of classes follows from the labels. Classes are called by their numbers;
    /// those of Fashion-MNIST and KMNIST have their names where the folder or the files are called so, those of EMNIST where the
    /// files are; and a file `classes.txt` beside the others, with a name per line, names those of any data set. Where there are more
    /// than ten classes and labels count from 1, label 1 becomes class 0 and keeps its name.
    ///
    /// EMNIST's pictures lie on their side. They are turned upright where the files have EMNIST's names; under other
    /// names that cannot be known, and [`Dataset::transposed`] turns them.
    ///
    /// The data's name is that of the nearest folder with a name that says something. [`MNIST`] is the name of MNIST
    /// itself alone, whose files are known by their contents.
    ///
    /// A NumPy array becomes such a file by these lines of Python:
    ///
    /// ```text
    /// with open(name, 'wb') as file:
    ///     file.write(bytes([0, 0, 8, a.ndim]) + numpy.array(a.shape, '>i4').tobytes() + a.astype('uint8').tobytes())
    /// ```
    ///
    /// # Errors
    /// [`Error::Missing`](crate::Error::Missing), or [`Error::Malformed`](crate::Error::Malformed) with the file, what it
    /// holds and what it should hold.
    pub fn from_dir(folder: impl AsRef<Path>) -> Result<Self> {
        read::any(folder.as_ref())
    }

    /// Draws digits with a program, 12,000 to learn from and 2,000 to measure on: a stand-in where MNIST cannot be
    /// had. They are named [`DRAWN`] wherever they show, and results on them are no results on MNIST.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when memory runs out.
    pub fn drawn(seed: u64) -> Result<Self> {
        drawn::mnist(seed)
    }
}

impl Images {
    /// Reads pictures and their labels from two files in MNIST's format, raw or with `.gz`: a part of a data set, such as
    /// one corruption of MNIST-C. The name is that of the file of pictures; classes are numbered up to the largest label.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) for a file that cannot be read; [`Error::Malformed`](crate::Error::Malformed) with
    /// the file, what it holds and what it should hold.
    pub fn from_files(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        read::pair(images.as_ref(), labels.as_ref())
    }
}
