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


# A 7, by the keys that move the pen from the middle of the pad.
SEVEN = (
    ["ArrowLeft"] * 7
    + ["ArrowUp"] * 8
    + ["Space"]
    + ["ArrowRight"] * 14
    + ["ArrowDown", "ArrowDown", "ArrowLeft"] * 8
    + ["Space"]
)


def draw_a_seven(page, by="mouse"):
    """Draws on the pad that a cell shows, by mouse, finger or keyboard; gives the answer."""
    frame = page.locator("iframe[title='Draw a digit']")
    frame.scroll_into_view_if_needed()
    pad, answer = [frame.content_frame.locator(name) for name in ("#pad", "#answer")]
    pad.press("Delete")
    box = pad.bounding_box()
    places = [
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in [(0.3, 0.2), (0.7, 0.2), (0.5, 0.8)]
    ]
    {"mouse": with_the_mouse, "finger": with_a_finger, "keyboard": with_keys}[by](page, pad, places)
    answer.filter(has_not_text="Nothing drawn").wait_for()
    return answer.inner_text()


def with_the_mouse(page, pad, places):
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def with_a_finger(page, pad, places):
    browser = page.context.new_cdp_session(page)
    browser.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, place in zip(["touchStart", "touchMove", "touchMove"], places, strict=True):
        browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [dict(zip("xy", place, strict=True))]})
    browser.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    browser.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


def with_keys(page, pad, places):
    for key in SEVEN:
        pad.press(key)
