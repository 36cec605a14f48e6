"""Jupyter starts this as the kernel: it takes a session in which evcxr is ready, and passes messages to it and back.

The session has ports and a key of its own, because it was there before Jupyter chose them (see standby.py and session.py).
"""

import contextlib
import hashlib
import hmac
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import zmq

import session
import standby
import build_cache

DELIMITER = b"<IDS|MSG>"
# Jupyter's side of a channel, and evcxr's.
CHANNELS = {
    "iopub": (zmq.PUB, zmq.SUB),
    "shell": (zmq.ROUTER, zmq.DEALER),
    "control": (zmq.ROUTER, zmq.DEALER),
    "stdin": (zmq.ROUTER, zmq.DEALER),
}
PATH_CRATE = re.compile(r'^(:dep +([\w-]+) *=.*\bpath *= *")([^"]+)(")', re.MULTILINE)
# So long a kernel is quiet before the next standby kernel is started: it takes the processor for a while.
QUIET_SECONDS = 20
# How long printed text waits for more of it, and how many messages are joined at most.
JOINING_SECONDS = 0.005
MOST_JOINED = 1_000
# A cell's text that ends so stays open, and the next may be written over it: evcxr itself passes on whole lines.
OPEN_END = "\x1f\n"
# How often a kernel looks whether the Jupyter that started it still runs.
PARENT_SECONDS = 5


def address(connection, channel):
    separator = "-" if connection["transport"] == "ipc" else ":"
    return f"{connection['transport']}://{connection['ip']}{separator}{connection[channel + '_port']}"


def new_socket(context, kind):
    made = context.socket(kind)
    made.set_hwm(0)  # Drop no message, however many wait.
    made.linger = 1000
    return made


def jupyters_sockets(context, connection):
    sockets = {}
    for channel, (kind, _) in CHANNELS.items():
        sockets[channel] = new_socket(context, kind)
        if kind == zmq.ROUTER:
            sockets[channel].router_handover = 1  # A client may come back under its name.
        sockets[channel].bind(address(connection, channel))
    return sockets


def evcxrs_sockets(context, connection):
    sockets = {}
    for channel, (_, kind) in CHANNELS.items():
        sockets[channel] = new_socket(context, kind)
        if kind == zmq.SUB:
            sockets[channel].subscribe(b"")
        else:
            # A cell's question goes to the name from which the cell came.
            sockets[channel].identity = b"launcher"
        sockets[channel].connect(address(connection, channel))
    return sockets


def answer_heartbeat(connection):
    """Runs beside all else, from the beginning to the end."""
    heartbeat = new_socket(zmq.Context(), zmq.REP)
    heartbeat.bind(address(connection, "hb"))
    while True:
        heartbeat.send_multipart(heartbeat.recv_multipart())


def sign(key, parts):
    return hmac.new(key.encode(), b"".join(parts[:4]), hashlib.sha256).hexdigest().encode() if key else b""


def signed_anew(frames, old_key, new_key):
    """The message for the other side, or nothing if its signature is wrong. It is: names, delimiter, signature, header,
    parent's header, metadata, content."""
    start = frames.index(DELIMITER) + 1 if DELIMITER in frames else len(frames)
    parts = frames[start + 1 :]
    if len(parts) < 4 or not hmac.compare_digest(frames[start], sign(old_key, parts)):
        return None
    if json.loads(parts[0])["msg_type"] == "execute_request":
        parts[3] = with_this_library(parts[3])
    return [*frames[:start], sign(new_key, parts), *parts]


def stream_of(frames):
    """The cell and the stream that printed a text; nothing for other messages."""
    if DELIMITER in frames and json.loads(frames[-4])["msg_type"] == "stream":
        return frames[-3], json.loads(frames[-1])["name"]
    return None


def received(source, is_output):
    """The messages that have come. Behind a cell's printed text a moment passes, so that its lines can be joined."""
    messages = [source.recv_multipart()]
    if is_output and stream_of(messages[0]):
        time.sleep(JOINING_SECONDS)
        with contextlib.suppress(zmq.Again):
            while len(messages) < MOST_JOINED:
                messages.append(source.recv_multipart(zmq.NOBLOCK))
    return messages


def joined(messages, key):
    """evcxr sends each printed line by itself, and Jupyter drops lines when there are too many: neighbours of one cell and
    one stream become one message."""
    for stream, group in itertools.groupby(messages, stream_of):
        first, *others = group
        if stream is None:
            yield from [first, *others]
            continue
        text = "".join(json.loads(frames[-1])["text"] for frames in [first, *others]).replace(OPEN_END, "")
        parts = [*first[-4:-1], json.dumps({"name": stream[1], "text": text}).encode()]
        yield [*first[:-5], sign(key, parts), *parts]


