"""Jupyter starts this as the kernel: it takes a session in which evcxr is ready, and passes messages to it and back.

The session has ports and a key of its own, because it was there before Jupyter chose them (see standby.py and
session.py).
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zmq

import session
import standby
from messages import DELIMITER, answer_kernel_info, is_busy, is_display, joined, kind_of, message, printed, signed_anew

# Jupyter's side of a channel, and evcxr's.
CHANNELS = {
    "iopub": (zmq.PUB, zmq.SUB),
    "shell": (zmq.ROUTER, zmq.DEALER),
    "control": (zmq.ROUTER, zmq.DEALER),
    "stdin": (zmq.ROUTER, zmq.DEALER),
}
# So long a kernel is quiet before the next standby kernel is started: it takes the processor for a while.
QUIET_SECONDS = 20
# How long printed text waits for more of it, what replaces a picture for the next one, and how many messages at most.
JOINING_SECONDS = 0.005
REPLACING_SECONDS = 0.1
MOST_JOINED = 1_000
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


def received(source, is_output):
    """The messages that have come. Behind what a cell prints or shows a moment passes, so that more can be joined to
    it."""
    messages = [source.recv_multipart()]
    places = [place for place, _ in printed(messages[0])] if is_output else []
    for seconds in [JOINING_SECONDS, REPLACING_SECONDS] if places else []:
        time.sleep(seconds)
        with contextlib.suppress(zmq.Again):
            while len(messages) < MOST_JOINED:
                messages.append(source.recv_multipart(zmq.NOBLOCK))
        if not any(is_display(place) for frames in messages for place, _ in printed(frames)):
            break
    return messages


def wait_until_ready(evcxr, key, control):
    """Asks until evcxr answers on iopub, too: until then it would lose what a first cell prints."""
    poller = zmq.Poller()
    poller.register(evcxr["shell"], zmq.POLLIN)
    poller.register(control.fileno(), zmq.POLLIN)
    while not evcxr["iopub"].poll(20):
        evcxr["shell"].send_multipart(message(key, "kernel_info_request", {}))
        if control.fileno() in dict(poller.poll()):
            return  # The session has ended.
        evcxr["shell"].recv_multipart()


def take_session(context, tell):
    """A session that is ready: its folder, control socket and process, and the sockets and the key of its evcxr."""
    folder, control, process = standby.take(tell)
    connection = json.loads((folder / "connection.json").read_text())
    evcxr = evcxrs_sockets(context, connection)
    wait_until_ready(evcxr, connection["key"], control)
    return folder, control, process, evcxr, connection["key"]


def wait_for_session(jupyter, key, is_ready, compiling):
    """Minutes pass where something has to be compiled, and some Jupyters wait no longer than one for an answer. The
    first cell shows what is `compiling`. Returns what came meanwhile."""
    waiting, cell = [], None
    poller = zmq.Poller()
    for channel in ("shell", "control"):
        poller.register(jupyter[channel], zmq.POLLIN)
    while not is_ready():
        if is_orphaned():
            os._exit(1)
        for source, _ in poller.poll(20):
            frames = signed_anew(source.recv_multipart(), key, key)
            if frames and not answer_kernel_info(jupyter, source, frames, key, busy=cell is not None):
                waiting.append((source, frames))
                if cell is None and kind_of(frames) == "execute_request":
                    cell = frames[frames.index(DELIMITER) + 2]
                    jupyter["iopub"].send_multipart(
                        message(key, "status", {"execution_state": "busy"}, [b"status"], cell)
                    )
        while cell and compiling:
            line = {"name": "stdout", "text": compiling.popleft()}
            jupyter["iopub"].send_multipart(message(key, "stream", line, [b"stream"], cell))
    return waiting


def watched_parent():
    """The Jupyter that started this, if this must end with it. One that lets its kernels outlive it sets no
    variable; nor does VS Code, which leaves its own."""
    if {"VSCODE_PID", "VSCODE_AGENT_FOLDER"} & os.environ.keys():
        return os.getppid()
    return int(os.environ.get("JPY_PARENT_PID", 0))


PARENT = watched_parent()


def is_orphaned():
    """Whether that Jupyter was killed and could not end its kernels."""
    return PARENT and PARENT != os.getppid()


def tell(control, byte):
    """A session that has just ended hears nothing any more."""
    with contextlib.suppress(OSError):
        control.send(byte)


def pass_messages(jupyter, jupyters_key, evcxr, evcxrs_key, control, waiting):
    """Those that wait, and all others until the session ends."""
    poller = zmq.Poller()
    poller.register(control.fileno(), zmq.POLLIN)
    ways = {}
    for channel in CHANNELS:
        ways[evcxr[channel]] = (jupyter[channel], evcxrs_key, jupyters_key)
        if channel != "iopub":
            ways[jupyter[channel]] = (evcxr[channel], jupyters_key, evcxrs_key)
    for source in ways:
        poller.register(source, zmq.POLLIN)
    for source, frames in waiting:
        if frames := signed_anew(frames, jupyters_key, evcxrs_key):
            ways[source][0].send_multipart(frames)
    busy, next_standby, last_message, shown = False, None, time.monotonic(), set()
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
            if old_key == jupyters_key:
                messages = [each for each in messages if not answer_kernel_info(jupyter, source, each, old_key, busy)]
            for frames in joined(messages, new_key, shown) if is_output else messages:
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
    with ThreadPoolExecutor() as pool:
        compiling = deque()
        taken = pool.submit(take_session, context, compiling.append)
        waiting = wait_for_session(jupyter, connection["key"], taken.done, compiling)
    folder, control, process, evcxr, key = taken.result()
    messages = open(folder / "messages")
    pass_messages(jupyter, connection["key"], evcxr, key, control, waiting)

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
