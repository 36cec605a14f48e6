"""Checks of the pages, from a file in a real browser: how one draws on the pad, that it answers as Rust does, and that
a run's confusion matrix shows its mistakes.

With MNIST_QUICK set, fewer digits and pads are compared.
"""

import base64
import csv
import gzip
import json
import os
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path
from random import Random

from browser import accessibility_violations, chromium
from common import BUILT, ROOT, main

PAGE = ROOT / "out" / "page.html"
COMMITTED = ROOT / "page" / "draw.html"
NETWORK = ROOT / "models" / "page"
QUICK = "MNIST_QUICK" in os.environ
DIGITS, PADS, PICTURES = (1_000, 100, 60) if QUICK else (10_000, 1_000, 450)
LARGEST = 200_000  # bytes
HANDS = 5 if QUICK else 50
CLOSE = 1e-4
# A 3 and a 7, in the pad's own pixels.
THREE = [(80, 70), (140, 50), (190, 80), (170, 120), (130, 135), (180, 150), (195, 190), (150, 230), (80, 215)]
SEVEN = [(80, 60), (200, 60), (130, 220)]


def run(program, *arguments):
    """What a program of the crate prints."""
    command = [BUILT / program, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[:1_000])
    return done.stdout


def test_digits():
    """MNIST's test digits as bytes, 784 for each, and their labels; nothing where MNIST is not at hand."""
    folder = os.environ.get("MNIST_DIR")
    contents = []
    for name in ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"):
        found = [path for path in Path(folder or "/nowhere").glob(f"{name}*")]
        if not found:
            return None
        bytes_ = found[0].read_bytes()
        contents.append(gzip.decompress(bytes_) if found[0].suffix == ".gz" else bytes_)
    return contents[0][16:], contents[1][8:]


def write_noise(folder, parts):
    """A data set of three classes as IDX files: so many pictures of 8 x 8 random pixels in each part."""
    for part, count in parts.items():
        random = Random(count)
        pixels, labels = random.randbytes(64 * count), bytes(random.randrange(3) for _ in range(count))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4i", 0x803, count, 8, 8) + pixels)
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2i", 0x801, count) + labels)


