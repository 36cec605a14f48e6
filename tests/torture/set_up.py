"""Set-up under fault: it comes to its end, or one message says what to do."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from disks import can_mount, ram_disk
from report import QUICK, ROOT, Torture, run

from kernel_client import FIRST_CELL, Kernel
from kernels import NOT_COPIED, link_compiled

GOES_ON = "The same command goes on from here."


def link_if_large(source, target):
    (os.link if os.stat(source).st_size > 1_000_000 else shutil.copy2)(source, target)


class SetUp(Torture):
    part = "Set-up under fault"

    def setUp(self):
        # On the disk of what is compiled, which copies link to.
        folder = tempfile.TemporaryDirectory(dir=ROOT / "target", ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def copy(self, name="repository", prepared=False):
        """The repository's own files; a prepared one has what set-up has installed and compiled here, too."""
        copy = self.folder / name
        shutil.copytree(ROOT, copy, ignore=lambda place, names: NOT_COPIED if Path(place) == ROOT else [])
        if prepared:
            (copy / "libtorch").symlink_to(ROOT / "libtorch")
            (copy / ".venv").mkdir()
            # The kernel's specification, in share, is its own.
            for name in ("bin", "installed", "lib", "pyvenv.cfg"):
                (copy / ".venv" / name).symlink_to(ROOT / ".venv" / name)
            link_compiled(copy)
        return copy

    def set_up(self, folder, *words, limit=300, command=(sys.executable,), **variables):
        done = run(*words, "scripts/setup.py", folder=folder, limit=limit, command=command, **variables)
        self.assertNotIn("Traceback", done.errors)
        return done

    def assert_says(self, what, done, *patterns):
        self.assertNotEqual(done.code, 0)
        for pattern in patterns:
            self.assertRegex(done.errors, pattern)
        said = next(line for line in done.errors.splitlines() if re.search(patterns[0], line))
        self.tried(what, 1, f"“{said.replace(str(self.folder), '').strip(' -')}”")

    def test_what_is_missing_or_wrong(self):
        copy = self.copy()
        old = "import runpy, sys; sys.version_info = (3, 8, 1); runpy.run_path(sys.argv[1], run_name='__main__')"
        self.assert_says(
            "Python 3.8", self.set_up(copy, "-c", old), r"Python 3\.8 is too old, 3\.10 or newer is needed"
        )
        self.assert_says(
            "no C++ compiler",
            self.set_up(copy, CXX="/nowhere/c++"),
            r"a C\+\+ compiler \(/nowhere/c\+\+ does not run\)",
        )
        for name in ("one,two", "one two"):
            self.assert_says(
                f"the folder “{name}”",
                self.set_up(self.copy(name)),
                "a folder with neither spaces nor commas in its path",
            )
        alone = {"PATH": str(self.folder), "CARGO_HOME": str(self.folder)}
        self.assert_says("no Rust", self.set_up(copy, **alone), "Rust 1.*https://rustup.rs")
        if shutil.which("rustup"):
            self.assert_says(
                "no rust-src",
                self.set_up(copy, **self.rust_without_source()),
                "rust-src, the source of Rust's own library",
            )
        for what, version, pattern in [
            ("a LIBTORCH that is none", None, "holds no libtorch"),
            ("libtorch 2.0.0 in LIBTORCH", "2.0.0", r"is libtorch 2\.0\.0, but the tch crate used here binds"),
        ]:
            libtorch = self.folder / f"libtorch {version}"
            header = libtorch / "include" / "torch" / "headeronly" / "version.h"
            header.parent.mkdir(parents=True)
            if version:
                header.write_text(f'#define TORCH_VERSION "{version}"\n')
            self.assert_says(
                what, self.set_up(self.copy(what.replace(" ", "-"), prepared=True), LIBTORCH=str(libtorch)), pattern
            )

    def rust_without_source(self):
        """Cargo and rustc without rustup, and with a folder of their own that is empty."""
        programs = self.folder / "programs"
        programs.mkdir()
        for name in ("cargo", "rustc"):
            real = subprocess.run(
                ["rustup", "which", name], cwd=ROOT, capture_output=True, text=True, check=True
            ).stdout.strip()
            path = programs / name
            path.write_text(f'#!/bin/sh\ncase "$*" in *sysroot*) echo {self.folder} ;; *) exec {real} "$@" ;; esac\n')
            path.chmod(0o755)
        for name in ("c++", "cc"):
            (programs / name).symlink_to(shutil.which(name))
        return {"PATH": str(programs), "CARGO_HOME": str(self.folder)}

    @unittest.skipIf(QUICK, "quick")
    def test_a_python_that_is_gone(self):
        copy = self.copy()
        shutil.copytree(ROOT / ".venv", copy / ".venv", symlinks=True, copy_function=link_if_large)
        [python] = (copy / ".venv" / "lib").iterdir()
        site = python.rename(python.with_name("python3.1")) / "site-packages"
        (copy / "libtorch").symlink_to(os.path.relpath(site / "torch", copy))
        for program in (copy / ".venv" / "bin").glob("python*"):
            program.unlink()
        (copy / ".venv" / "bin" / "python").symlink_to("/nowhere/python3.1")
        steps = "import setup; setup.make_venv(); setup.get_evcxr(); setup.get_libtorch(cuda=False)"
        done = run("-c", steps, folder=copy / "scripts", limit=120, command=(sys.executable,))
        self.assertEqual(done.code, 0, done.errors)
        self.assertEqual(re.findall("==> (.*)", done.output), ["Python environment .venv (10 seconds)"])
        self.assertEqual((copy / "libtorch").resolve(), (site / "torch").resolve())
        self.tried("a Python that is gone", 1, "a new `.venv`; evcxr and libtorch stayed")

    def test_registries_that_cannot_be_reached(self):
        nowhere = "http://127.0.0.1:9"
        done = self.set_up(self.copy("python"), PIP_INDEX_URL=nowhere, PIP_RETRIES="0")
        self.assert_says("Python's registry cannot be reached", done, GOES_ON)
        copy = self.copy("crates", prepared=True)
        shutil.rmtree(copy / "target")
        own = {"CARGO_HOME": str(self.folder / "cargo"), "CARGO_HTTP_PROXY": nowhere, "CARGO_NET_RETRY": "0"}
        path = os.environ["PATH"] + os.pathsep + str(Path.home() / ".cargo" / "bin")
        self.assert_says("Rust's registry cannot be reached", self.set_up(copy, PATH=path, **own), GOES_ON)

    @unittest.skipUnless(can_mount(), "a RAM disk cannot be mounted here")
    def test_disks_that_are_full_or_read_only(self):
        place = self.folder / "disk"
        place.mkdir()
        with ram_disk(place, "size=100m"):
            copy = self.copy("disk/repository")
            self.assert_says("a disk with 0.1 GB", self.set_up(copy), r"6 GB of free disk: 0\.1 GB are free")
        copy = self.copy()
        with ram_disk(place, "ro"):
            done = self.set_up(copy, CARGO_HOME=str(place / "cargo"))
            self.assert_says("a home that cannot be written", done, "cannot be written. Name another one: CARGO_HOME=")

    @unittest.skipIf(QUICK, "takes minutes")
    def test_in_another_environment(self):
        """Little memory, no home, what other projects left in the shell, and a folder with an odd name."""
        copy = self.copy("“café”&'quotes'", prepared=True)
        done = self.set_up(copy, "-c", f'ulimit -v 500000; exec {sys.executable} "$0"', command=["sh"])
        self.assert_says("0.5 GB of memory", done, "memory was short: with CARGO_BUILD_JOBS=1", GOES_ON)
        done = self.set_up(copy, "-u", "HOME", sys.executable, command=["env"])
        self.assertEqual(done.code, 0, done.errors)
        self.tried("no HOME", 1, "success")
        taken = next(copy.glob("target/*-*-*/debug/deps/libpolars_core-*.rlib"))
        [compiled] = copy.glob(f"target/kernel/warm/cells/target/*-*-*/debug/deps/{taken.name}")
        self.assertTrue(taken.samefile(compiled))
        variables = {
            "LIBTORCH_USE_PYTORCH": "1",
            "LIBTORCH_CXX11_ABI": "0",
            "LIBTORCH_LIB": "/nowhere",
            "RUSTFLAGS": "-Cdebuginfo=1",
        }
        for name, value in variables.items():
            done = self.set_up(copy, **{name: value})
            self.assertEqual(done.code, 0, done.errors)
            self.assertNotIn("Compiling", done.errors)
        self.tried(
            ", ".join(f"`{name}`" for name in variables) + " in the shell",
            len(variables),
            "success; nothing compiled anew",
        )
        kernel = Kernel(specs=copy / ".venv/share/jupyter/kernels", folder=copy / "notebooks")
        self.addCleanup(kernel.stop)
        self.assertEqual(kernel.run(FIRST_CELL)[1], "")
        self.assertEqual(kernel.run('println!("{}", Network::mlp([3, 2], 0)?.summary().parameters());'), ("8\n", ""))
        self.tried("quotes and accents in the folder's name", 1, "success; a kernel starts there")

    @unittest.skipIf(QUICK, "takes minutes")
    def test_interrupted_at_each_step(self):
        copy = self.copy()
        # evcxr itself is there; it would compile for minutes.
        path = str(ROOT / ".venv" / "bin") + os.pathsep + os.environ["PATH"]
        interrupted = 0
        for seconds in (1, 4, 15, 30, 45):
            process = subprocess.Popen(
                [sys.executable, "scripts/setup.py"], cwd=copy, env=os.environ | {"PATH": path}, start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            time.sleep(seconds)
            os.killpg(process.pid, signal.SIGINT)
            errors = process.communicate(timeout=60)[1]
            if process.returncode:
                self.assertIn("Interrupted. " + GOES_ON, errors)
                # What pip shows of itself is its own affair.
                self.assertNotIn('scripts/setup.py", line', errors)
                interrupted += 1
            if not (copy / "target/kernel/warm").exists() and (copy / "libtorch").exists():
                link_compiled(copy)
        done = self.set_up(copy, PATH=path, limit=900)
        self.assertEqual(done.code, 0, done.errors)
        self.tried(
            "interrupted after 1, 4, 15, 30 and 45 seconds",
            interrupted,
            "each said that the same command goes on; it did, to success",
        )
