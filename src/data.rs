//! MNIST and its relatives: finds and reads the files, draws a stand-in, and makes samples for a network.

mod augmentation;
mod class_names;
mod download;
mod drawn;
mod idx;
mod layout;
mod not_idx;
mod read;
mod samples;

use std::{env, path::Path};

use tch::{Kind, Tensor};

use crate::Result;
pub use augmentation::Augmentation;
pub use class_names::Classes;
pub use drawn::DRAWN;
pub use samples::Samples;

/// The name that MNIST itself carries in titles and results, and no other data set.
pub const MNIST: &str = "MNIST";

/// A labelled data set in two parts: samples to learn from and samples to measure results on.
#[derive(Debug)]
pub struct Dataset {
    /// The samples to learn from: 60,000 in MNIST.
    pub train: Images,
    /// The samples that training never sees: 10,000 in MNIST.
    pub test: Images,
}

/// Labelled grey-scale pictures: digits, or what else the data set is of.
#[derive(Debug)]
pub struct Images {
    /// Where the pictures come from, for titles and reports: [`MNIST`], or another name.
    pub name: String,
    /// The pictures, `[count, height, width]`, unsigned bytes; 0 is paper and 255 is ink.
    pub images: Tensor,
    /// The true class of each picture, `[count]`, 64-bit integers from 0.
    pub labels: Tensor,
    /// The classes that labels stand for.
    pub classes: Classes,
}

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
            Some(folder) => read::folder(Path::new(&folder), Some(&download::FILES)),
            None => download::Places::usual().load(),
        }
    }

    /// Reads a data set in MNIST's format, such as Fashion-MNIST, KMNIST, QMNIST, or EMNIST with any number of
    /// classes.
    ///
    /// These are four files, `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    /// `t10k-labels-idx1-ubyte`, each raw or with `.gz`. They may have a dot in their names
    /// (`train-images.idx3-ubyte`), lie in a folder of that name each, or in a folder below this one, such as
    /// torchvision's `MNIST/raw`. EMNIST's and QMNIST's own names are known, too:
    /// `emnist-letters-train-images-idx3-ubyte.gz`. Where a folder holds several data sets, the common beginning of
    /// their names stands behind it: `gzip/emnist-letters`.
    ///
    /// Pictures may have any size. The number of classes follows from the labels. Classes are called by their
    /// numbers; those of Fashion-MNIST and KMNIST have their names where the folder or the files are called so, those
    /// of EMNIST where the files are; and a file `classes.txt` beside the others, with a name per line, names those
    /// of any data set. Where there are more than ten classes and labels count from 1, label 1 becomes class 0 and
    /// keeps its name. Labels from 1 to 10 are taken for SVHN's digits, of which 10 is the 0, unless the classes have
    /// names.
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
    /// [`Error::Missing`](crate::Error::Missing), or [`Error::Malformed`](crate::Error::Malformed) with the file,
    /// what it holds and what it should hold.
    pub fn from_dir(folder: impl AsRef<Path>) -> Result<Self> {
        read::folder(folder.as_ref(), None)
    }

    /// Exchanges rows and columns of all pictures: upright, where they lay on their side as EMNIST's do.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when the pictures do not have the shape of [`Images::images`].
    pub fn transposed(self) -> Result<Self> {
        let [train, test] = [self.train, self.test].map(|digits| -> Result<Images> {
            let images = digits.images.f_transpose(1, 2)?.f_contiguous()?;
            Ok(Images { images, ..digits })
        });
        Ok(Self { train: train?, test: test? })
    }
}

impl Images {
    /// Returns how many pictures there are.
    pub fn len(&self) -> usize {
        self.labels.size()[0] as usize
    }

    /// Tells whether there is no picture at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Flattens each picture to a row and divides its pixels by 255.
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