class InBrowser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not chromium():
            raise unittest.SkipTest("Chromium is not installed, so no page is opened in a browser")
        from playwright.sync_api import sync_playwright

        subprocess.run(["cargo", "build", "--quiet", "--bins", "--examples"], cwd=ROOT, check=True)
        cls.playwright = sync_playwright().start()
        cls.addClassCleanup(cls.playwright.stop)
        cls.browser = cls.playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)

    def open(self, file=PAGE, **options):
        """A page in a new window, in which every error and every request is an error of the test."""
        context = self.browser.new_context(**options)
        self.addCleanup(context.close)
        page = context.new_page()
        requests, problems = [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.goto(file.as_uri())
        self.addCleanup(lambda: self.assertEqual((set(requests), problems), ({file.as_uri()}, [])))
        return page


class Pad(InBrowser):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        run("mnist-classification", "page")

    def places(self, page, points):
        box = page.locator("#pad").bounding_box()
        return [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in points]

    def draw(self, page, points):
        first, *others = self.places(page, points)
        page.mouse.move(*first)
        page.mouse.down()
        for place in others:
            page.mouse.move(*place, steps=4)
        page.mouse.up()

    def answer(self, page):
        return page.locator("#answer").inner_text()

    def test_is_one_small_file_that_may_load_nothing(self):
        self.assertLessEqual(PAGE.stat().st_size, LARGEST)
        self.assertEqual(PAGE.read_text(), COMMITTED.read_text(), "make page has not been run since")
        self.assertIn("default-src 'none'; script-src 'sha256-", PAGE.read_text())
        self.assertEqual(self.answer(self.open()), "Nothing drawn")

    def test_reads_what_a_mouse_draws(self):
        page = self.open()
        self.draw(page, THREE)
        self.assertRegex(self.answer(page), r"^3, (> )?\d+\.\d %$")
        shares = page.locator("#digits li span:last-child").all_inner_texts()
        self.assertEqual(len(shares), 10)
        self.assertAlmostEqual(sum(float(share.split()[-2]) for share in shares), 100, delta=0.5)
        self.assertRegex(page.locator(".seen").get_attribute("aria-label"), "^a 3 in 28 by 28 pixels$")

    def test_undoes_and_clears(self):
        page = self.open()
        self.draw(page, THREE)
        self.draw(page, [(20, 20), (20, 22)])
        self.draw(page, [(250, 250), (250, 252)])
        page.get_by_role("button", name="Undo").click()
        self.assertEqual(page.evaluate("strokes.length"), 2)
        page.locator("#pad").press("Backspace")
        self.assertRegex(self.answer(page), "^3, ")
        page.get_by_role("button", name="Clear").click()
        self.assertEqual(self.answer(page), "Nothing drawn")
        self.draw(page, SEVEN)
        page.locator("#pad").press("Delete")
        self.assertEqual(self.answer(page), "Nothing drawn")
        page.get_by_role("button", name="Undo").click()
        self.assertEqual(self.answer(page), "Nothing drawn")

    def test_reads_what_the_keyboard_draws(self):
        page = self.open()
        pad = page.locator("#pad")
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.id"), "pad")
        for key, times in [("ArrowUp", 8), (" ", 1), ("ArrowDown", 14), ("Shift+ArrowDown", 5)]:
            for _ in range(times):
                pad.press("Space" if key == " " else key)
        self.assertEqual(self.answer(page), "Pen down")
        self.assertTrue(page.locator("#pen").is_visible())
        pad.press("Space")
        self.assertRegex(self.answer(page), "^1")
        self.assertEqual(page.evaluate("strokes[0].at(-1)"), [140, 210])

    def test_reads_what_a_finger_draws_without_scrolling(self):
        page = self.open(viewport={"width": 360, "height": 500}, has_touch=True, is_mobile=True)
        touch = page.context.new_cdp_session(page)
        first, *others = self.places(page, THREE)
        for kind, (x, y) in [("touchStart", first), *(("touchMove", place) for place in others)]:
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_function("answer.textContent.startsWith('3')")
        self.assertEqual(page.evaluate("scrollY"), 0)
        self.assertEqual(page.evaluate("document.documentElement.scrollWidth"), 360)

    def test_reads_a_number(self):
        page = self.open()
        self.draw(page, [(x / 2, 60 + y / 2) for x, y in THREE])
        self.draw(page, [(150 + x / 2, 60 + y / 2) for x, y in SEVEN])
        self.assertRegex(self.answer(page), "^37")
        self.assertEqual(page.locator("#digits figure").count(), 2)

    def test_reads_rows_and_marks(self):
        page = self.open()
        for left in [-30, 120]:
            self.draw(page, [(left + 0.6 * x, 0.6 * y) for x, y in SEVEN])
        self.draw(page, [(128, 130), (130, 130)])
        self.assertRegex(self.answer(page), r"^7\.7: ")
        page.get_by_role("button", name="Undo").click()
        self.draw(page, [(20 + 0.6 * x, 145 + 0.5 * y) for x, y in SEVEN])
        self.assertRegex(self.answer(page), "^77 7: ")

    def test_reads_a_digit_in_pieces(self):
        page = self.open()
        self.draw(page, [(95, 85), (90, 130), (115, 125), (135, 150), (125, 190), (75, 195)])
        self.draw(page, [(168, 90), (215, 66)])
        self.assertEqual(page.evaluate("writingOn(inkOfPad()).digits.length"), 2)
        self.assertRegex(self.answer(page), r"^5( \(a digit may be in pieces\))?, (> )?\d+\.\d %$")

    def test_the_pen_may_change_in_the_middle_of_a_stroke(self):
        page = self.open()
        pad = page.locator("#pad")
        first, second, third = self.places(page, SEVEN)
        page.mouse.move(*first)
        page.mouse.down()
        page.mouse.move(*second)
        pad.press("Delete")
        page.mouse.move(*third)
        page.mouse.up()
        self.assertEqual((self.answer(page), page.evaluate("strokes.length")), ("Nothing drawn", 0))
        pad.press("Space")
        self.draw(page, SEVEN)
        self.assertEqual(page.evaluate("strokes.map(points => points.length > 1)"), [False, True])

    def test_a_palm_that_lies_before_the_pen_draws_nothing(self):
        page = self.open(has_touch=True)
        devices = page.context.new_cdp_session(page)
        (palm,), places = self.places(page, [(240, 240)]), self.places(page, SEVEN)
        touch = {"type": "touchStart", "touchPoints": [{"x": palm[0], "y": palm[1]}]}
        pen = {"button": "left", "pointerType": "pen", "clickCount": 1}
        devices.send("Input.dispatchTouchEvent", touch)
        for kind, (x, y) in zip(["mousePressed", "mouseMoved", "mouseMoved", "mouseReleased"], [*places, places[-1]]):
            devices.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, **pen})
        devices.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        devices.send("Input.dispatchTouchEvent", touch)
        devices.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        self.assertRegex(self.answer(page), "^7, ")
        self.assertEqual(page.evaluate("strokes.length"), 1)

    def test_reads_where_the_browser_falsifies_what_is_on_a_canvas(self):
        page = self.open()
        page.evaluate("() => { CanvasRenderingContext2D.prototype.getImageData = () => new ImageData(280, 280); }")
        self.draw(page, SEVEN)
        self.assertRegex(self.answer(page), "^7, ")

    def test_learns_a_hand_and_forgets_it(self):
        page = self.open()
        self.draw(page, THREE)
        chances = lambda: page.evaluate("read().digits[0].chances[0]")  # noqa: E731
        before = chances()
        page.get_by_role("button", name="It is a 8").click()
        self.assertRegex(self.answer(page), "^8")
        self.assertEqual(page.locator("#learnt").inner_text(), "1 correction learnt.")
        page.reload()
        self.draw(page, THREE)
        self.assertRegex(self.answer(page), "^3, ")
        page.get_by_role("button", name="It is a 8").click()
        page.get_by_label("Keep in this browser").check()
        page.reload()
        self.draw(page, THREE)
        self.assertRegex(self.answer(page), "^8")
        page.get_by_role("button", name="Forget").click()
        self.assertEqual(chances(), before)
        self.assertEqual(page.evaluate("localStorage.length"), 0)
        page.reload()
        self.draw(page, THREE)
        self.assertEqual(chances(), before)

    @unittest.skipUnless(test_digits(), "MNIST_DIR names no folder with MNIST's test digits")
    def test_reads_pictures_as_predict_reads_them(self):
        page = self.open()
        with tempfile.TemporaryDirectory() as folder:
            run("examples/pictures", "--draw", folder, PICTURES, 5)
            self.compare_pictures(page, sorted(Path(folder).glob("*.png")))

    def compare_pictures(self, page, pictures):
        lines = run("mnist-classification", "predict", "--json", "--run", NETWORK, *pictures).splitlines()
        different = []
        for path, line in zip(pictures, map(json.loads, lines), strict=True):
            page.locator("#file").set_input_files(path)
            text, chances = page.evaluate(READ_PICTURE)
            expected = [list(digit["probabilities"].values()) for digit in line["digits"]]
            pairs = [pair for both in zip(chances, expected) for pair in zip(*both)]
            if text != line["answer"] or max(abs(one - other) for one, other in pairs) >= CLOSE:
                different.append((path.name, text, line["answer"]))
        print(f"\n{len(pictures)} pictures: {len(different)} are not read alike {different}")
        self.assertLessEqual(len(different), len(pictures) / 50)

    def test_a_picture_may_be_pasted_and_what_is_none_is_told(self):
        page = self.open()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture.png"
            path.write_text("no picture")
            page.locator("#file").set_input_files(path)
        page.get_by_text("This file is no picture").wait_for()
        self.draw(page, SEVEN)
        page.evaluate(PASTE_WHAT_IS_ON_THE_PAD)
        self.assertEqual(page.evaluate(READ_PICTURE)[0], "7")
        page.get_by_role("button", name="Clear").click()
        self.assertEqual(self.answer(page), "Nothing drawn")

    @unittest.skipUnless(test_digits(), "MNIST_DIR names no folder with MNIST's test digits")
    def test_ten_corrections_halve_the_mistakes_of_a_hand(self):
        page = self.open()
        images, labels = test_digits()
        mistakes = [0, 0]
        for hand in range(HANDS):
            first = [labels.index(digit, 150 * hand) for digit in range(10)]
            glyphs = base64.b64encode(b"".join(images[784 * at : 784 * at + 784] for at in first)).decode()
            mistakes = [one + more for one, more in zip(mistakes, page.evaluate(WRITE_AS_A_HAND, [hand, glyphs]))]
        print(f"\n{HANDS} hands, 60 digits each: {mistakes[0]} mistakes before, {mistakes[1]} after ten corrections")
        self.assertGreater(mistakes[0], HANDS)
        self.assertLessEqual(2 * mistakes[1], mistakes[0])

    def test_axe_finds_nothing_in_light_and_in_dark(self):
        for scheme in ["light", "dark"]:
            page = self.open(color_scheme=scheme)
            self.assertEqual(accessibility_violations(page), [], f"{scheme}, nothing drawn")
            self.draw(page, THREE)
            self.assertRegex(self.answer(page), "^3, ")
            self.assertEqual(accessibility_violations(page), [], f"{scheme}, a 3 drawn")

    def compare_with_rust(self, page, network, count):
        """Gives how many of the first test digits the page reads right, and how far it is from Rust's probabilities."""
        images, labels = test_digits()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "probabilities"
            run("examples/probabilities", network, file)
            expected = struct.unpack(f"<{10 * len(labels)}d", file.read_bytes())
        right, furthest = 0, 0
        for start in range(0, count, 500):
            chunk = base64.b64encode(images[784 * start : 784 * (start + 500)]).decode()
            for index, found in enumerate(page.evaluate(READ_DIGITS, chunk), start):
                rusts = expected[10 * index : 10 * index + 10]
                furthest = max(furthest, *(abs(one - other) for one, other in zip(found, rusts)))
                self.assertEqual(found.index(max(found)), rusts.index(max(rusts)), f"test digit {index}")
                right += found.index(max(found)) == labels[index]
        return right, furthest

    @unittest.skipUnless(test_digits(), "MNIST_DIR names no folder with MNIST's test digits")
    def test_gives_the_test_digits_the_same_probabilities_as_rust(self):
        right, furthest = self.compare_with_rust(self.open(), NETWORK, DIGITS)
        print(f"\n{right} of {DIGITS} test digits are right; at most {furthest:.1e} from Rust's probabilities")
        self.assertLess(furthest, CLOSE)
        self.assertGreaterEqual(right / DIGITS, 0.995)

    @unittest.skipUnless(test_digits(), "MNIST_DIR names no folder with MNIST's test digits")
    def test_runs_convolutions_with_any_stride_and_padding(self):
        first = {"Convolution": {"channels": 6, "size": 5, "stride": 2, "padding": 1}}
        second = {"Convolution": {"channels": 8, "size": 4, "stride": 3, "padding": 0}}
        plan = {"input": [1, 28, 28], "layers": [first, "Relu", second, "Flatten", {"Dense": 10}]}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            (path / "plan.json").write_text(json.dumps(plan))
            model = ["--model", path / "plan.json", "--epochs", 1]
            run("mnist-classification", "--data", "drawn", *model, "--out", path / "run")
            of_page = ["--out", path / "page.html", "--network", path / "network"]
            run("mnist-classification", "page", "--run", path / "run", *of_page)
            _, furthest = self.compare_with_rust(self.open(path / "page.html"), path / "network", 1_000)
        self.assertLess(furthest, CLOSE)

    def test_reads_pads_as_predict_reads_their_pictures(self):
        page = self.open()
        found, furthest = {}, []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(PADS):
                picture, reading = page.evaluate(DRAW_AT_RANDOM, number)
                path = Path(folder) / f"{number:04}.png"
                path.write_bytes(base64.b64decode(picture.split(",")[1]))
                found[str(path)] = reading
            predicted = run("mnist-classification", "predict", "--json", "--run", NETWORK, folder)
            for line in map(json.loads, predicted.splitlines()):
                digits = [list(digit["probabilities"].values()) for digit in line["digits"]]
                reading = found.pop(line["file"])
                self.assertEqual((reading["text"], len(reading["digits"])), (line["answer"], len(digits)), line["file"])
                self.assertEqual(reading["doubt"], line["doubt"], line["file"])
                pairs = [pair for both in zip(reading["digits"], digits) for pair in zip(*both)]
                furthest.append(max(abs(one - other) for one, other in pairs))
        self.assertEqual(found, {})
        furthest.sort()
        print(f"\n{PADS} pads: at most {furthest[-1]:.1e} from Rust's probabilities, of all but two {furthest[-3]:.1e}")
        # In 32 and 64 bits, a pixel that lies at a threshold may fall on either side of it.
        self.assertLess(furthest[-3], CLOSE)
        self.assertLess(furthest[-1], 100 * CLOSE)


