"""What the browser tests share: where Chromium is."""

import os
import shutil


def chromium():
    names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    found = [path for name in names if (path := shutil.which(name))]
    mac = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    return found[0] if found else mac if os.path.exists(mac) else None
