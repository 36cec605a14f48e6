//! Detects file types by their magic bytes.

/// First bytes of files, and what they are.
const SIGNATURES: [(&[u8], &str); 24] = [
    (b"version https://git-lfs", "a pointer of git-lfs (git lfs pull fetches the file)"),
    (b"\x1f\x8b", "a gzip file (unpack it)"),
    (b"\x1f\x9d", "a file packed by compress (unpack it)"),
    (b"PK\x03\x04", "a zip archive (unpack it)"),
    (b"BZh", "a file packed by bzip2 (unpack it)"),
    (b"\xfd7zXZ\0", "a file packed by xz (unpack it)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive (unpack it)"),
    (b"Rar!", "a RAR archive (unpack it)"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd (unpack it)"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PAR1", "a Parquet file"),
    (b"ARROW1", "an Arrow file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"MATLAB", "a MATLAB file"),
    (b"%PDF", "a PDF document (save its page as a picture)"),
    (b"\x89PNG", "a PNG picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"BM", "a BMP picture"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
];

/// Says what a file is that begins with these bytes, where that can be told.
pub fn kind(start: &[u8]) -> Option<String> {
    let signature = SIGNATURES.iter().find(|(signature, _)| start.starts_with(signature));
    let what = match (signature, start) {
        (_, []) => "an empty file",
        (Some((_, what)), _) => what,
        (None, [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..]) => {
            let is_picture = ["heic", "heix", "mif1", "avif"].iter().any(|known| brand.starts_with(known.as_bytes()));
            if is_picture { "a HEIC or AVIF picture (save it as JPEG)" } else { "a film" }
        }
        _ => text_kind(start)?,
    };
    Some(what.into())
}

/// Says what text is that begins with these bytes, or nothing where they are no text.
fn text_kind(start: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start)).to_lowercase();
    // A letter of several bytes may be cut at the end.
    let text = text.strip_suffix(char::REPLACEMENT_CHARACTER).unwrap_or(&text).trim_start();
    let is_foreign =
        |letter: char| letter == char::REPLACEMENT_CHARACTER || letter.is_control() && !letter.is_whitespace();
    if text.is_empty() || text.contains(is_foreign) {
        return None;
    }
    let kinds = [
        (text.starts_with("<!doctype html") || text.starts_with("<html"), "a web page (download the file itself)"),
        (text.contains("<svg"), "an SVG drawing (export it as PNG)"),
        (text.starts_with('<'), "a web page or another XML document (download the file itself)"),
        (text.starts_with(['{', '[']), "JSON text (download the file itself)"),
        (text.lines().next().is_some_and(|line| line.matches([',', ';', '\t']).count() > 2), "a table (CSV)"),
        (true, "text"),
    ];
    kinds.into_iter().find_map(|(is_kind, what)| is_kind.then_some(what))
}