class Mistakes(InBrowser):
    def test_a_count_shows_its_digits_by_mouse_and_by_keyboard(self):
        with tempfile.TemporaryDirectory() as folder:
            data, results = Path(folder) / "noise", Path(folder) / "run"
            data.mkdir()
            write_noise(data, {"train": 90, "t10k": 60})
            run("mnist-classification", "--data", data, "--epochs", 1, "--out", results)
            counts = list(csv.reader((results / "confusion_matrix.csv").read_text().splitlines()))
            page = self.open(results / "mistakes.html")
        wrong = {(truth, predicted): int(count)
                 for truth, (_, *row) in enumerate(counts[1:]) for predicted, count in enumerate(row)
                 if truth != predicted and count != "0"}  # fmt: skip
        self.assertEqual(
            page.locator("#about").inner_text(),
            f"noise: {sum(wrong.values())} of 60 samples are taken for another class.",
        )
        for (truth, predicted), count in wrong.items():
            button = page.get_by_role("button", name=f"{truth} taken for {predicted}: {count}")
            if truth:
                button.click()
            else:
                button.press("Enter")
            self.assertEqual(button.get_attribute("aria-pressed"), "true")
            self.assertEqual(page.locator("[aria-pressed=true]").count(), 1)
            self.assertIn(f"{count} × {truth} taken for {predicted}", page.locator("#chosen").inner_text())
            self.assertEqual(page.locator("figure canvas").count(), count)
        self.assertGreater(len(wrong), 1)


