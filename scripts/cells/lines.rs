//! Ends the lines that a cell leaves open, as `print!` does. evcxr takes whole lines: without this, such text would
//! stay in Rust's buffer, or share a line with one of evcxr's own words, which evcxr would then miss and wait for.
//!
//! The cells' standard output goes through a pipe and two threads of their process. What a process wrote last may be
//! lost when it is killed.

use std::{
    env,
    ffi::c_int,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    os::fd::{AsFd, AsRawFd},
    sync::{
        atomic::{AtomicBool, AtomicI32, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

/// evcxr's own words: those that are a whole line, the first of them behind each cell, and those with something behind
/// them.
const LINES: [&str; 4] =
    ["EVCXR_EXECUTION_COMPLETE\n", "EVCXR_PANIC_NOTIFICATION\n", "EVCXR_ERROR_OCCURRED\n", "EVCXR_END_CONTENT\n"];
const BEGINNINGS: [&str; 3] = ["EVCXR_BEGIN_CONTENT ", "EVCXR_VARIABLE_CHANGED_TYPE:", "EVCXR_INPUT_REQUEST"];
/// Printed behind a cell, it takes along what waits in the buffer.
const END: &str = "\u{1}end of the cell\n";
/// How long a cell's end waits for it: a cell may hold standard output's lock.
const PATIENCE: Duration = Duration::from_millis(100);
/// How many milliseconds a process that ends waits for the threads: a child of its own may hold the pipe open.
const LAST_MILLISECONDS: u32 = 2_000;
const SIGABRT: c_int = 6;

/// The output that evcxr reads, and whether all is written there.
static OUTPUT: AtomicI32 = AtomicI32::new(-1);
static IS_WRITTEN: AtomicBool = AtomicBool::new(false);

unsafe extern "C" {
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn atexit(handler: extern "C" fn()) -> c_int;
}

/// The system calls this when a process loads the library.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    if env::var_os("EVCXR_IS_RUNTIME").is_some() {
        // Where the system refuses, everything stays as evcxr has it.
        let _ = redirect();
    }
}

fn redirect() -> io::Result<()> {
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    OUTPUT.store(output.as_raw_fd(), Ordering::Relaxed);
    let (input, pipe) = io::pipe()?;
    let (sender, lines) = sync_channel(64);
    thread::Builder::new().spawn(move || read(input, &sender))?;
    thread::Builder::new().spawn(move || {
        let _ = write(&lines, output);
        IS_WRITTEN.store(true, Ordering::Release);
    })?;
    // SAFETY: the pipe is open, and none of the three takes a pointer to data; `finish` does what a handler may do.
    unsafe {
        if dup2(pipe.as_raw_fd(), io::stdout().as_raw_fd()) < 0 {
            return Err(io::Error::last_os_error());
        }
        signal(SIGABRT, finish_aborted);
        atexit(finish);
    }
    Ok(())
}

/// Closes the pipe and waits until all that came through it is written, when the process ends by itself.
extern "C" fn finish() {
    // SAFETY: both descriptors are open as long as the threads are at work.
    unsafe { dup2(OUTPUT.load(Ordering::Relaxed), 1) };
    for _ in 0..LAST_MILLISECONDS {
        if IS_WRITTEN.load(Ordering::Acquire) {
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// A segmentation fault ends in an abort, too.
extern "C" fn finish_aborted(_: c_int) {
    finish();
}

/// Until the process closes its output, or nobody takes the lines any more.
fn read(input: impl Read, lines: &SyncSender<Vec<u8>>) {
    let mut input = BufReader::new(input);
    loop {
        let mut line = Vec::new();
        match input.read_until(b'\n', &mut line) {
            Ok(1..) if lines.send(line).is_ok() => {}
            _ => return,
        }
    }
}

fn write(lines: &Receiver<Vec<u8>>, output: File) -> io::Result<()> {
    let mut output = Output { file: output, is_open: false };
    for line in lines {
        let line = line.strip_suffix(END.as_bytes()).unwrap_or(&line);
        let (text, word) = line.split_at(word_in(line).unwrap_or(line.len()));
        output.put(text)?;
        if word == LINES[0].as_bytes() {
            put_what_waits(lines, &mut output)?;
        }
        if output.is_open && !word.is_empty() {
            output.put(b"\n")?;
        }
        output.put(word)?;
    }
    Ok(())
}

/// Writes what a cell has left in Rust's buffer.
fn put_what_waits(lines: &Receiver<Vec<u8>>, output: &mut Output) -> io::Result<()> {
    // In a thread of its own: it may have to wait until this one has taken what fills the pipe. Where there is none to
    // be had, the time passes.
    let _ = thread::Builder::new().spawn(|| print!("{END}"));
    let deadline = Instant::now() + PATIENCE;
    while let Some(left) = deadline.checked_duration_since(Instant::now())
        && let Ok(line) = lines.recv_timeout(left)
    {
        match line.strip_suffix(END.as_bytes()) {
            Some(text) => return output.put(text),
            None => output.put(&line)?,
        }
    }
    Ok(())
}

/// What evcxr reads.
struct Output {
    file: File,
    /// Whether the last line lacks its end.
    is_open: bool,
}

impl Output {
    fn put(&mut self, text: &[u8]) -> io::Result<()> {
        if let Some(&last) = text.last() {
            self.is_open = last != b'\n';
        }
        // evcxr takes no other text than UTF-8.
        self.file.write_all(String::from_utf8_lossy(text).as_bytes())
    }
}

/// Where one of evcxr's own words begins.
fn word_in(line: &[u8]) -> Option<usize> {
    let is_word = |rest: &[u8]| {
        LINES.iter().any(|word| rest == word.as_bytes())
            || BEGINNINGS.iter().any(|word| rest.starts_with(word.as_bytes()))
    };
    (0..line.len()).find(|&start| line[start] == b'E' && is_word(&line[start..]))
}
