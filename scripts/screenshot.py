"""Pictures of the pages that a notebook shows, for viewers without HTML: the pad with a 3 on it, the mistakes with a
count chosen.
"""

import html
import re
import shutil

# In pixels: as wide as the charts.
PAGE_WIDTH = 900
# A 3, in pixels of the pad.
THREE = [(80, 70), (140, 50), (190, 80), (170, 120), (130, 135), (180, 150), (195, 190), (150, 230), (80, 215)]


def screenshot(frame):
    """The PNG of a page, from its iframe."""
    from playwright.sync_api import sync_playwright

    height = int(re.search("height: ([0-9]+)px", frame).group(1))
    document = html.unescape(re.search('srcdoc="([^"]*)"', frame).group(1))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": PAGE_WIDTH, "height": height})
        page.set_content(document)
        if (pad := page.locator("#pad")).count():
            box = pad.bounding_box()
            places = [(box["x"] + x * box["width"] / 280, box["y"] + y * box["height"] / 280) for x, y in THREE]
            page.mouse.move(*places[0])
            page.mouse.down()
            for place in places[1:]:
                page.mouse.move(*place, steps=4)
            page.mouse.up()
        if (count := page.locator("td button")).count():
            count.first.click()
        picture = page.screenshot()
        browser.close()
    return picture
