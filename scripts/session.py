"""A session: one evcxr, with a build folder of its own, and the process that looks after it, away from Jupyter.

    target/kernel/session-…/   a clone of the warm build folder, evcxr's settings, and
        lock              held as long as a process of the session lives
        waiting           there until somebody takes the session; holds what it was started with (see standby.py)
        control           the socket at which it is taken
        connection.json   evcxr's ports and their key
        messages          what evcxr wrote to standard error

Who takes a session keeps its control socket open: INTERRUPT through it interrupts a cell, CELL_OVER says that one has
come to its end, and when the socket closes, the session ends.
"""

import contextlib
import fcntl
import os
import secrets
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from jupyter_client.connect import write_connection_file

import build_cache
import clones
from project import EVCXR, KERNELS, cargo_home, kernel_environment

# What evcxr reads when it starts. rust-analyzer inside it takes long over what a notebook asks for first: the
# dependencies and a first variable are there before the kernel says that it is ready. The `:dep` lines are the
# notebooks' own, to the letter but for the path, as messages.py passes them on: then evcxr knows them when they come.
SETTINGS = {
    # Take the crates that set-up has fetched and ask no server. For a crate of your own: `:offline 0`, then `:dep`.
    # Cells compile fast, unless `:opt 2` says otherwise.
    "evcxr.toml": '[evcxr]\noffline_mode = true\nopt_level = "0"\n',
    # With a linker that evcxr finds on PATH, cargo would compile everything anew.
    "init.evcxr": ":linker system\n" + "".join(f":dep {line}\n" for line in build_cache.dependencies().splitlines()),
    "prelude.rs": """\
// A panic shows its message, not the kernel's own call stack, which evcxr asks for.
std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
use cell_generics as _;
use mnist_classification::prelude::*;
let warm_up = Network::mlp([1, 1], 0)?;
// Never run: rust-analyzer learns the types of what notebooks call.
if false {
    let mnist = mnist_or_drawn(0)?;
    let samples = mnist.train.preprocess().to_device(choose_device("auto")?);
    let history = fit(&mut Network::mlp([1, 1], 0)?, &samples, &Training::default())?;
    let predictions = predict(&warm_up, &samples)?;
}
""",
}

# What comes through the control socket.
INTERRUPT, CELL_OVER = b"!", b"."
# How long a training may take to notice that it should stop.
PATIENCE = 2.0
# How often a session that nobody has taken asks itself whether it is still needed.
WAITING_TIME = 15 * 60


# ---- Seen from outside ----


def is_alive(folder):
    """Whether a process of the session lives: one that was killed holds no lock."""
    try:
        # For writing: a networked disk gives no other file this lock.
        with open(folder / "lock", "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def kernels_at_work():
    return [folder for folder in KERNELS.glob("session-*") if not (folder / "waiting").exists() and is_alive(folder)]


@contextlib.contextmanager
def inside(folder):
    """For a socket's name, which must be short: a whole path may be too long."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def start(started_with, library_compiles):
    """Starts a session in the current folder, which then waits to be taken."""
    folder = Path(tempfile.mkdtemp(prefix="session-", dir=KERNELS))
    with contextlib.ExitStack() as stack:
        lock = stack.enter_context(open(folder / "lock", "w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        clones.clone(build_cache.WARM, folder, clones.lasting())
        for name, text in SETTINGS.items():
            # Without its library evcxr could not even start.
            if library_compiles or name == "evcxr.toml":
                (folder / name).write_text(text)
        write_connection_file(str(folder / "connection.json"), ip="127.0.0.1", key=secrets.token_hex().encode())
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        with inside(folder):
            listener.bind("control")
        listener.listen()
        messages = stack.enter_context(open(folder / "messages", "w"))
        # Before the process is there: were its starter killed now, a session that nobody can take would live on.
        (folder / "waiting").write_text(started_with)
        subprocess.Popen(
            [sys.executable, __file__, str(folder), str(lock.fileno()), str(listener.fileno())],
            # Nothing of who starts it: not its group, which may be killed, nor its pipes, at whose end somebody waits.
            start_new_session=True, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages,
            pass_fds=[lock.fileno(), listener.fileno()],
        )  # fmt: skip
    return folder


def take(folder):
    """Opens the control socket; gives it and evcxr's process, or nothing if the session has just ended."""
    control = socket.socket(socket.AF_UNIX)
    try:
        with inside(folder):
            control.connect("control")
        (folder / "waiting").unlink()
        return control, int(control.recv(20))
    except (OSError, ValueError):
        control.close()
        kill_evcxr(folder)
        return None


def kill_evcxr(folder):
    """Where the session's own process was killed, as it is when memory runs out, evcxr lives on and nobody can take it."""
    for process in psutil.process_iter(["cmdline"]):
        if str(folder / "connection.json") in (process.info["cmdline"] or []):
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)


