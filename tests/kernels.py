"""Checks of the kernel itself through the Jupyter protocol: several at once, interrupted, killed, with a changed library."""

import contextlib
import os
import re
import signal
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty

from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpecManager

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "target" / "kernel"
SPECS = ROOT / ".venv" / "share" / "jupyter" / "kernels"
COLOURS = re.compile("\x1b\\[[0-9;]*m")


class Kernel:
    """A kernel, and a client that runs cells in it."""

    def __init__(self):
        specs = KernelSpecManager(kernel_dirs=[str(SPECS)])
        self.manager = KernelManager(kernel_name="rust-mnist", kernel_spec_manager=specs)
        self.messages = tempfile.TemporaryFile("w+")
        self.manager.start_kernel(cwd=str(ROOT / "notebooks"), stderr=self.messages)
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
    return set(KERNELS.glob("session-*"))


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
        self.ok(f'model.save_weights("{folder}/interrupted.safetensors")?;')
        self.ok(
            "let mut whole = Mlp::new(&[784, 512, 256, 128, 10], 0)?;\n"
            "fit(&mut whole, &digits, &Training { checkpoint: None, verbose: false, ..training.clone() })?;\n"
            f'whole.save_weights("{folder}/whole.safetensors")?;'
        )
        self.assertEqual((folder / "interrupted.safetensors").read_bytes(), (folder / "whole.safetensors").read_bytes())

    def test_a_panic_and_an_error_keep_the_other_variables(self):
        self.ok("let kept = 40 + 2;")
        self.assertIn("on purpose", self.kernel.run('panic!("on purpose");')[1])
        _, error = self.kernel.run('let lost = Mnist::from_dir("nowhere")?;')
        self.assertRegex(error, "^nowhere/train-images-idx3-ubyte: no such file; .*\n$")
        self.assertEqual(self.ok('println!("{kept}");'), "42\n")

    def test_tab_completes_and_shift_tab_shows_the_documentation(self):
        code = "let model = Mlp::ne"
        matches = self.kernel.client.complete(code, len(code), reply=True, timeout=60)["content"]["matches"]
        self.assertIn("new(sizes, seed)", matches)
        code = "let other = Training { ..Training::default() }; other.ver"
        matches = self.kernel.client.complete(code, len(code), reply=True, timeout=60)["content"]["matches"]
        self.assertIn("verbose", matches)
        shown = self.kernel.client.inspect("evaluate", len("evaluate"), reply=True, timeout=60)["content"]
        self.assertIn("Measures a model on digits", str(shown["data"]))

    def test_z_an_endless_cell_can_be_interrupted(self):
        def later():
            time.sleep(2)
            self.kernel.manager.interrupt_kernel()

        threading.Thread(target=later).start()
        self.assertIn("Subprocess terminated", self.kernel.run("loop { std::hint::spin_loop(); }")[1])
        self.assertEqual(self.ok("println!(\"{}\", 6 * 7);"), "42\n")


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


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    failed = len({str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed")
    sys.exit(not result.wasSuccessful())
