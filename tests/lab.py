"""Checks of the main notebook in JupyterLab in a real browser, opened and run as a reader does."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from browser import accessibility_violations, chromium, draw_a_seven
from common import MAIN, NOTEBOOKS, main
from outputs import code_cells, pictures, quick

MINUTES = 60_000  # in a browser's milliseconds


def listens(port):
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def jupyterlab(folder):
    """A server as `make lab` starts it, with settings of its own; gives the address with the token."""
    settings = folder / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # Otherwise JupyterLab keeps only those cells in the page that are in sight.
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    own = {name: str(folder) for name in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_CONFIG_DIR")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    command += [f"--notebook-dir={NOTEBOOKS}"]
    # So that a test can give JupyterLab's own commands.
    command += ["--LabApp.expose_app_in_browser=True"]
    log = folder / "log"
    with log.open("w") as messages:
        server = subprocess.Popen(command, env=os.environ | own, stderr=messages)
    try:
        # It may tell its address before it listens there.
        while not (address := re.search(r"http://127\.0\.0\.1:(\d+)/\S+token=\w+\n", log.read_text())) or not listens(
            int(address[1])
        ):
            if server.poll() is not None:
                raise RuntimeError("JupyterLab ended:\n" + log.read_text())
            time.sleep(0.2)
        yield address[0].strip()
    finally:
        server.terminate()
        server.wait()


@unittest.skipUnless(chromium(), "Chromium is not installed, so the notebook is not opened in a browser")
class Browser(unittest.TestCase):
    """The main notebook in JupyterLab, opened and run as a reader does."""

    def setUp(self):
        from playwright.sync_api import sync_playwright

        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        # An empty copy, so that every output seen comes from this run.
        self.notebook = NOTEBOOKS / f"browser-test-{os.getpid()}.ipynb"
        self.notebook.write_text(json.dumps(quick(MAIN)))
        self.stack.callback(self.notebook.unlink)
        kept = NOTEBOOKS / ".ipynb_checkpoints" / f"{self.notebook.stem}-checkpoint.ipynb"
        self.stack.callback(kept.unlink, missing_ok=True)
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        address = self.stack.enter_context(jupyterlab(folder))
        chrome = self.stack.enter_context(sync_playwright()).chromium
        browser = chrome.launch(executable_path=chromium(), args=["--no-sandbox"])
        self.stack.callback(browser.close)
        self.page = browser.new_page()
        self.page.goto(address.replace("/lab?", f"/lab/tree/{self.notebook.name}?"))

    def test_a_readers_session(self):
        self.run_all_cells()
        for by in ("mouse", "finger", "keyboard"):
            self.assertRegex(draw_a_seven(self.page, by), "a CNN: 7, ", by)
        self.check_accessibility()
        self.change_a_cell_and_run_it_again()
        self.watch_an_epoch()
        self.watch_the_curves_grow()
        self.reload_while_it_trains()
        self.interrupt_training_and_go_on()

    def run_all_cells(self):
        self.page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=2 * MINUTES)
        # Before the kernel is there, JupyterLab would ask for one.
        self.page.get_by_text("Rust (MNIST) | Idle").wait_for(timeout=5 * MINUTES)
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.page.wait_for_function(
            """() => document.querySelector('[data-mime-type="application/vnd.jupyter.error"]') ||
            [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].every(cell => /\\[\\d+\\]/.test(cell.innerText))""",
            timeout=10 * MINUTES,
        )
        failed = self.page.locator('[data-mime-type="application/vnd.jupyter.error"]').all_inner_texts()
        self.assertEqual(failed, [])
        drawn = "images => images.filter(image => image.complete && image.naturalWidth > 0).length"
        shown = self.page.locator(".jp-OutputArea-output img").evaluate_all(drawn)
        self.assertEqual(shown, len(pictures(code_cells(MAIN))))

    def check_accessibility(self):
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })"
            self.page.evaluate(change, theme)
            self.page.locator(f"body[data-jp-theme-name='{theme}']").wait_for(state="attached")
            self.assertEqual(accessibility_violations(self.page, {"include": [[".jp-OutputArea-output"]]}), [], theme)

    def run_last_cell(self, code, text):
        """Types this into the last code cell, runs it, and waits until its output holds a text, if any."""
        cell = self.page.locator(".jp-CodeCell").last
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Control+Enter")
        if text is not None:
            cell.locator(".jp-OutputArea-output", has_text=text).first.wait_for(timeout=MINUTES)
        return cell

    def change_a_cell_and_run_it_again(self):
        for digit in (3, 5):
            code = f'println!("Digit {digit}: the truth is {{}}", mnist.test.labels.int64_value(&[{digit}]));'
            self.run_last_cell(code, f"Digit {digit}: the truth is")

    def watch_an_epoch(self):
        code = (
            "let ((few, _), (half, _)) = (train.split(0.8)?, train.split(0.5)?);\n"
            "let mut cnn = Network::from_plan(&Plan::cnn([28, 28], 10), seed)?;\n"
            "fit(&mut cnn, &half, &Training { epochs: 1, ..Training::default() })?;"
        )
        cell = self.run_last_cell(code, "s left - accuracy")
        shown = set()
        while "val_loss" not in (text := cell.inner_text()):
            shown.update(re.findall(r"(\d+)/\d+ ━* +\d+s left", text))
            self.assertLessEqual(text.count("s left"), 1)
            time.sleep(0.05)
        self.assertGreater(len(shown), 3)
        # The epoch's own line takes the bar's place.
        self.assertNotIn("s left", cell.inner_text())

    def watch_the_curves_grow(self):
        code = (
            "let watched = Training { epochs: 5, ..Training::default() };\n"
            'let history = fit_with(&mut cnn, &few, &watched, None, figures::live_curves("Watched"))?;'
        )
        cell = self.run_last_cell(code, "Epoch 2/5")
        picture, shown = cell.locator(".jp-OutputArea-output img"), set()
        while "Epoch 5/5" not in cell.inner_text():
            self.assertLessEqual(picture.count(), 1)
            if picture.count():
                shown.update(re.findall(r"in (\d) epochs", picture.first.get_attribute("alt")))
            time.sleep(0.05)
        self.assertGreaterEqual(len(shown), 2)
        self.page.locator(".jp-OutputArea-output img[alt*='in 5 epochs']").wait_for(timeout=MINUTES)
        self.page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")
        saved = json.loads(self.notebook.read_text())["cells"]
        [outputs] = [cell["outputs"] for cell in saved if "Watched" in "".join(cell["source"])]
        [kept] = [output["data"] for output in outputs if "data" in output]
        self.assertIn("in 5 epochs", "".join(kept["text/plain"]))

    def reload_while_it_trains(self):
        code = 'let history = fit_with(&mut cnn, &few, &watched, None, figures::live_curves("Reloaded"))?;'
        self.run_last_cell(code, "Epoch 2/5")
        self.page.reload()
        # A page that is loaded anew does not see at once that the kernel is busy.
        self.page.get_by_text(re.compile(r"Rust \(MNIST\) \| (Unknown|Busy)")).wait_for(timeout=MINUTES)
        # Training goes on; the next cell waits for it, and has its history.
        cell = self.run_last_cell("figures::training_curves(&history)?", None)
        cell.locator(".jp-OutputArea-output img[alt*='in 5 epochs']").wait_for(timeout=MINUTES)
        self.page.get_by_text("Rust (MNIST) | Idle").wait_for(timeout=MINUTES)

    def interrupt_training_and_go_on(self):
        code = (
            'let long = Training { epochs: 8, checkpoint: Some(format!("{folder}/long").into()), ..training.clone() };\n'
            "let history = fit(&mut model, &train, &long)?;"
        )
        self.run_last_cell(code, "Epoch 3/8")
        self.page.locator('[data-command="notebook:interrupt-kernel"]').first.click()
        self.page.get_by_text("training was interrupted in epoch").wait_for(timeout=MINUTES)
        self.page.get_by_text("Rust (MNIST) | Idle").wait_for(timeout=MINUTES)
        cell = self.run_last_cell(code, "Epoch 8/8")
        self.page.get_by_text("Rust (MNIST) | Idle").wait_for(timeout=MINUTES)
        self.assertIn("Going on after epoch", cell.inner_text())


if __name__ == "__main__":
    main()
