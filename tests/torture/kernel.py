"""A kernel under stress, and one whose processes are killed one by one."""

import contextlib
import json
import random
import re
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import psutil

from report import Torture, times

from common import STANDBY
from kernel_client import FIRST_CELL, KERNELS, Kernel, eventually, processes, sessions, standbys
from lab import jupyterlab

LIMIT = 60  # seconds for an answer


def kernel_processes():
    """All processes of kernels that there are."""
    names = {"evcxr_jupyter", "session.py", "kernel.py"}
    return {
        process
        for process in psutil.process_iter(["cmdline"])
        if names & {Path(word).name for word in process.info["cmdline"] or []}
    }


class Stress(Torture):
    part = "The kernel under stress"

    @classmethod
    def setUpClass(cls):
        before = sessions()
        cls.kernel = Kernel()
        cls.addClassCleanup(cls.kernel.stop)
        [cls.session] = sessions() - before
        cls.kernel.run(FIRST_CELL)

    def assert_answers(self):
        self.assertEqual(self.kernel.run('println!("{}", 6 * 7);'), ("42\n", ""))

    def run_and(self, code, then, after=1.5):
        """Runs a cell during which `then` happens; gives its error and how long it took to end."""
        started = time.monotonic()
        timer = threading.Timer(after, then)
        timer.start()
        printed, error = self.kernel.run(code)
        timer.join()
        return error, time.monotonic() - started

    def test_many_cells(self):
        count = times(500)
        for number in range(count):
            code = f'let number = {number};\nprintln!("{{}}", number * 2);'
            self.assertEqual(self.kernel.run(code), (f"{2 * number}\n", ""))
        self.tried("cells in one kernel", count, "each gave its answer")

    def test_much_output(self):
        megabytes = times(50)
        printed, error = self.kernel.run(f'for _ in 0..{megabytes * 100} {{ println!("{{}}", "x".repeat(9_999)); }}')
        self.assertEqual((len(printed), error), (megabytes * 1_000_000, ""))
        self.tried(f"a cell that prints {megabytes} MB", 1, "all of it arrived")

    def test_cells_that_end_their_process(self):
        for code in [
            'panic!("on purpose");',
            "std::process::abort();",
            "std::process::exit(3);",
            "unsafe { std::ptr::write_volatile(8 as *mut u8, 1) };",
        ]:
            self.assertNotEqual(self.kernel.run(code)[1], "")
            self.assert_answers()
        self.tried("a panic, an abort, `process::exit`, a segmentation fault", 4, "an error; the next cell worked")

    def test_a_cell_that_takes_all_memory(self):
        self.assert_answers()
        cells = processes(self.session)[-1]
        for process in processes(self.session)[2:]:
            process.rlimit(psutil.RLIMIT_AS, (6 << 30, 6 << 30))
        error, seconds = self.run_and("let mut all = Vec::new();\nloop { all.push(vec![1u8; 1 << 26]); }", lambda: None)
        self.assertRegex(error, "memory allocation of|Subprocess terminated")
        self.assertFalse(cells.is_running())
        self.assert_answers()
        self.tried(
            "a cell that takes memory until it has 6 GB, and may have no more",
            1,
            f"an error after {seconds:.0f} s; the next cell worked",
        )

    def test_interrupts(self):
        interrupt = self.kernel.manager.interrupt_kernel

        def twice():
            interrupt()
            time.sleep(0.5)
            interrupt()

        endless = "loop { std::hint::spin_loop(); }"
        slow = "let mut table = std::collections::BTreeMap::new();\n" + "".join(
            f"table.insert({i}, vec![{i}; 3]);\n" for i in range(300)
        )
        for what, code, then, after in [
            ("an interrupt of an endless loop", endless, interrupt, 1.5),
            ("two interrupts within a second", endless, twice, 1.5),
            ("an interrupt while a cell is compiled", slow, interrupt, 0.3),
        ]:
            for _ in range(times(10)):
                error, seconds = self.run_and(code, then, after)
                self.assertLess(seconds, LIMIT)
                self.assert_answers()
            self.tried(what, times(10), "the cell ended; the next one worked")
        for _ in range(times(10)):
            interrupt()
            time.sleep(0.2)
            self.assert_answers()
        self.tried("an interrupt with no cell running", times(10), "the next cell worked")


class Killed(Torture):
    """The processes of a kernel, killed one by one at random moments."""

    part = "The kernel's processes killed"

    def setUp(self):
        subprocess.run([*STANDBY, "--end"], check=True)
        self.before = kernel_processes(), set(KERNELS.glob("session-*"))
        self.moments = random.Random(1)

    def assert_nothing_stays(self):
        self.assertTrue(
            eventually(lambda: kernel_processes() <= self.before[0] | self.of_standbys()), "a process stays"
        )
        subprocess.run([*STANDBY, "--end"], check=True)
        self.assertEqual(set(KERNELS.glob("session-*")), self.before[1])
        self.assertTrue(eventually(lambda: kernel_processes() <= self.before[0]), "a process stays")

    def of_standbys(self):
        with contextlib.suppress(psutil.NoSuchProcess, ValueError):
            return {process for folder in standbys() for process in processes(folder)}
        return set()

    def test_of_a_notebook(self):
        kinds = ["launcher", "session", "evcxr", "cells"]
        for number in range(times(40)):
            kind = kinds[number % 4]
            before = sessions()
            kernel = Kernel()
            try:
                if number % 8 < 4:
                    kernel.run("let two = 2;")
                    kernel.client.execute("loop { std::hint::spin_loop(); }")
                time.sleep(self.moments.uniform(0, 2))
                [session] = sessions() - before
                keeper, evcxr, *cells = processes(session)
                found = {"launcher": psutil.Process(kernel.manager.provisioner.pid), "session": keeper, "evcxr": evcxr}
                (found.get(kind) or cells[0]).kill()
                if kind == "cells":
                    # evcxr starts another one.
                    self.assertTrue(eventually(lambda: kernel.run('println!("{}", 6 * 7);')[0] == "42\n"))
                else:
                    self.assertTrue(eventually(lambda: not kernel.manager.is_alive()), f"{kind}: the launcher stays")
                    self.assertTrue(
                        eventually(lambda: not session.exists() or kind == "session"), f"{kind}: its folder stays"
                    )
            finally:
                kernel.stop()
            self.assert_nothing_stays()
        self.tried("SIGKILL to the launcher, the session, evcxr or the process of the cells, idle or in a cell", times(40),
                   "no process and no folder stayed; the next notebook opened")  # fmt: skip

    def test_of_jupyterlab(self):
        for _ in range(times(10)):
            with tempfile.TemporaryDirectory() as folder:
                with jupyterlab(Path(folder)) as address:
                    server, token = re.match(r"(http://[^/]+)/lab\?token=(\w+)", address).groups()
                    body = json.dumps({"name": "rust-mnist"}).encode()
                    request = urllib.request.Request(f"{server}/api/kernels", body, {"Authorization": f"token {token}"})
                    urllib.request.urlopen(request, timeout=LIMIT).read()
                    time.sleep(self.moments.uniform(0, 8))
                    [jupyter] = [
                        process for process in psutil.Process().children() if "jupyterlab" in process.cmdline()
                    ]
                    jupyter.kill()
            self.assert_nothing_stays()
        self.tried(
            "SIGKILL to JupyterLab with a kernel that starts or is ready", times(10), "no process and no folder stayed"
        )
