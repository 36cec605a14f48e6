//! Files that are no good IDX files: each is an error on one line that says what the file is.

use std::{fs, io::Write};

use flate2::{Compression, write::GzEncoder};

use super::*;

/// The error of a folder in which one file has other bytes.
fn error_with(name: &str, bytes: &[u8]) -> String {
    let folder = good();
    fs::write(folder.path().join(name), bytes).unwrap();
    // Else the good file beside it is read.
    let _ = fs::remove_file(folder.path().join(format!("{name}.gz")));
    let error = error_of(folder.path());
    assert!(error.contains(name), "{error} names no {name}");
    error
}

#[test]
fn empty_and_truncated_files_are_errors() {
    let labels = idx(8, &[3], &[7, 0, 9]);
    assert_names(
        &error_with(TRAIN_LABELS, b""),
        "an empty file",
        "an IDX file of labels, with 1 dimension, raw or gzip",
    );
    assert_names(&error_with(TRAIN_LABELS, &labels[..6]), "a file that is cut off: 6 bytes of header", "8 bytes");
    assert_names(
        &error_with(TRAIN_LABELS, &labels[..10]),
        "a file that is cut off: only 2 bytes of numbers",
        "3 bytes of numbers, as the header says",
    );
    let packed = error_with(TRAIN_LABELS, &gzip(&labels[..10]));
    assert_names(&packed, "a file that is cut off: only 2 bytes of numbers", "3 bytes of numbers");
}

#[test]
fn trailing_bytes_are_errors() {
    let labels = idx(8, &[3], &[7, 0, 9, 1]);
    assert_names(
        &error_with(TRAIN_LABELS, &labels),
        "more than 3 bytes of numbers",
        "3 bytes of numbers, as the header says",
    );
    assert_names(&error_with(TRAIN_LABELS, &gzip(&labels)), "more than 3 bytes of numbers", "3 bytes of numbers");
}

#[test]
fn a_gzip_that_unpacks_to_more_than_its_header_says_is_not_unpacked() {
    // 300 MB of zeros behind a header that promises three bytes.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&idx(8, &[3], &[])).unwrap();
    let zeros = vec![0; 1 << 20];
    for _ in 0..300 {
        encoder.write_all(&zeros).unwrap();
    }
    let error = error_with(TRAIN_LABELS, &encoder.finish().unwrap());
    assert_names(&error, "more than 3 bytes of numbers", "3 bytes of numbers");
}

#[test]
fn a_header_that_promises_more_than_memory_holds_is_an_error() {
    assert_names(
        &error_with(TRAIN_IMAGES, &idx(12, &[u32::MAX; 3], &[])),
        "the dimensions",
        "numbers that fit into memory",
    );
    let error = error_with(TRAIN_IMAGES, &idx(8, &[1 << 20, 1 << 20, 1 << 20], &[1, 2]));
    assert_names(&error, "a file that is cut off: only 2 bytes of numbers", "1152921504606846976 bytes");
}

#[test]
fn wrong_types_and_dimensions_are_said_in_words() {
    let labels = |bytes: &[u8], found: &str| {
        assert_names(&error_with(TRAIN_LABELS, bytes), found, "an IDX file of labels, with 1 dimension");
    };
    labels(b"\x01\x02\x03\x04\xff\xff", "the magic number [01, 02, 03, 04]");
    labels(&idx(8, &[3, 10], &[0; 30]), "2 dimensions [3, 10]: several numbers per label");
    labels(&idx(8, &[3, 2, 3], &[0; 18]), "3 dimensions [3, 2, 3]: pictures in place of labels");
    labels(&idx(0x0e, &[3], &[0; 24]), "64-bit floats");
    labels(&idx(0x0a, &[3], &[0; 3]), "numbers of the unknown type 0a");
    let images = |bytes: &[u8], found: &str| {
        assert_names(&error_with(TRAIN_IMAGES, bytes), found, "an IDX file of pictures, with 3 dimensions");
    };
    images(&idx(8, &[3], &[7, 0, 9]), "1 dimension [3]: labels in place of pictures");
    images(&idx(8, &[3, 6], &[0; 18]), "2 dimensions [3, 6]: a row of pixels per picture, without height and width");
    images(&idx(8, &[3, 2, 3, 3], &[0; 54]), "4 dimensions [3, 2, 3, 3]: pictures in color");
    images(&idx(8, &[3, 3, 2, 3], &[0; 54]), "4 dimensions [3, 3, 2, 3]: pictures in color");
    images(&idx(0x0d, &[3, 2, 3], &[0; 72]), "32-bit floats");
    let folder = good();
    write(folder.path().join(TEST_IMAGES), &idx(8, &[2, 3, 2], &[0; 12]));
    fs::remove_file(folder.path().join(format!("{TEST_IMAGES}.gz"))).unwrap();
    assert_names(&error_of(folder.path()), "images of [3, 2] pixels", "[2, 3], as the training images have");
}

