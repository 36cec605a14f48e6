"""Nobody else gets in, and nothing that comes from outside gets further than it should."""

import json
import os
import pwd
import re
import shutil
import struct
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import psutil

from report import ROOT, Torture, run
from runs import write_digits

from browser import chromium
from kernel_client import Kernel, processes, sessions
from lab import jupyterlab

MB = 1e6
LARGE = 60_000  # pixels to a side: 3.6 billion in all
SCRIPT = "<img src=x onerror=\"document.title='let in'\">"


def png(width, height):
    """A picture whose header promises these sizes."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    packed = zlib.compress(bytes(1 << 20))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", packed)
        + chunk(b"IEND", b"")
    )


def bmp(width, height):
    return (
        b"BM"
        + struct.pack("<IHHI", 1_000, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
        + bytes(900)
    )


def gif(width, height):
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0x80, 0, 0)
        + bytes(6)
        + b","
        + struct.pack("<HHHHB", 0, 0, width, height, 0)
        + b"\x02\x02\x44\x01\x00;"
    )


def jpeg(width, height):
    """A real picture with other sizes in its header."""
    content = bytearray((ROOT / "notebooks/pictures/number.jpg").read_bytes())
    start = next(content.index(marker) for marker in (b"\xff\xc0", b"\xff\xc2") if marker in content)
    content[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(content)


def webp(width, height):
    body = (
        b"VP8X" + struct.pack("<IB3x", 10, 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    )
    body += b"VP8L" + struct.pack("<I", 6) + b"\x2f\xff\xff\xff\x0f\x00"
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def tiff(width, height):
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, 100),
    ]
    fields = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\x00" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + fields + bytes(200)


def safetensors(header):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


class Access(Torture):
    part = "Access"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_jupyterlab_listens_on_this_machine_and_asks_for_a_token(self):
        with jupyterlab(self.folder) as address:
            server, token = re.match(r"(http://[^/]+)/lab\?token=(\w+)", address).groups()
            for path in ("api/kernels", "api/contents", "api/terminals"):
                with self.assertRaisesRegex(urllib.error.HTTPError, "403"):
                    urllib.request.urlopen(f"{server}/{path}", timeout=10)
            [jupyter] = [process for process in psutil.Process().children() if "jupyterlab" in process.cmdline()]
            port = int(server.rsplit(":", 1)[1])
            listening = [
                found.laddr.ip
                for found in jupyter.net_connections("tcp")
                if found.status == "LISTEN" and found.laddr.port == port
            ]
        self.assertEqual(listening, ["127.0.0.1"])
        self.assertGreaterEqual(len(token), 32)
        self.tried("three of JupyterLab's addresses without its token", 3, "403; it listens on 127.0.0.1 alone")

    def test_sessions_are_closed_to_other_users(self):
        before = sessions()
        kernel = Kernel()
        self.addCleanup(kernel.stop)
        [session] = sessions() - before
        [jupyters] = [Path(kernel.manager.connection_file)]
        of_kernel = [*processes(session), psutil.Process(kernel.manager.provisioner.pid)]
        connections = [found for process in of_kernel for found in process.net_connections("tcp")]
        addresses = {found.laddr.ip for found in connections if found.status == "LISTEN"}
        self.assertEqual(addresses, {"127.0.0.1"})
        self.assertEqual((session.stat().st_mode & 0o777, jupyters.stat().st_mode & 0o077), (0o700, 0))
        files = [session / name for name in ("connection.json", "messages", "lock", "control", "cells/Cargo.toml")] + [
            jupyters
        ]
        for file in files:
            if file != jupyters:
                self.assertTrue(file.exists(), file)
        if os.geteuid() != 0:
            self.skipTest("only root can try it as another user")
        nobody = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": [], "cwd": "/"}
        connect = f"import os, socket; os.chdir({str(session)!r}); socket.socket(socket.AF_UNIX).connect('control')"
        for file in files:
            code = connect if file.name == "control" else f"open({str(file)!r}).read()"
            python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
            done = subprocess.run([python, "-c", code], capture_output=True, text=True, **nobody)
            self.assertIn("PermissionError", done.stderr)
        self.tried(
            "files and socket of a session, as another user",
            len(files),
            "permission denied; its ports are on 127.0.0.1 alone, with a key",
        )

    def test_packages_are_pinned_by_their_hash(self):
        files = [
            ROOT / "requirements.txt",
            ROOT / "bench/requirements.txt",
            *(ROOT / "scripts/requirements").glob("*.txt"),
        ]
        packages = 0
        for file in files:
            text = re.sub(r"#.*", "", file.read_text()).replace("\\\n", " ")
            for line in filter(None, map(str.strip, text.splitlines())):
                if not line.startswith("-"):
                    self.assertRegex(line, r"^[\w.\[\]-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", file)
                    packages += 1
        self.assertIn("--require-hashes", (ROOT / "scripts/setup.py").read_text())
        self.tried("Python's packages in the requirements", packages, "each has a version and its SHA-256")

    def test_headers_that_promise_more_than_memory_holds(self):
        formats = {"png": png, "bmp": bmp, "gif": gif, "jpg": jpeg, "webp": webp, "tiff": tiff}
        largest = 0
        for name, picture in formats.items():
            path = self.folder / f"large.{name}"
            path.write_bytes(picture(LARGE, LARGE))
            done = run("predict", path, folder=self.folder)
            self.assertEqual((done.code, done.errors.count("\n")), (1, 2), done.errors + done.output)
            self.assertRegex(done.errors, "^Network: .+\nerror: ")
            largest = max(largest, done.memory)
        self.assertLess(largest, 700 * MB)
        self.tried(
            f"pictures of {LARGE:,} × {LARGE:,} pixels in a few bytes: " + ", ".join(formats),
            len(formats),
            f"an error on one line; {largest / MB:.0f} MB at most",
        )

    def test_plans_that_ask_for_more_than_memory_holds(self):
        wide = {"input": [784], "layers": [{"Dense": 4_000_000}, {"Dense": 10}]}
        endless = {"input": [2**60, 2**60], "layers": [{"Dense": 10}]}
        many = {
            "input": [1, 28, 28],
            "layers": [{"Convolution": {"channels": 10**9, "size": 9}}, "Flatten", {"Dense": 10}],
        }
        tensors = {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
        contents = [struct.pack("<Q", 2**62), safetensors(tensors)] + [
            safetensors({"__metadata__": {"plan": json.dumps(plan)}}) for plan in (wide, endless, many)
        ]
        largest = 0
        for content in contents:
            path = self.folder / "weights.safetensors"
            path.write_bytes(content)
            done = run("predict", "--run", path, ROOT / "notebooks/pictures/number.jpg", folder=self.folder)
            self.assertEqual((done.code, done.errors.count("\n")), (1, 1), done.errors)
            largest = max(largest, done.memory)
        self.assertLess(largest, 700 * MB)
        self.tried(
            "networks whose header or plan asks for terabytes",
            len(contents),
            f"an error on one line; {largest / MB:.0f} MB at most",
        )

    def test_settings_name_no_files(self):
        write_digits(self.folder / "small")
        for name in ("checkpoint", "out", "data", "file"):
            (self.folder / "settings.json").write_text(json.dumps({name: str(self.folder / "elsewhere")}))
            done = run("--settings", "settings.json", "--data", "small", folder=self.folder)
            self.assertRegex(done.errors, f"found unknown field `{name}`")
        self.assertFalse((self.folder / "elsewhere").exists())
        self.tried("settings that name a file or a folder", 4, "an error on one line")

    @unittest.skipUnless(chromium(), "Chromium is not installed")
    def test_names_are_text_on_a_page(self):
        from playwright.sync_api import sync_playwright

        data = self.folder / SCRIPT
        write_digits(data)
        done = run("--data", data, "--epochs", "1", "--out", "run", folder=self.folder)
        self.assertEqual(done.code, 0, done.errors)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
            page = browser.new_page()
            page.goto((self.folder / "run" / "mistakes.html").as_uri())
            self.assertIn(SCRIPT, page.inner_text("body"))
            self.assertNotEqual(page.title(), "let in")
            browser.close()
        self.tried("`<img onerror>` in the name of a data set", 1, "text on the page")
