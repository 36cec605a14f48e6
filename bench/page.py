"""Measures how long the page to draw on takes from the end of a stroke to the answer, in a real browser.

A 3 is on the pad; the stroke ends 40 times in each of 5 new windows.
"""

import statistics
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))
from browser import chromium  # noqa: E402

# Draws a 3; then milliseconds from the end of the stroke to the changed page.
TIMES = """() => {
    strokes.push([[80, 70], [140, 50], [190, 80], [170, 120], [130, 135], [180, 150], [195, 190], [150, 230], [80, 215]]);
    drawStrokes();
    return Array.from({ length: 40 }, () => { const start = performance.now(); end(); return performance.now() - start; });
}"""


def main():
    if not chromium():
        sys.exit("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        medians = []
        for _ in range(5):
            page = browser.new_page()
            page.goto((ROOT / "page" / "draw.html").as_uri())
            medians.append(statistics.median(page.evaluate(TIMES)))
            page.close()
        browser.close()
    shown = ", ".join(f"{median:.1f}" for median in sorted(medians))
    print(
        f"from the end of a stroke to the answer: {statistics.median(medians):.1f} ms (medians of the windows: {shown})"
    )


if __name__ == "__main__":
    main()
