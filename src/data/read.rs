//! Reads the four files of a data set and puts them together.

use std::{
    panic::resume_unwind,
    path::{Path, PathBuf},
    thread,
};

use tch::Tensor;

use super::{
    checksum::{self, Known},
    class_names,
    classes::Classes,
    digits::{Dataset, Images, MNIST},
    idx::{Contents, Idx, malformed},
    layout::{self, Part},
};
use crate::{Error, Result};

/// The data set in a folder, whatever it is.
pub(super) fn any(folder: &Path) -> Result<Dataset> {
    read(folder, None)
}

/// The data set in a folder whose files must be these.
pub(super) fn known(folder: &Path, files: &[Known; 4]) -> Result<Dataset> {
    read(folder, Some(files))
}

fn read(folder: &Path, known: Option<&[Known; 4]>) -> Result<Dataset> {
    let files = layout::find(folder)?;
    let checksums = known.map(|files| files.map(|(_, checksum)| checksum));
    // Side by side: unpacking them takes as long as loading libtorch.
    let (train, test) = thread::scope(|scope| {
        let test = scope.spawn(|| part(&files.test, checksums.map(|[.., images, labels]| [images, labels])));
        let train = part(&files.train, checksums.map(|[images, labels, ..]| [images, labels]));
        (train, test.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let (train, test) = (train?, test?);
    let [trained, tested] = [&train, &test].map(|[images, _]| images.values.size()[1..].to_vec());
    if trained != tested {
        let found = format!("images of {tested:?} pixels");
        return Err(malformed(&test[0].file, found, format!("{trained:?}, as the training images have")));
    }
    let found = [&train[0], &train[1], &test[0], &test[1]].map(|idx| idx.checksum.as_str());
    let is_mnist = known.is_some() || found == checksum::FILES.map(|(_, checksum)| checksum);
    let name = if is_mnist { MNIST.into() } else { not_mnist(files.name()) };
    let (classes, first) = class_names::classes(&counts([&train[1].values, &test[1].values])?, &name, &files)?;
    let [train, test] = [train, test].map(|[images, labels]| -> Result<Images> {
        let labels = labels.values.f_sub_scalar(first as i64)?;
        Ok(Images { name: name.clone(), images: images.values, labels, classes: classes.clone() })
    });
    let mnist = Dataset { train: train?, test: test? };
    // EMNIST's pictures lie on their side.
    if class_names::is_emnist(&files.prefix) { mnist.transposed() } else { Ok(mnist) }
}

/// The digits of two files.
pub(super) fn pair(images: &Path, labels: &Path) -> Result<Images> {
    let files = Part { images: vec![images.into()], labels: vec![labels.into()] };
    let [images, labels] = part(&files, None)?;
    let name = images.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let classes = Classes::numbered(labels.values.f_max()?.int64_value(&[]) as usize + 1);
    Ok(Images { name, images: images.values, labels: labels.values, classes })
}

/// Images and labels of one part, as many of one as of the other.
fn part(files: &Part, checksums: Option<[&str; 2]>) -> Result<[Idx; 2]> {
    let images = first_good(&files.images, Contents::Images, checksums.map(|[images, _]| images))?;
    let labels = first_good(&files.labels, Contents::Labels, checksums.map(|[_, labels]| labels))?;
    let [count, expected] = [&labels, &images].map(|idx| idx.values.size()[0]);
    if count != expected {
        return Err(malformed(&labels.file, format!("{count} labels"), format!("{expected}, one per image")));
    }
    Ok([images, labels])
}

/// The first of these files that can be read; where none can, the error of the first.
fn first_good(files: &[PathBuf], contents: Contents, checksum: Option<&str>) -> Result<Idx> {
    let mut first_error = None;
    for file in files {
        match Idx::read(file, contents, checksum) {
            Ok(idx) => return Ok(idx),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let missing = || Error::Missing { file: PathBuf::new(), expected: "an IDX file".into() };
    Err(first_error.unwrap_or_else(missing))
}

/// A name that does not pass for MNIST's own.
fn not_mnist(name: String) -> String {
    if name.eq_ignore_ascii_case(MNIST) { format!("{name} (not the original)") } else { name }
}

/// How often each label occurs in both parts.
fn counts(labels: [&Tensor; 2]) -> Result<Vec<i64>> {
    Ok(Vec::try_from(Tensor::f_cat(&labels, 0)?.f_bincount::<Tensor>(None, 0)?)?)
}
