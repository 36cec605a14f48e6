"""Checks of the notebooks: what is committed, a real run in the Rust kernel, and JupyterLab in a real browser."""

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from browser import accessibility_violations, chromium

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
MAIN = NOTEBOOKS / "MNIST-Classification.ipynb"
IMPROVEMENTS = NOTEBOOKS / "Improvements.ipynb"
ERRORS = NOTEBOOKS / "Error-Analysis.ipynb"
# What a test trains must not take the place of what the reader trained.
OUT = tempfile.TemporaryDirectory()
FEW_EPOCHS = {**os.environ, "MNIST_EPOCHS": "2", "MNIST_QUICK": "1", "MNIST_OUT": OUT.name}
MINUTES = 60_000  # in a browser's milliseconds
PNG = b"\x89PNG\r\n\x1a\n"


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def pictures(cells):
    """The pictures of charts, as base64 text."""
    html = "".join("".join(output.get("data", {}).get("text/html", "")) + "\n" for cell in cells for output in cell["outputs"])
    return re.findall(r'^<img [^>]*src="data:image/png;base64,([^"]+)"', html, re.MULTILINE)


def errors(cells):
    return [output["evalue"] for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]


class Committed(unittest.TestCase):
    """Every notebook as it is in the repository."""

    def each(self):
        for path in sorted(NOTEBOOKS.glob("*.ipynb")):
            with self.subTest(path.name):
                yield path

    def test_has_no_error(self):
        for path in self.each():
            self.assertEqual(errors(code_cells(path)), [])

    def test_was_executed_from_top_to_bottom(self):
        for path in self.each():
            cells = code_cells(path)
            self.assertEqual([cell["execution_count"] for cell in cells], list(range(1, len(cells) + 1)))

    def test_names_no_path_of_the_machine_that_executed_it(self):
        private = re.compile(r"/(?:home|root|Users|tmp|var|private)/|" + re.escape(str(ROOT)))
        for path in self.each():
            # Pictures are base64 text, which may hold anything.
            text = re.sub(r"base64,[^\"\\]*", "", path.read_text())
            self.assertEqual(private.findall(text), [])

    def test_shows_no_compiler_messages_and_no_timing(self):
        for path in self.each():
            for cell in code_cells(path):
                self.assertNotIn("execution", cell["metadata"])
                self.assertNotRegex(json.dumps(cell["outputs"]), r"\bCompiling \w+ v\d")

    def test_shows_tables_as_tables_and_no_empty_values(self):
        for path in self.each():
            for cell in code_cells(path):
                for output in cell["outputs"]:
                    shown = "".join(output.get("data", {}).get("text/plain", ""))
                    self.assertNotEqual(shown.strip(), "()")
                    # What polars says of a frame that was not shown by this library.
                    self.assertNotIn("to see more, compile with", shown)

    def test_has_pictures_and_is_small(self):
        for path in self.each():
            shown = pictures(code_cells(path))
            self.assertGreater(len(shown), 0)
            self.assertTrue(all(base64.b64decode(picture).startswith(PNG) for picture in shown))
            self.assertLess(path.stat().st_size, 2_000_000)

    def test_asks_for_the_same_dependencies_as_the_others(self):
        # The kernel's warm build folder holds one set of them.
        asked = {path.name: re.findall(r"^:dep .+", "".join(code_cells(path)[0]["source"]), re.M) for path in self.each()}
        self.assertEqual(len(set(map(tuple, asked.values()))), 1, asked)

    def test_has_every_line_that_the_readme_shows(self):
        lines = "\n".join("".join(cell["source"]) for cell in code_cells(MAIN)).splitlines()
        shown = re.search(r"```rust\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
        for line in shown.splitlines():
            self.assertIn(line, lines)


class Executed:
    """A notebook, run for real with fewer epochs."""

    @classmethod
    def setUpClass(cls):
        command = [sys.executable, str(ROOT / "scripts" / "execute.py"), str(cls.notebook)]
        before = cls.notebook.read_bytes()
        cls.executed = subprocess.run(command, env=FEW_EPOCHS, capture_output=True, text=True)
        cls.untouched = cls.notebook.read_bytes() == before
        executed = ROOT / "out" / cls.notebook.stem / cls.notebook.name
        cls.cells = code_cells(executed) if cls.executed.returncode == 0 else []

    def test_runs_to_the_end(self):
        self.assertEqual(self.executed.returncode, 0, self.executed.stdout + self.executed.stderr)
        self.assertEqual(errors(self.cells), [])

    def test_compiles_no_dependency(self):
        self.assertNotRegex(self.executed.stdout, r"Compiling \w+ v")

    def test_reports_the_test_accuracy(self):
        self.assertRegex(self.executed.stdout, r"Test accuracy: +\d")

    def test_shows_the_pictures_of_the_committed_notebook(self):
        self.assertEqual(len(pictures(self.cells)), len(pictures(code_cells(self.notebook))))

    def test_leaves_the_committed_notebook_as_it_was(self):
        self.assertTrue(self.untouched)

    @contextlib.contextmanager
    def exported_page(self):
        """The page in a browser, which reaches nothing but this file."""
        if not chromium():
            self.skipTest("Chromium is not installed, so the exported page is not opened in a browser")
        from playwright.sync_api import sync_playwright

        address = (ROOT / "out" / self.notebook.stem / f"{self.notebook.stem}.html").as_uri()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            page = browser.new_context(offline=True).new_page()
            asked = []
            page.on("request", lambda request: asked.append(request.url))
            page.goto(address)
            yield page
            browser.close()
        self.assertEqual([url for url in asked if not url.startswith(("data:", "about:")) and url != address], [])

    def test_exports_a_page_with_contents_and_words_for_every_picture(self):
        with self.exported_page() as page:
            words = page.locator("img").evaluate_all("images => images.map(image => image.alt)")
            self.assertEqual(len(words), len(pictures(self.cells)))
            # Numbers, or what stands below each of several pictures.
            self.assertEqual([text for text in words if not re.search(r"\d|; ", text)], [])
            links = page.locator("nav a").evaluate_all("links => links.map(link => decodeURI(link.hash.slice(1)))")
            self.assertGreater(len(links), 8)
            is_heading = "id => /^H[1-6]$/.test(document.getElementById(id)?.tagName)"
            self.assertEqual([link for link in links if not page.evaluate(is_heading, link)], [])
            self.assertEqual(accessibility_violations(page), [])

    def exported(self, kind):
        path = ROOT / "out" / self.notebook.stem / self.notebook.name
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "nbconvert", "--to", kind, f"--output-dir={folder}", str(path)]
            subprocess.run(command, check=True, capture_output=True)
            [text] = [file.read_text() for file in Path(folder).iterdir() if file.is_file()]
            return text

    def tables(self, kind):
        """The tables that the notebook shows, in one of their forms."""
        shown = [output["data"] for cell in self.cells for output in cell["outputs"] if "data" in output]
        tables = ["".join(data[kind]) for data in shown if "<table>" in "".join(data.get("text/html", ""))]
        self.assertGreater(len(tables), 0)
        return tables

    def test_keeps_tables_and_charts_as_markdown(self):
        text = self.exported("markdown")
        self.assertEqual(text.count("<img width="), len(pictures(self.cells)))
        self.assertEqual([table for table in self.tables("text/html") if table not in text], [])

    @unittest.skipUnless(shutil.which("pandoc"), "pandoc is not installed, so the notebook is not converted to LaTeX")
    def test_keeps_tables_and_charts_as_latex(self):
        from nbconvert.filters import escape_latex

        def without_spaces(text):
            return re.sub(r"\s", "", text)  # Long lines are wrapped.

        text = self.exported("latex")
        self.assertEqual(text.count("\\adjustimage{"), len(pictures(self.cells)))
        lines = [line for table in self.tables("text/plain") for line in table.splitlines()]
        text = without_spaces(text)
        self.assertEqual([line for line in lines if without_spaces(escape_latex(line)) not in text], [])