def end(folder):
    """Ends a session that waits; returns when nothing of it is left."""
    if taken := take(folder):
        control, _ = taken
        with control:
            control.shutdown(socket.SHUT_WR)
            while control.recv(20):
                pass


# ---- The process of the session ----


def interrupt(evcxr, request, control):
    """Ends the compiler, where the cell is still compiled, and asks a training at work to stop: both keep the
    notebook's variables. Where neither is there, ends the process that runs the cells, as evcxr itself does at an
    interrupt. A cell that ends by itself meanwhile needs nothing."""
    request.touch()
    deadline = time.monotonic() + PATIENCE
    while request.exists():
        if select.select([control], [], [], 0.01)[0] and received(control) != INTERRUPT:
            request.unlink(missing_ok=True)
        elif kill_compilers(evcxr):
            deadline = time.monotonic() + PATIENCE
        elif time.monotonic() > deadline:
            request.unlink(missing_ok=True)
            for process in psutil.Process(evcxr.pid).children():
                if process.name().startswith("evcxr"):
                    process.kill()


def kill_compilers(evcxr):
    """Tells whether evcxr had a program at work other than the one that runs the cells."""
    found = False
    for process in psutil.Process(evcxr.pid).children():
        # It may end at any moment; what has ended may stay listed until evcxr asks for it.
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name().startswith("evcxr") or process.status() == psutil.STATUS_ZOMBIE:
                continue
            for each in [*process.children(recursive=True), process]:
                each.kill()
            found = True
    return found


def received(control):
    """A byte, or nothing where the other side has closed the control socket or died."""
    try:
        return control.recv(1)
    except OSError:
        return b""


def main(folder, lock, listener):
    variables = kernel_environment()
    variables["EVCXR_TMPDIR"] = str(folder / "cells")
    variables["EVCXR_CONFIG_DIR"] = str(folder)
    # evcxr looks here for a kernel of its own to rewrite: let it find none.
    variables["JUPYTER_PATH"] = str(folder)
    variables["MNIST_INTERRUPT_FILE"] = str(folder / "interrupt")
    if sys.platform == "linux" and "MNIST_PLAIN_CELLS" not in variables:
        variables["PATH"] = f"{build_cache.PROGRAMS / 'bin'}{os.pathsep}{variables['PATH']}"
        # The rust-analyzer within evcxr takes cargo from here, whatever PATH says.
        variables["CELLS_CARGO_HOME"] = str(cargo_home())
        variables["CARGO_HOME"] = str(build_cache.PROGRAMS)
        variables["RUST_SRC_PATH"] = str(build_cache.RUST_SOURCE)
    command = [EVCXR, "--control_file", str(folder / "connection.json")]
    # In a group of its own, which holds the processes that run the cells, too.
    evcxr = subprocess.Popen(command, env=variables, pass_fds=[lock], start_new_session=True)
    signal.signal(signal.SIGTERM, lambda number, frame: evcxr.kill())

    control = None
    deadline = time.monotonic() + WAITING_TIME
    while evcxr.poll() is None:
        if select.select([control or listener], [], [], 0.1)[0]:
            if control is None:
                control, _ = listener.accept()
                listener.close()
                with contextlib.suppress(OSError):
                    control.send(str(evcxr.pid).encode())
            elif (byte := received(control)) == INTERRUPT:
                interrupt(evcxr, folder / "interrupt", control)
            elif not byte:
                evcxr.kill()
        elif control is None and time.monotonic() > deadline:
            deadline += WAITING_TIME
            if not kernels_at_work():
                evcxr.kill()
    # A process that runs a cell would go on training. Where none is left, this fails.
    with contextlib.suppress(OSError):
        os.killpg(evcxr.pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
    if control is not None:
        with contextlib.suppress(OSError):
            control.send(str(evcxr.returncode).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), socket.socket(fileno=int(sys.argv[3])))