# From bytes to each digit's probabilities.
READ_DIGITS = """text => {
    const pixels = Float32Array.from(atob(text), letter => letter.charCodeAt(0) / 255);
    return Array.from({ length: pixels.length / 784 },
        (_, index) => probabilities({ ...networks[0], none: undefined }, pixels.subarray(784 * index, 784 * index + 784)));
}"""

# What a picture was read as: the text, and the probabilities of each digit; the next one may follow.
READ_PICTURE = """async () => {
    while (picture === null) await new Promise(next => setTimeout(next, 2));
    const reading = read();
    picture = null;
    return [textOf(reading, 0), reading.digits.map(({ chances: [chances] }) => chances.slice(0, 10))];
}"""

# A hand that writes its ten glyphs with a slant, a turn and proportions of its own, a little differently each time:
# the mistakes in 60 digits before and after at most ten corrections of 60 others.
WRITE_AS_A_HAND = """([seed, glyphs]) => {
    let state = 7 * seed + 1;
    const random = () => (state = Math.imul(state ^ (state >>> 15), 2246822519) + 374761393 | 0, (state >>> 8) / 2 ** 23 - 1);
    const pixels = Float32Array.from(atob(glyphs), letter => letter.charCodeAt(0) / 255);
    const [turn, slant, wide, high] = [0.5 * random(), 0.9 * random(), Math.exp(0.4 * random()), Math.exp(0.4 * random())];
    const write = digit => {
        const [angle, lean, x0, y0] = [turn + 0.1 * random(), slant + 0.1 * random(), wide + 0.08 * random(), high + 0.08 * random()];
        const [sine, cosine] = [Math.sin(angle), Math.cos(angle)], result = plane(28, 28);
        const ink = (x, y) => x < 0 || y < 0 || x > 27 || y > 27 ? 0 : pixels[784 * digit + 28 * y + x];
        result.values.forEach((_, at) => {
            const [x, y] = [(at % 28 - 13.5) * 1.3 * x0, (Math.floor(at / 28) - 13.5) * 1.3 * y0];
            const [across, down] = [cosine * x + (cosine * lean - sine) * y + 13.5, sine * x + (sine * lean + cosine) * y + 13.5];
            const [left, top] = [Math.floor(across), Math.floor(down)], [right, below] = [across - left, down - top];
            const row = y => ink(left, y) * (1 - right) + ink(left + 1, y) * right;
            result.values[at] = row(top) * (1 - below) + row(top + 1) * below;
        });
        return centred(cut(result));
    };
    const isRight = (values, digit) => bestOf(probabilities(networks[0], values)) === digit;
    const digits = Array.from({ length: 120 }, (_, at) => [write(at % 10), at % 10]);
    const wrong = () => digits.slice(60).filter(([values, digit]) => !isRight(values, digit)).length;
    const before = wrong(), first = probabilities(networks[0], digits[0][0]).join();
    for (const [values, digit] of digits.slice(0, 60)) {
        if (corrections.length < 10 && !isRight(values, digit)) correct(values, digit);
    }
    const after = wrong();
    forget();
    if (probabilities(networks[0], digits[0][0]).join() !== first) throw new Error("not forgotten");
    return [before, after];
}"""