class MainExecuted(Executed, unittest.TestCase):
    notebook = MAIN

    def test_exports_a_page_with_a_pad_to_draw_on(self):
        with self.exported_page() as page:
            self.assertRegex(draw_a_seven(page), "^7, ")


class ImprovementsExecuted(Executed, unittest.TestCase):
    notebook = IMPROVEMENTS


class ErrorsExecuted(Executed, unittest.TestCase):
    notebook = ERRORS

    def test_exports_a_page_in_which_a_count_shows_its_digits(self):
        with self.exported_page() as page:
            frame = page.locator("iframe[title='The mistakes, cell by cell']").content_frame
            button = frame.locator("td button").first
            button.click()
            self.assertEqual(frame.locator("figure canvas").count(), int(button.inner_text()))


def draw_a_seven(page):
    """Draws on the pad that a cell shows; gives the answer."""
    frame = page.locator("iframe[title='Draw a digit']")
    frame.scroll_into_view_if_needed()
    box = frame.content_frame.locator("#pad").bounding_box()
    first, *others = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in [(0.3, 0.2), (0.7, 0.2), (0.5, 0.8)]]
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    return frame.content_frame.locator("#answer").inner_text()


@contextlib.contextmanager
def jupyterlab(folder):
    """A server as `make lab` starts it, with settings of its own; gives the address with the token."""
    settings = folder / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # Otherwise JupyterLab keeps only those cells in the page that are in sight.
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    own = {name: str(folder) for name in ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTER_CONFIG_DIR")}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0"]
    command += [f"--notebook-dir={NOTEBOOKS}", "--MappingKernelManager.kernel_info_timeout=600"]
    # So that a test can give JupyterLab's own commands.
    command += ["--LabApp.expose_app_in_browser=True"]
    log = folder / "log"
    with log.open("w") as messages:
        server = subprocess.Popen(command, env=FEW_EPOCHS | own, stderr=messages)
    try:
        while not (address := re.search(r"http://127\.0\.0\.1:\S+token=\S+", log.read_text())):
            if server.poll() is not None:
                raise RuntimeError("JupyterLab ended:\n" + log.read_text())
            time.sleep(0.2)
        yield address.group(0)
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
        content = json.loads(MAIN.read_text())
        for cell in content["cells"]:
            if cell["cell_type"] == "code":
                cell.update(outputs=[], execution_count=None)
        self.notebook.write_text(json.dumps(content))
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
        self.assertRegex(draw_a_seven(self.page), "^7, ")
        self.check_accessibility()
        self.change_a_cell_and_run_it_again()
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
        """Types this into the last code cell, runs it, and waits until its output holds a text."""
        cell = self.page.locator(".jp-CodeCell").last
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(code)
        self.page.keyboard.press("Control+Enter")
        cell.locator(".jp-OutputArea-output", has_text=text).first.wait_for(timeout=MINUTES)
        return cell

    def change_a_cell_and_run_it_again(self):
        for digit in (3, 5):
            code = f'println!("Digit {digit}: the truth is {{}}", mnist.test.labels.int64_value(&[{digit}]));'
            self.run_last_cell(code, f"Digit {digit}: the truth is")

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
    result = unittest.main(verbosity=2, exit=False).result
    # The kernels have started a spare for the next notebook.
    subprocess.run([sys.executable, str(ROOT / "scripts" / "spare.py"), "--end"], check=True)
    failed = len({str(getattr(test, "test_case", test)) for test, _ in result.failures + result.errors})
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed")
    sys.exit(not result.wasSuccessful())
