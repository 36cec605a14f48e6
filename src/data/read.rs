//! Reads the files of a data set and puts them together.

use std::{
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use super::{
    Classes, Dataset, Images, MNIST,
    class_names::{self, Labels},
    download::{FILES, Known},
    idx::{Contents, Idx},
    layout,
};
use crate::{Error, Result};

/// Reads the data set in a folder. Where it is `known`, its files must be these.
pub(super) fn folder(folder: &Path, known: Option<&[Known; 4]>) -> Result<Dataset> {
    let files = layout::find(folder)?;
    let read = |first: usize| part(&files.paths[first..], known.map(|known| &known[first..]));
    // Side by side: unpacking them takes as long as loading libtorch.
    let (train, test) = thread::scope(|scope| {
        let test = scope.spawn(|| read(2));
        (read(0), test.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let (train, test) = (train?, test?);
    let [trained, tested] = [&train, &test].map(|[images, _]| images.values.size()[1..].to_vec());
    if trained != tested {
        let found = format!("images of {tested:?} pixels");
        return Err(Error::malformed(&test[0].file, found, format!("{trained:?}, as the training images have")));
    }
    let found = [&train[0], &train[1], &test[0], &test[1]].map(|idx| idx.checksum.as_str());
    let name = match files.name() {
        _ if known.is_some() || found == FILES.map(|(_, checksum)| checksum) => MNIST.into(),
        name if name.eq_ignore_ascii_case(MNIST) => format!("{name} (not the original)"),
        name => name,
    };
    let (classes, numbering) = class_names::classes([&train[1].values, &test[1].values], &name, &files)?;
    let note = if numbering == Labels::TenIsZero { " (labels 1 to 10, of which 10 is the digit 0)" } else { "" };
    let name = name + note;
    let [train, test] = [train, test].map(|[images, labels]| -> Result<Images> {
        let labels = match numbering {
            Labels::FromZero => labels.values,
            Labels::FromOne => labels.values.f_sub_scalar(1)?,
            Labels::TenIsZero => labels.values.f_remainder(10)?,
        };
        Ok(Images { name: name.clone(), images: images.values, labels, classes: classes.clone() })
    });
    let mnist = Dataset { train: train?, test: test? };
    // EMNIST's pictures lie on their side.
    if class_names::is_emnist(&files.prefix) { mnist.transposed() } else { Ok(mnist) }
}

impl Images {
    /// Reads pictures and their labels from two files in MNIST's format, raw or with `.gz`: a part of a data set,
    /// such as one corruption of MNIST-C. The name is that of the file of pictures; classes are numbered up to the
    /// largest label.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read; [`Error::Malformed`] with the file, what it holds and what it
    /// should hold.
    pub fn from_files(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Self> {
        let [images, labels] = part(&[vec![images.as_ref().into()], vec![labels.as_ref().into()]], None)?;
        let name = images.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let classes = Classes::numbered(labels.values.f_max()?.int64_value(&[]) as usize + 1);
        Ok(Self { name, images: images.values, labels: labels.values, classes })
    }
}

/// Reads the first two of these files: images and as many labels.
fn part(files: &[Vec<PathBuf>], known: Option<&[Known]>) -> Result<[Idx; 2]> {
    let images = first_good(&files[0], Contents::Images, known.map(|known| known[0].1))?;
    let labels = first_good(&files[1], Contents::Labels, known.map(|known| known[1].1))?;
    let [count, expected] = [&labels, &images].map(|idx| idx.values.size()[0]);
    if count != expected {
        return Err(Error::malformed(&labels.file, format!("{count} labels"), format!("{expected}, one per image")));
    }
    Ok([images, labels])
}

/// Returns the first of these files that can be read; where none can, the error of the first.
fn first_good(files: &[PathBuf], contents: Contents, checksum: Option<&str>) -> Result<Idx> {
    let mut read = files.iter().map(|file| Idx::read(file, contents, checksum));
    let first = read.next().unwrap_or_else(|| Err(Error::missing("", "an IDX file")));
    first.or_else(|error| read.find_map(Result::ok).ok_or(error))
}
