"""What the browser tests share: where Chromium is, what axe finds on a page, and a digit drawn on the pad."""

import os
import shutil


def chromium():
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    found = [path for name in names if (path := shutil.which(name))]
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return found[0] if found else mac if os.path.exists(mac) else None


def accessibility_violations(page, context=None):
    """What axe finds within these parts of a page (selectors), or in all of it but its frames: a line for each."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context).response["violations"]
    return [f"{rule['id']}: {node['html'][:200]}" for rule in found for node in rule["nodes"]]


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
