//! One file of pictures and one of their labels, without the other part of a data set.

use mnist_classification::data::{Dataset, Images};

use super::*;

const IMAGES: &str = "fog-images-idx3-ubyte.gz";
const LABELS: &str = "labels-idx1-ubyte";

/// The file of pictures and that of labels.
fn files(folder: &TempDir) -> [PathBuf; 2] {
    [IMAGES, LABELS].map(|name| folder.path().join(name))
}

#[test]
fn two_files_are_read_as_the_part_of_a_data_set_is() {
    let folder = tempfile::tempdir().unwrap();
    let whole = contents(&[7, 0, 9], &[1, 2]);
    write_files(folder.path(), NAMES, &whole);
    let [images, labels] = files(&folder);
    write(images.clone(), &gzip(&whole[0]));
    write(labels.clone(), &whole[1]);
    let expected = Dataset::from_dir(folder.path()).unwrap().train;
    let digits = Images::from_files(images, labels).unwrap();
    assert_eq!(digits.images.size(), [3, 2, 3]);
    assert!(digits.images.equal(&expected.images));
    assert_eq!(Vec::<i64>::try_from(&digits.labels).unwrap(), [7, 0, 9]);
    assert_eq!((digits.name.as_str(), digits.classes.len()), (IMAGES, 10));
}

#[test]
fn two_files_that_do_not_fit_are_errors_that_name_the_wrong_one() {
    let folder = tempfile::tempdir().unwrap();
    let [images, labels] = files(&folder);
    let error = || Images::from_files(&images, &labels).unwrap_err().to_string();
    assert!(error().contains(IMAGES), "{}", error());
    write(images.clone(), &gzip(&idx(8, &[3, 2, 3], &[0; 18])));
    assert!(error().contains(LABELS), "{}", error());
    write(labels.clone(), &idx(8, &[2], &[7, 0]));
    assert_names(&error(), "2 labels", "3, one per image");
    assert!(error().contains(LABELS), "{}", error());
    write(labels.clone(), &idx(8, &[3, 2, 3], &[0; 18]));
    assert_names(&error(), "3 dimensions [3, 2, 3]: pictures in place of labels", "an IDX file of labels");
}
