"""Checks of the kernel itself through the Jupyter protocol: several at once, interrupted, killed, with a changed library,
from a spare that was started beforehand."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty

import psutil
from jupyter_client import BlockingKernelClient, KernelManager
from jupyter_client.kernelspec import KernelSpecManager

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "target" / "kernel"
NOTEBOOKS = ROOT / "notebooks"
SPARE = [sys.executable, str(ROOT / "scripts" / "spare.py")]
SPECS = ROOT / ".venv" / "share" / "jupyter" / "kernels"
COLOURS = re.compile("\x1b\\[[0-9;]*m")


class Kernel:
    """A kernel, and a client that runs cells in it."""

    def __init__(self, **variables):
        specs = KernelSpecManager(kernel_dirs=[str(SPECS)])
        self.manager = KernelManager(kernel_name="rust-mnist", kernel_spec_manager=specs)
        self.messages = tempfile.TemporaryFile("w+")
        self.manager.start_kernel(cwd=str(NOTEBOOKS), env=os.environ | variables, stderr=self.messages)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=600)

    def stop(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.messages.close()

    def run(self, code, seen=lambda text: None):
        """Runs a cell; gives what it printed, and its errors, which evcxr prints too where a cell fails at run time.
        `seen` gets the text as it comes."""
        texts = {"stdout": "", "stderr": ""}

        def collect(message):
            content = message["content"]
            if message["msg_type"] == "stream":
                texts[content["name"]] += content["text"]
                seen(content["text"])
            if message["msg_type"] == "error":
                texts["stderr"] += COLOURS.sub("", "\n".join(content["traceback"]))

        self.client.execute_interactive(code, timeout=600, output_hook=collect)
        # evcxr passes on what a cell wrote to standard error a moment after its reply.
        with contextlib.suppress(Empty):
            while True:
                collect(self.client.get_iopub_msg(timeout=0.2))
        return texts["stdout"], texts["stderr"]

    def kill(self):
        """As when the machine's memory runs out: no process of the kernel can do anything any more."""
        os.killpg(self.manager.provisioner.pgid, signal.SIGKILL)