#[test]
fn other_kinds_of_files_are_called_by_their_names() {
    let kinds: [(&[u8], &str); 16] = [
        (b"<!DOCTYPE html>\n<html><head><title>Access denied</title>", "a web page"),
        (b"\xef\xbb\xbf \n<HTML><body>Sign in", "a web page"),
        (b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>", "a web page or another XML document"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "a pointer of git-lfs"),
        (b"PK\x03\x04 a zip file", "a zip archive"),
        (b"\x93NUMPY\x01\0", "a NumPy array"),
        (b"\xfd7zXZ\0\0", "a file packed by xz"),
        (b"BZh91AY", "a file packed by bzip2"),
        (b"7z\xbc\xaf\x27\x1c\0", "a 7-Zip archive"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"\xff\xd8\xff\xe0", "a JPEG picture"),
        (b"{\"error\": 404}", "JSON text"),
        (b"label,pixel0,pixel1,pixel2\n5,0,0,0\n", "a table (CSV)"),
        ("Zugriff verweigert: Bitte später versuchen".as_bytes(), "text"),
        (b"\0", "a file of fewer than 4 bytes"),
    ];
    for (bytes, what) in kinds {
        for bytes in [bytes, &gzip(bytes)] {
            let error = error_with(TRAIN_IMAGES, bytes);
            assert_names(&error, what, "an IDX file of pictures, with 3 dimensions, raw or gzip");
        }
    }
    let twice = error_with(TRAIN_LABELS, &gzip(&gzip(&idx(8, &[3], &[7, 0, 9]))));
    assert_names(&twice, "gzip inside gzip (unpack it once)", "an IDX file of labels");
}

#[test]
fn reversed_bytes_are_called_so() {
    let reversed = |sizes: &[u32]| sizes.iter().flat_map(|size| size.to_le_bytes()).collect::<Vec<_>>();
    let header = [&[3, 8, 0, 0][..], &reversed(&[3, 2, 3]), &[0; 18]].concat();
    let found = "an IDX file with its bytes in reverse order (little-endian; write it big-endian)";
    assert_names(&error_with(TRAIN_IMAGES, &header), found, "an IDX file of pictures");
    let (found, expected) =
        ("with their bytes in reverse order (little-endian)", "the highest byte first (big-endian)");
    let images = error_with(TRAIN_IMAGES, &[&[0, 0, 8, 3][..], &reversed(&[3, 2, 3]), &[0; 18]].concat());
    assert_names(&images, &format!("the sizes [3, 2, 3] {found}"), expected);
    let labels = error_with(TRAIN_LABELS, &[&[0, 0, 8, 1][..], &reversed(&[3]), &[0; 3]].concat());
    assert_names(&labels, &format!("the sizes [3] {found}"), expected);
}

#[test]
fn an_empty_data_set_is_called_so() {
    let error = error_with(TRAIN_IMAGES, &idx(8, &[0, 28, 28], &[]));
    assert_names(&error, "an empty data set, of the dimensions [0, 28, 28]", "at least one sample");
    let error = error_with(TRAIN_LABELS, &idx(8, &[0], &[]));
    assert_names(&error, "an empty data set, of the dimensions [0]", "at least one sample");
}

#[test]
fn counts_that_differ_and_labels_and_pixels_out_of_range_are_errors() {
    assert_names(&error_with(TRAIN_LABELS, &idx(8, &[2], &[7, 0])), "2 labels", "3, one per image");
    let many = error_with(TRAIN_LABELS, &idx(11, &[3], &[0, 7, 3, 232, 0, 9]));
    assert_names(&many, "the label 1000", "labels from 0 to 999");
    assert_names(&error_with(TRAIN_LABELS, &idx(9, &[3], &[7, 255, 9])), "the label -1", "labels from 0 to 999");
    let wide: Vec<u8> = (0..18).flat_map(|_| [1, 0]).collect();
    assert_names(&error_with(TRAIN_IMAGES, &idx(11, &[3, 2, 3], &wide)), "the pixel 256", "pixels from 0 to 255");
}

#[test]
fn zeros_behind_a_gzip_file_are_no_damage() {
    let labels = idx(8, &[3], &[7, 0, 9]);
    for zeros in [1, 4, 10_000] {
        let folder = good();
        // In two streams, as bgzip writes them.
        let packed = [gzip(&labels[..5]), gzip(&labels[5..]), vec![0; zeros]].concat();
        fs::remove_file(folder.path().join(TRAIN_LABELS)).unwrap();
        fs::write(folder.path().join(format!("{TRAIN_LABELS}.gz")), packed).unwrap();
        let found = Vec::<i64>::try_from(&Dataset::from_dir(folder.path()).unwrap().train.labels).unwrap();
        assert_eq!(found, [7, 0, 9], "{zeros} zeros");
    }
    let other = [gzip(&labels), vec![b'x'; 20]].concat();
    assert_names(&error_with(TRAIN_LABELS, &other), "a damaged gzip file", "a whole gzip file");
}

#[test]
fn a_damaged_gzip_file_is_called_so() {
    let whole = gzip(&idx(8, &[3], &[7, 0, 9]));
    assert_names(
        &error_with(TRAIN_LABELS, &whole[..whole.len() - 9]),
        "a gzip file that is cut off",
        "a whole gzip file",
    );
    let mut damaged = whole.clone();
    // There is no block of this type.
    damaged[10] = 0xff;
    assert_names(&error_with(TRAIN_LABELS, &damaged), "a damaged gzip file", "a whole gzip file");
    // The numbers are all there, but their checksum is not theirs.
    let mut wrong_sum = whole;
    let at = wrong_sum.len() - 8;
    wrong_sum[at] ^= 0xff;
    assert_names(&error_with(TRAIN_LABELS, &wrong_sum), "a damaged gzip file", "a whole gzip file");
}
