"""What the browser tests share: where Chromium is, and what axe finds on a page."""

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