def started(count):
    """So many kernels, all started at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: Kernel(), range(count)))


def sessions():
    """Of kernels at work; a spare has none yet."""
    return {folder for folder in KERNELS.glob("session-*") if not (folder / "waiting").exists()}


def spares():
    return [path.parent for path in KERNELS.glob("session-*/waiting")]


def spare(**variables):
    """The folder of a spare that is ready."""
    subprocess.run(SPARE, env=os.environ | variables, stderr=subprocess.DEVNULL, check=True)
    [folder] = spares()
    client = BlockingKernelClient(connection_file=str(folder / "connection.json"))
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=600)
    client.stop_channels()
    return folder


def processes(folder):
    """All processes of the session in this folder."""
    [keeper] = [process for process in psutil.process_iter(["cmdline"]) if (process.info["cmdline"] or [])[2:3] == [str(folder)]]
    return [keeper, *keeper.children(recursive=True)]


def eventually(condition):
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


def tearDownModule():
    subprocess.run([*SPARE, "--end"], check=True)


class One(unittest.TestCase):
    """What a reader does in one kernel."""

    @classmethod
    def setUpClass(cls):
        cls.kernel = Kernel()
        cls.addClassCleanup(cls.kernel.stop)
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        first = ':dep mnist-classification = { path = "..", default-features = false }\nuse mnist_classification::prelude::*;'
        _, error = cls.kernel.run(first)
        if error:
            raise AssertionError(error)
        cls.kernel.run("let digits = Mnist::drawn(0)?.train.preprocess();")

    def ok(self, code, seen=lambda text: None):
        printed, error = self.kernel.run(code, seen)
        self.assertEqual(error, "", code)
        return printed

    def test_training_that_is_interrupted_keeps_the_variables_and_goes_on_to_the_same_bits(self):
        folder = Path(self.folder.name)
        self.ok(
            f'let training = Training {{ epochs: 12, checkpoint: Some("{folder}/kept".into()), ..Training::default() }};'
            "\nlet mut model = Mlp::new(&[784, 512, 256, 128, 10], 0)?;"
        )
        train = "let history = fit(&mut model, &digits, &training)?;"
        for epoch in (1, 2, 5, 8):
            line = f"Epoch {epoch}/12"

            def interrupt(text):
                if line in text:
                    self.kernel.manager.interrupt_kernel()

            _, error = self.kernel.run(train, interrupt)
            self.assertRegex(error, f"^training was interrupted in epoch .*; the same call (starts anew|goes on .* kept in {folder}/kept)\n$")
        printed = self.ok(train)
        self.assertIn("Going on after epoch", printed)
        self.assertIn("Epoch 12/12", printed)
        self.ok(f'model.save("{folder}/interrupted.safetensors")?;')
        self.ok(
            "let mut whole = Mlp::new(&[784, 512, 256, 128, 10], 0)?;\n"
            "fit(&mut whole, &digits, &Training { checkpoint: None, verbose: false, ..training.clone() })?;\n"
            f'whole.save("{folder}/whole.safetensors")?;'
        )
        self.assertEqual((folder / "interrupted.safetensors").read_bytes(), (folder / "whole.safetensors").read_bytes())

    def test_a_panic_and_an_error_keep_the_other_variables(self):
        self.ok("let kept = 40 + 2;")
        _, error = self.kernel.run('panic!("on purpose");')
        self.assertIn("on purpose", error)
        self.assertNotIn("stack backtrace", error)
        _, error = self.kernel.run('let lost = Mnist::from_dir("nowhere")?;')
        self.assertRegex(error, "^nowhere: no such file; .*\n$")
        self.assertEqual(self.ok('println!("{kept}");'), "42\n")

    def test_tab_completes_and_shift_tab_shows_the_documentation(self):
        code = "let model = Mlp::ne"
        matches = self.kernel.client.complete(code, len(code), reply=True, timeout=60)["content"]["matches"]
        self.assertIn("new(sizes, seed)", matches)
        code = "let other = Training { ..Training::default() }; other.ver"
        matches = self.kernel.client.complete(code, len(code), reply=True, timeout=60)["content"]["matches"]
        self.assertIn("verbose", matches)
        shown = self.kernel.client.inspect("evaluate", len("evaluate"), reply=True, timeout=60)["content"]
        self.assertIn("Measures a model on samples", str(shown["data"]))

    def test_z_an_endless_cell_can_be_interrupted(self):
        def later():
            time.sleep(2)
            self.kernel.manager.interrupt_kernel()

        threading.Thread(target=later).start()
        self.assertIn("Subprocess terminated", self.kernel.run("loop { std::hint::spin_loop(); }")[1])
        self.assertEqual(self.ok("println!(\"{}\", 6 * 7);"), "42\n")


def compiled(folder):
    """The crates that a session has compiled itself, beyond its cells."""

    def crates(cells):
        files = {path.name for path in cells.glob("target/*/debug/deps/lib*") if path.suffix in (".rlib", ".rmeta", ".so")}
        return {name for name in files if "ctx" not in name}

    return crates(folder / "cells") - crates(KERNELS / "warm" / "cells")


class OtherProjects(unittest.TestCase):
    """What other projects have left in the shell, in the user's settings and on PATH."""

    VARIABLES = {
        "RUSTFLAGS": "-Cdebuginfo=1",
        "CARGO_ENCODED_RUSTFLAGS": "-Cdebuginfo=2",
        "RUSTC_WRAPPER": "/nowhere/sccache",
        "CARGO_BUILD_RUSTC_WRAPPER": "/nowhere/sccache",
        "CARGO_BUILD_TARGET": "wasm32-unknown-unknown",
        "CARGO_BUILD_TARGET_DIR": "/nowhere/target",
        "CARGO_TARGET_DIR": "/nowhere/target",
        "CARGO_PROFILE_DEV_OPT_LEVEL": "3",
        "CARGO_PROFILE_DEV_CODEGEN_UNITS": "1",
        "CARGO_INCREMENTAL": "0",
        "RUSTUP_TOOLCHAIN": "nightly",
        "LIBTORCH": "/nowhere/libtorch",
        "LIBTORCH_USE_PYTORCH": "1",
        "LIBTORCH_CXX11_ABI": "0",
        "LIBTORCH_LIB": "/nowhere/lib",
        "CXXFLAGS": "-O3 -D_GLIBCXX_USE_CXX11_ABI=0",
        "CXXFLAGS_x86_64_unknown_linux_gnu": "-O3",
        "EVCXR_CONFIG_DIR": "/nowhere",
    }
    SETTINGS = """
        [build]
        rustflags = ["-Cdebuginfo=1"]
        rustc-wrapper = "/nowhere/sccache"
        target-dir = "/nowhere/target"
        target = "wasm32-unknown-unknown"
        [target.x86_64-unknown-linux-gnu]
        rustflags = ["-Ctarget-cpu=native"]
    """

    def update(self, **variables):
        command = [sys.executable, "-c", "import warm; warm.update()"]
        return subprocess.run(command, cwd=ROOT / "scripts", env=os.environ | variables, capture_output=True, text=True)

    def assert_compiles_nothing(self, **variables):
        done = self.update(**variables)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("Compiling", done.stderr)

    def setUp(self):
        self.assertEqual(self.update().returncode, 0)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def settings_of_the_user(self):
        """Cargo reads them above the build folders, as it reads those of the user's home."""
        settings = KERNELS / ".cargo" / "config.toml"
        settings.parent.mkdir()
        self.addCleanup(shutil.rmtree, settings.parent)
        settings.write_text(self.SETTINGS)

    def test_variables_make_cargo_compile_nothing(self):
        for name, value in self.VARIABLES.items():
            with self.subTest(name):
                self.assert_compiles_nothing(**{name: value})

    def test_settings_make_cargo_compile_nothing(self):
        self.settings_of_the_user()
        self.assert_compiles_nothing()

    def test_a_kernel_with_all_of_it_compiles_its_cells_alone(self):
        self.settings_of_the_user()
        variables = self.VARIABLES | {"PATH": self.path_with_lld()}
        before = sessions()
        kernel = Kernel(**variables)
        self.addCleanup(kernel.stop)
        [session] = sessions() - before
        first = ':dep mnist-classification = { path = "..", default-features = false }\nuse mnist_classification::prelude::*;'
        self.assertEqual(kernel.run(first)[1], "")
        self.assertEqual(kernel.run('let training = Training::default();\nprintln!("{}", training.epochs);'), ("15\n", ""))
        # What evcxr checks or adds by itself.
        self.assertIn("half", kernel.run("let half = |x: f64| x / 2.0;")[1])
        self.assertEqual(kernel.run('async fn answer() -> u32 { 42 }\nprintln!("{}", answer().await);'), ("42\n", ""))
        self.assertEqual(compiled(session), set())

    def path_with_lld(self):
        """PATH, with the linker that comes with Rust as `lld` in front where there is one: evcxr would take it."""
        sysroot = subprocess.run(["rustc", "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for linker in Path(sysroot.strip()).glob("lib/rustlib/*/bin/rust-lld"):
            for name in ("lld", "ld.lld"):
                (self.folder / name).symlink_to(linker)
        return str(self.folder) + os.pathsep + os.environ["PATH"]


class Several(unittest.TestCase):
    """Kernels side by side."""

    def test_four_give_their_own_outputs_and_one_that_is_killed_harms_no_other(self):
        others = sessions()  # Of notebooks that are open meanwhile.
        kernels = started(4)
        self.addCleanup(lambda: [kernel.stop() for kernel in kernels])

        def edits(number):
            """Five cells, each of which redefines what the one before made."""
            right = 0
            for edit in range(5):
                seed = 10 * number + edit
                code = (
                    f"let sizes = [{seed + 1}, 2];\nlet model = Mlp::new(&sizes, {seed})?;\n"
                    f'println!("{{}} {{}}", {seed}, model.summary().parameters());'
                )
                right += kernels[number].run(code) == (f"{seed} {2 * (seed + 1) + 2}\n", "")
            return right

        with ThreadPoolExecutor(4) as pool:
            self.assertEqual(list(pool.map(edits, range(4))), [5, 5, 5, 5])

        # One dies in the middle of a cell.
        endless = threading.Thread(target=self.until_dead, args=(kernels[0],))
        endless.start()
        time.sleep(2)
        kernels[0].kill()
        endless.join()
        with ThreadPoolExecutor(3) as pool:
            self.assertEqual(list(pool.map(edits, range(1, 4))), [5, 5, 5])
        kernels[0].client.stop_channels()
        kernels[0] = Kernel()
        self.assertEqual(len(sessions() - others), 4)

    def until_dead(self, kernel):
        kernel.client.execute("loop { std::hint::spin_loop(); }")
        while kernel.manager.is_alive():
            try:
                kernel.client.get_iopub_msg(timeout=0.5)
            except Empty:
                pass

    def test_a_change_in_the_library_is_compiled_once_and_shows(self):
        outdated = spare()
        source = ROOT / "src" / "lib.rs"
        before = source.read_bytes()
        self.addCleanup(source.write_bytes, before)
        number = time.time_ns() % 1_000_000
        changed = f"\n/// A number that a test put here.\npub const CHANGED: u32 = {number};\n"
        source.write_bytes(before + changed.encode())
        kernels = started(2)
        self.addCleanup(lambda: [kernel.stop() for kernel in kernels])
        compiled = 0
        for kernel in kernels:
            self.assertEqual(kernel.run('println!("{}", mnist_classification::CHANGED);'), (f"{number}\n", ""))
            kernel.messages.seek(0)
            compiled += kernel.messages.read().count("Compiling mnist-classification")
        self.assertEqual(compiled, 1)
        self.assertFalse(outdated.exists())


class Spare(unittest.TestCase):
    """A session that was started beforehand and waits for a notebook."""

    def kernel(self, **variables):
        kernel = Kernel(**variables)
        self.addCleanup(kernel.stop)
        return kernel

    def test_is_taken_and_serves_as_any_other_and_is_followed_by_the_next(self):
        waiting = spare()
        before = sessions()
        kernel = self.kernel()
        self.assertEqual(sessions() - before, {waiting})
        code = 'let folder = std::env::current_dir()?;\nprintln!("{}", folder.display());'
        self.assertEqual(kernel.run(code), (f"{NOTEBOOKS}\n", ""))
        text = 'println!("{}", "x".repeat(2_000_000));'
        self.assertEqual(kernel.run(text), ("x" * 2_000_000 + "\n", ""))
        self.assertEqual(self.answer_to_a_question(kernel), "an answer\n")

        threading.Timer(2, kernel.manager.interrupt_kernel).start()
        self.assertIn("Subprocess terminated", kernel.run("loop { std::hint::spin_loop(); }")[1])
        self.assertEqual(kernel.run('println!("{}", 6 * 7);'), ("42\n", ""))
        self.assertTrue(eventually(spares), "no other spare was started")

        # The launcher is killed in the middle of a cell: its session ends by itself.
        started = processes(waiting)
        kernel.client.execute("loop { std::hint::spin_loop(); }")
        time.sleep(2)
        kernel.kill()
        self.assertEqual(psutil.wait_procs(started, timeout=10)[1], [])
        self.assertTrue(eventually(lambda: not waiting.exists()))

    def answer_to_a_question(self, kernel):
        printed = []

        def collect(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        # What the crate evcxr_input does.
        code = (
            'println!("EVCXR_INPUT_REQUEST:a question");\nlet mut line = String::new();\n'
            'std::io::stdin().read_line(&mut line)?;\nprint!("{line}");'
        )
        kernel.client.execute_interactive(
            code, timeout=60, allow_stdin=True, output_hook=collect, stdin_hook=lambda message: kernel.client.input("an answer")
        )
        return "".join(printed)

    def test_of_another_environment_is_not_taken(self):
        other = spare(MNIST_EPOCHS="3")
        kernel = self.kernel(MNIST_EPOCHS="4")
        self.assertEqual(kernel.run('println!("{}", std::env::var("MNIST_EPOCHS")?);'), ("4\n", ""))
        self.assertFalse(other.exists())

    def test_is_left_alone_when_the_folders_of_killed_sessions_are_removed(self):
        killed = spare()
        for process in processes(killed):
            process.kill()
        self.assertTrue(killed.exists())
        waiting = spare()
        self.assertFalse(killed.exists())
        self.assertEqual(spare(), waiting)

    def test_ends_when_it_is_told_to(self):
        started = processes(spare())
        subprocess.run([*SPARE, "--end"], check=True)
        self.assertEqual(psutil.wait_procs(started, timeout=10)[1], [])
        self.assertEqual(spares(), [])


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    failed = len({str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed")
    sys.exit(not result.wasSuccessful())
