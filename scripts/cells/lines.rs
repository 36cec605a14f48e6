//! Ends the lines that a cell leaves open, as `print!` does. evcxr takes whole lines: without this, such text would stay in
//! Rust's buffer, or share a line with one of evcxr's own words, which evcxr would then miss and wait for.
//!
//! The cells' standard output goes through a pipe and two threads of their process. A process that is killed may lose the last
//! line that it wrote.

use std::{
    env,
    ffi::c_int,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    os::fd::{AsFd, AsRawFd},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

/// What evcxr's own words begin with; the one behind a cell.
const EVCXR: &[u8] = b"EVCXR_";
const CELL_OVER: &[u8] = b"EVCXR_EXECUTION_COMPLETE\n";
/// Printed behind a cell, it takes along what waits in the buffer.
const END: &str = "\u{1}end of the cell\n";
/// How long a cell's end waits for it: a cell may hold standard output's lock.
const PATIENCE: Duration = Duration::from_millis(100);

const SIGABRT: c_int = 6;

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
    unsafe extern "C" {
        fn dup2(from: c_int, to: c_int) -> c_int;
        fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    }
    let output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let (input, pipe) = io::pipe()?;
    let (sender, lines) = sync_channel(64);
    thread::Builder::new().spawn(move || read(input, &sender))?;
    thread::Builder::new().spawn(move || write(&lines, output))?;
    // SAFETY: the pipe is open, and dup2 takes no pointers; the handler only sleeps, which a handler may do.
    unsafe {
        if dup2(pipe.as_raw_fd(), io::stdout().as_raw_fd()) < 0 {
            return Err(io::Error::last_os_error());
        }
        signal(SIGABRT, let_them_write);
    }
    Ok(())
}

/// Gives the threads time for what is left when the process aborts, as it does after a segmentation fault, too.
extern "C" fn let_them_write(_: c_int) {
    thread::sleep(PATIENCE);
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

fn write(lines: &Receiver<Vec<u8>>, mut output: impl Write) -> io::Result<()> {
    for line in lines {
        let start = line.windows(EVCXR.len()).position(|part| part == EVCXR).unwrap_or(line.len());
        let (text, word) = line.split_at(start);
        write_text(text, &mut output)?;
        if word == CELL_OVER {
            // In a thread of its own: it may have to wait until this one has taken what fills the pipe.
            thread::Builder::new().spawn(|| print!("{END}"))?;
            while let Ok(line) = lines.recv_timeout(PATIENCE) {
                write_text(&line, &mut output)?;
                if line.ends_with(END.as_bytes()) {
                    break;
                }
            }
        }
        output.write_all(word)?;
    }
    Ok(())
}

/// Writes text as whole lines, without the end of a cell.
fn write_text(line: &[u8], output: &mut impl Write) -> io::Result<()> {
    let text = line.strip_suffix(END.as_bytes()).unwrap_or(line);
    output.write_all(text)?;
    if text.is_empty() || text.ends_with(b"\n") { Ok(()) } else { output.write_all(b"\n") }
}