def with_this_library(content):
    """A cell whose `:dep` line names a crate of this repository by a path at which there is none, as in a notebook that was
    copied to another folder, gets the path of the one here."""
    ours = build_cache.path_crates()

    def right_path(found):
        name, manifest = found[2], Path(found[3]) / "Cargo.toml"
        is_there = manifest.exists() and f'name = "{name}"' in manifest.read_text(errors="replace")
        return found[0] if is_there or name not in ours else found[1] + ours[name] + found[4]

    cell = json.loads(content)
    cell["code"] = PATH_CRATE.sub(right_path, cell["code"])
    return json.dumps(cell).encode()


def wait_until_ready(evcxr, key, control):
    """Asks until evcxr answers on iopub, too: until then it would lose what a first cell prints."""
    header = {
        "msg_id": "ready",
        "msg_type": "kernel_info_request",
        "session": "launcher",
        "username": "launcher",
        "version": "5.3",
    }
    parts = [json.dumps(header).encode(), b"{}", b"{}", b"{}"]
    poller = zmq.Poller()
    poller.register(evcxr["shell"], zmq.POLLIN)
    poller.register(control.fileno(), zmq.POLLIN)
    while not evcxr["iopub"].poll(20):
        evcxr["shell"].send_multipart([DELIMITER, sign(key, parts), *parts])
        if control.fileno() in dict(poller.poll()):
            return  # The session has ended.
        evcxr["shell"].recv_multipart()


def is_busy(frames, before):
    """Whether a cell is at work, after this message on iopub."""
    header, content = frames[-4], frames[-1]
    if json.loads(header)["msg_type"] == "status":
        return json.loads(content)["execution_state"] == "busy"
    return before


def is_orphaned():
    """Whether the Jupyter that started this was killed and could not end its kernels. One that lets its kernels outlive it
    sets no variable."""
    parent = os.environ.get("JPY_PARENT_PID")
    return parent is not None and int(parent) != os.getppid()


def tell(control, byte):
    """A session that has just ended hears nothing any more."""
    with contextlib.suppress(OSError):
        control.send(byte)


def pass_messages(jupyter, jupyters_key, evcxr, evcxrs_key, control):
    """Until the session ends."""
    poller = zmq.Poller()
    poller.register(control.fileno(), zmq.POLLIN)
    ways = {}
    for channel in CHANNELS:
        ways[evcxr[channel]] = (jupyter[channel], evcxrs_key, jupyters_key)
        if channel != "iopub":
            ways[jupyter[channel]] = (evcxr[channel], jupyters_key, evcxrs_key)
    for source in ways:
        poller.register(source, zmq.POLLIN)
    busy, next_standby, last_message = False, None, time.monotonic()
    # With no cell at work an interrupt would meet the next one.
    signal.signal(signal.SIGINT, lambda number, frame: busy and tell(control, session.INTERRUPT))
    while not is_orphaned():
        events = dict(poller.poll(1000 * PARENT_SECONDS))
        if events:
            last_message = time.monotonic()
        for source, (target, old_key, new_key) in ways.items():
            is_output = source == evcxr["iopub"]
            messages = received(source, is_output) if source in events else []
            messages = [frames for each in messages if (frames := signed_anew(each, old_key, new_key))]
            for frames in joined(messages, new_key) if is_output else messages:
                target.send_multipart(frames)
                if is_output:
                    was_busy, busy = busy, is_busy(frames, busy)
                    if was_busy and not busy:
                        tell(control, session.CELL_OVER)
        if list(events) == [control.fileno()]:
            return
        is_quiet = not busy and time.monotonic() - last_message > QUIET_SECONDS
        if is_quiet and next_standby is None:
            silent = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.DEVNULL)
            next_standby = subprocess.Popen([sys.executable, standby.__file__, os.getcwd()], **silent)


def main(connection_file):
    # Jupyter interrupts by a signal to all processes of the kernel.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    context = zmq.Context()
    connection = json.loads(Path(connection_file).read_text())
    threading.Thread(target=answer_heartbeat, args=[connection], daemon=True).start()
    jupyter = jupyters_sockets(context, connection)
    folder, control, process = standby.take()
    messages = open(folder / "messages")

    sessions_connection = json.loads((folder / "connection.json").read_text())
    evcxr = evcxrs_sockets(context, sessions_connection)
    wait_until_ready(evcxr, sessions_connection["key"], control)
    pass_messages(jupyter, connection["key"], evcxr, sessions_connection["key"], control)

    context.destroy()
    control.shutdown(socket.SHUT_WR)
    status = control.recv(20)
    if not status:
        # The session's own process was killed and could not end evcxr's.
        with contextlib.suppress(OSError):
            os.killpg(process, signal.SIGKILL)
    if status != b"0":
        sys.stderr.write(messages.read())
    sys.exit(int(status or 1))


if __name__ == "__main__":
    main(sys.argv[1])
