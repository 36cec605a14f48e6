"""Kernels for the tests: started through the Jupyter protocol, and seen from outside."""

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from queue import Empty

import psutil
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpecManager

from common import NOTEBOOKS, ROOT

KERNELS = ROOT / "target" / "kernel"
SPECS = ROOT / ".venv" / "share" / "jupyter" / "kernels"
COLORS = re.compile("\x1b\\[[0-9;]*m")
# A notebook's first cell.
FIRST_CELL = ':dep mnist-classification = { path = ".." }\nuse mnist_classification::prelude::*;'


class Kernel:
    """A kernel, and a client that runs cells in it."""

    def __init__(self, specs=SPECS, folder=NOTEBOOKS, has_session=True, independent=False, **variables):
        specs = KernelSpecManager(kernel_dirs=[str(specs)])
        self.manager = KernelManager(kernel_name="rust-mnist", kernel_spec_manager=specs)
        self.messages = tempfile.TemporaryFile("w+")
        self.manager.start_kernel(
            cwd=str(folder), env=os.environ | variables, stderr=self.messages, independent=independent
        )
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        try:
            self.client.wait_for_ready(timeout=600)
            if has_session:
                self.run("")  # A kernel answers before it can run a cell.
        except RuntimeError as error:
            self.messages.seek(0)
            raise RuntimeError(self.messages.read()) from error

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.messages.close()

    def run(self, code, seen=lambda text: None):
        """Runs a cell; gives what it printed, and its errors, which evcxr prints too where a cell fails at run time.
        `seen` gets the text as it comes."""
        texts = {"stdout": [], "stderr": []}

        def collect(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                texts[content["name"]].append(content["text"])
                seen(content["text"])
            if message["msg_type"] == "error":
                texts["stderr"].append(COLORS.sub("", "\n".join(content["traceback"])))

        self.client.execute_interactive(code, timeout=600, output_hook=collect)
        # evcxr passes on what a cell wrote to standard error a moment after its reply.
        with contextlib.suppress(Empty):
            while True:
                collect(self.client.get_iopub_msg(timeout=0.2))
        # What is written over does not show.
        printed = "\n".join(line.rpartition("\r")[2] for line in "".join(texts["stdout"]).split("\n"))
        return printed, "".join(texts["stderr"])

    def shown(self, code, seen=lambda text: None):
        """Runs a cell; gives its status and what it shows by messages of its own, as their kinds and contents.
        `seen` gets the text."""
        shown = []

        def collect(message):
            if message["msg_type"] in ("display_data", "update_display_data"):
                shown.append((message["msg_type"], message["content"]))
            if message["msg_type"] == "stream":
                seen(message["content"]["text"])

        reply = self.client.execute_interactive(code, timeout=600, output_hook=collect)
        return reply["content"]["status"], shown

    def kill(self):
        """As when the machine's memory runs out: no process of the kernel can do anything any more."""
        os.killpg(self.manager.provisioner.pgid, signal.SIGKILL)


def started(count, **options):
    """So many kernels, all started at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: Kernel(**options), range(count)))


def sessions():
    """Of kernels at work; a standby kernel has none yet."""
    # Who starts a session holds this lock until the session waits.
    with open(KERNELS / "warm.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return {folder for folder in KERNELS.glob("session-*") if not (folder / "waiting").exists()}


def standbys(root=ROOT):
    return [path.parent for path in root.glob("target/kernel/session-*/waiting")]


def standby(root=ROOT, notebooks=NOTEBOOKS, **variables):
    """The folder of a standby kernel that is ready, for notebooks in this folder."""
    command = [sys.executable, str(root / "scripts" / "standby.py"), str(notebooks)]
    subprocess.run(command, env=os.environ | variables, stderr=subprocess.DEVNULL, check=True)
    [folder] = standbys(root)
    client = BlockingKernelClient(connection_file=str(folder / "connection.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=600)
    client.stop_channels()
    return folder


def processes(folder):
    """All processes of the session in this folder."""
    [keeper] = [
        process for process in psutil.process_iter(["cmdline"]) if (process.info["cmdline"] or [])[2:3] == [str(folder)]
    ]
    return [keeper, *keeper.children(recursive=True)]


def eventually(condition):
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()
