//! Fetching from servers on this machine that are good, bad, or not there.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    slice, thread,
};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

use super::*;
use crate::data::MNIST;

/// Three training digits and two test digits of one pixel, with the SHA-256 of each file.
const SMALL: [(&str, &[u8]); 4] = [
    ("train-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3]),
    ("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]),
    ("t10k-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 4, 5]),
    ("t10k-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 1, 0]),
];

fn known() -> [Known; 4] {
    SMALL.map(|(name, bytes)| (name, &*format!("{:x}", Sha256::digest(bytes)).leak()))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A server that answers every request with what `answer` gives for the file's name; returns its address.
fn server(answer: fn(&str) -> Option<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request: Vec<String> = lines.map(|line| line.unwrap()).take_while(|line| !line.is_empty()).collect();
            let name =
                request[0].split(' ').nth(1).unwrap().trim_start_matches('/').trim_end_matches(".gz").to_string();
            let (status, body) = match answer(&name) {
                Some(body) => ("200 OK", body),
                None => ("404 Not Found", Vec::new()),
            };
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            // A client that hangs up early is its own affair.
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    address
}

fn good(name: &str) -> Option<Vec<u8>> {
    SMALL.iter().find(|(other, _)| *other == name).map(|(_, bytes)| gzip(bytes))
}

fn other_digits(name: &str) -> Option<Vec<u8>> {
    let mut bytes = SMALL.iter().find(|(other, _)| *other == name)?.1.to_vec();
    *bytes.last_mut()? ^= 1;
    Some(gzip(&bytes))
}

fn cut_off(name: &str) -> Option<Vec<u8>> {
    good(name).map(|bytes| bytes[..bytes.len() - 4].to_vec())
}

fn nothing(_: &str) -> Option<Vec<u8>> {
    None
}

fn places(cache: &Path, mirrors: &[String]) -> Places {
    Places { folders: vec![cache.into()], cache: cache.into(), mirrors: mirrors.to_vec(), files: known() }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder).into_iter().flatten().flatten().collect();
    names.sort_by_key(|entry| entry.file_name());
    names.iter().map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn what_is_fetched_stays_in_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("new");
    let mnist = places(&cache, &[server(good)]).load().unwrap();
    assert_eq!((mnist.train.len(), mnist.test.len(), mnist.train.name.as_str()), (3, 2, MNIST));
    assert_eq!(names(&cache).len(), 4);
    // Once it is there, no mirror is asked.
    assert_eq!(places(&cache, &[]).load().unwrap().test.len(), 2);
}

#[test]
fn the_second_mirror_serves_where_the_first_is_wrong() {
    for bad in [other_digits, cut_off, nothing] {
        let folder = tempfile::tempdir().unwrap();
        assert!(places(folder.path(), &[server(bad), server(good)]).load().is_ok());
    }
}

#[test]
fn no_mirror_with_the_right_file_is_an_error_with_every_reason_and_leaves_nothing() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mirrors = [server(other_digits), server(cut_off), server(nothing), format!("http://{unused}")];
    let error = places(folder.path(), &mirrors).load().unwrap_err().to_string();
    for (mirror, reason) in mirrors.iter().zip(["its contents have SHA-256", "", "404", "refused"]) {
        assert!(error.contains(&format!("{mirror}: ")) && error.contains(reason), "{reason}: {error}");
    }
    assert!(error.contains(&folder.path().display().to_string()) && error.contains("set MNIST_DIR"), "{error}");
    assert_eq!(error.lines().count(), 1);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_damaged_file_in_the_cache_is_fetched_again() {
    let images = SMALL[0].0;
    let page = b"<!DOCTYPE html>".to_vec();
    for (name, bytes) in [
        (format!("{images}.gz"), cut_off(images).unwrap()),
        (format!("{images}.gz"), other_digits(images).unwrap()),
        (format!("{images}.gz"), page),
        (images.into(), SMALL[0].1[..9].to_vec()),
        (images.into(), Vec::new()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let address = server(good);
        places(folder.path(), slice::from_ref(&address)).load().unwrap();
        let _ = fs::remove_file(folder.path().join(format!("{images}.gz")));
        fs::write(folder.path().join(&name), bytes).unwrap();
        let error = places(folder.path(), &[]).load().unwrap_err().to_string();
        assert!(error.contains(&format!("{name} is damaged")), "{error}");
        assert_eq!(places(folder.path(), &[address]).load().unwrap().train.len(), 3);
        // Now it is right again.
        places(folder.path(), &[]).load().unwrap();
    }
}

#[test]
fn a_file_that_changed_on_disk_is_an_error_with_both_checksums() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in SMALL {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    assert!(read::folder(folder.path(), Some(&known())).is_ok());
    let path = folder.path().join("t10k-labels-idx1-ubyte");
    fs::write(&path, [0, 0, 8, 1, 0, 0, 0, 2, 1, 1]).unwrap();
    let error = read::folder(folder.path(), Some(&known())).unwrap_err().to_string();
    assert!(error.contains("t10k-labels-idx1-ubyte: found contents with SHA-256"), "{error}");
    assert!(error.contains(known()[3].1), "{error}");
}