PASTE_WHAT_IS_ON_THE_PAD = """async () => {
    const blob = await new Promise(resolve => pad.toBlob(resolve)), data = new DataTransfer();
    data.items.add(new File([blob], "pad.png", { type: "image/png" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data }));
}"""

# Draws one to three curves and perhaps dots and dashes from a seed, reads them, and saves the pad, with the paper around it, as a PNG.
DRAW_AT_RANDOM = """seed => {
    let state = seed + 1;
    const random = () => (state = Math.imul(state ^ (state >>> 15), 2246822519) + 374761393 | 0, (state >>> 8) / 2 ** 24);
    strokes.length = 0;
    const count = 1 + Math.floor(3 * random() ** 2), reach = 30 + 110 * random();
    for (let stroke = 0; stroke < count; stroke++) {
        const [x, y] = [280 * random(), 280 * random()], [first, turn] = [6.28 * random(), 0.5 * (random() - 0.5)];
        let [angle, at] = [first, [140 + (x - 140) / 2, 140 + (y - 140) / 2]];
        const points = [at];
        for (let step = 0; step < reach; step += 8) {
            angle += turn * (0.5 + random());
            at = [at[0] + 8 * Math.cos(angle), at[1] + 8 * Math.sin(angle)].map(part => Math.min(Math.max(part, 0), 280));
            points.push(at);
        }
        strokes.push(points);
    }
    for (let mark = Math.floor(4 * random()); mark > 1; mark--) {
        const at = [20 + 240 * random(), 20 + 240 * random()], length = random() < 0.5 ? 0 : 20 + 60 * random();
        strokes.push([at, [at[0] + length, at[1]]]);
    }
    drawStrokes();
    const reading = read(), digits = reading.digits.map(({ chances: [chances] }) => chances.slice(0, 10));
    const picture = document.createElement("canvas");
    picture.width = picture.height = 280 + 2 * MARGIN;
    const pixels = new ImageData(picture.width, picture.height);
    inkOfPad().values.forEach((ink, at) => pixels.data.set([...Array(3).fill(Math.round(255 - 255 * ink)), 255], 4 * at));
    picture.getContext("2d").putImageData(pixels, 0, 0);
    return [picture.toDataURL(), { digits, text: textOf(reading, 0), doubt: answerInWords(reading, 0).match(/\\((.*)\\)/)?.[1] ?? null }];
}"""


if __name__ == "__main__":
    main()
