"""Checks of the notebooks: what is committed, and a real run in the Rust kernel."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from browser import accessibility_violations, chromium, draw_a_seven
from common import MAIN, NOTEBOOKS, ROOT, main
from kernel_client import standby
from outputs import OUT, code_cells, data, errors, pictures, quick_copy, source

IMPROVEMENTS = NOTEBOOKS / "Improvements.ipynb"
ERRORS = NOTEBOOKS / "Error-Analysis.ipynb"
PNG = b"\x89PNG\r\n\x1a\n"


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

    def test_shows_everything_without_html_too(self):
        # GitHub cleans HTML, LaTeX has none.
        for path in self.each():
            for forms in data(code_cells(path)):
                self.assertTrue(forms.get("text/plain", "").strip(), forms.keys())
                if "<table>" not in forms.get("text/html", ""):
                    self.assertNotIn("text/html", forms)
                if "image/png" in forms:
                    self.assertGreater(len(forms["text/plain"]), 10)

    def test_has_short_cells_and_paragraphs_and_no_plumbing(self):
        for path in self.each():
            for cell in json.loads(path.read_text())["cells"]:
                text = source(cell)
                if cell["cell_type"] == "code":
                    self.assertLessEqual(len(text.splitlines()), 12, cell["id"])
                    self.assertNotRegex(text, r"std::env|evcxr_display|MNIST_|if quick", cell["id"])
                else:
                    for paragraph in re.split(r"\n\n|\n- |\n\| |\n```", text):
                        self.assertLessEqual(len(paragraph.split()), 60, paragraph)

    def test_asks_for_a_crate_as_the_others_do(self):
        # The kernel's warm build folder holds one set of them.
        asked = {}
        for path in self.each():
            found = re.findall(r"^:dep +([\w-]+) *= *(.+)", "".join(code_cells(path)[0]["source"]), re.M)
            self.assertIn("mnist-classification", dict(found))
            for name, setting in found:
                self.assertEqual(asked.setdefault(name, setting), setting)

    def test_gives_the_documents_their_pictures_and_no_others(self):
        documents = [ROOT / "README.md", ROOT / "environment.md", *(ROOT / "docs").glob("*.md")]
        shown = {name for path in documents for name in re.findall(r"figures/([\w-]+\.png)", path.read_text())}
        self.assertEqual({path.name for path in (ROOT / "figures").iterdir()}, shown)

    def test_has_every_line_that_the_readme_shows(self):
        lines = "\n".join("".join(cell["source"]) for cell in code_cells(MAIN)).splitlines()
        shown = re.search(r"```rust\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
        for line in shown.splitlines():
            self.assertIn(line, lines)


class Executed:
    """A notebook, run for real with fewer epochs."""

    @classmethod
    def setUpClass(cls):
        copy = quick_copy(cls.notebook)
        command = [sys.executable, str(ROOT / "scripts" / "execute.py"), str(copy), f"--out={OUT.name}"]
        before = copy.read_bytes()
        cls.executed = subprocess.run(command, capture_output=True, text=True)
        cls.untouched = copy.read_bytes() == before
        cls.folder = Path(OUT.name) / cls.notebook.stem
        cls.cells = code_cells(cls.folder / cls.notebook.name) if cls.executed.returncode == 0 else []

    def test_runs_to_the_end(self):
        self.assertEqual(self.executed.returncode, 0, self.executed.stdout + self.executed.stderr)
        self.assertEqual(errors(self.cells), [])

    def test_compiles_no_dependency(self):
        self.assertNotRegex(self.executed.stdout, r"Compiling \w+ v")

    def test_reports_the_test_accuracy(self):
        self.assertRegex(self.executed.stdout, r"Test accuracy: +\d")

    def test_shows_the_pictures_of_the_committed_notebook(self):
        self.assertEqual(len(pictures(self.cells)), len(pictures(code_cells(self.notebook))))

    def test_leaves_the_notebook_as_it_was(self):
        self.assertTrue(self.untouched)

    @contextlib.contextmanager
    def exported_page(self):
        """The page in a browser, which reaches nothing but this file."""
        if not chromium():
            self.skipTest("Chromium is not installed, so the exported page is not opened in a browser")
        from playwright.sync_api import sync_playwright

        address = (self.folder / f"{self.notebook.stem}.html").as_uri()
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
            links = page.locator("nav a").evaluate_all("links => links.map(link => link.hash)")
            self.assertGreater(len(links), 8)
            # The browser looks for the heading: a "%" in one is more than decodeURI takes.
            is_heading = "hash => (location.hash = hash, document.querySelector(':target')?.matches('h1, h2, h3, h4'))"
            self.assertEqual([link for link in links if not page.evaluate(is_heading, link)], [])
            self.assertEqual(accessibility_violations(page), [])

    def exported(self, kind):
        path = self.folder / self.notebook.name
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "nbconvert", "--to", kind, f"--output-dir={folder}", str(path)]
            subprocess.run(command, check=True, capture_output=True)
            [text] = [file.read_text() for file in Path(folder).iterdir() if file.is_file()]
            return text

    def tables(self, kind):
        """The tables that the notebook shows, in one of their forms."""
        tables = [forms[kind] for forms in data(self.cells) if "<table>" in forms.get("text/html", "")]
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


class Elsewhere(unittest.TestCase):
    """A notebook that was copied to another folder."""

    def test_runs_by_the_programs_that_execute_notebooks(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        notebook = json.loads(MAIN.read_text())
        first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
        code = 'println!("{}", Network::mlp([3, 2], 0)?.summary().parameters());'
        second = dict(first, id="second", source=code)
        notebook["cells"] = [dict(cell, outputs=[], execution_count=None) for cell in (first, second)]
        # Beside a crate that is another one.
        copies = Path(folder.name) / "copies"
        copies.mkdir()
        (Path(folder.name) / "Cargo.toml").write_text('[package]\nname = "another"\n')
        path = copies / "copied.ipynb"
        path.write_text(json.dumps(notebook))
        for program in (["execute", "--inplace"], ["nbconvert", "--execute", "--to=notebook", "--inplace"]):
            with self.subTest(program[0]):
                # These programs give up after a minute, which a busy machine may take to start a kernel.
                standby(notebooks=copies)
                command = [sys.executable, "-m", "jupyter", *program, str(path)]
                done = subprocess.run(command, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual("".join(code_cells(path)[1]["outputs"][0]["text"]), "8\n")


class MainExecuted(Executed, unittest.TestCase):
    notebook = MAIN

    def test_exports_a_page_with_a_pad_to_draw_on(self):
        with self.exported_page() as page:
            self.assertRegex(draw_a_seven(page), "a CNN: 7, ")


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


if __name__ == "__main__":
    main()
