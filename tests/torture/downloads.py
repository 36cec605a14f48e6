"""Fetching MNIST from servers that misbehave, on disks that are full, in processes that are killed."""

import contextlib
import gzip
import hashlib
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

from disks import can_mount, ram_disk
from proxy import proxy, respond
from report import PROGRAM, QUICK, ROOT, Torture, run, times

MNIST = os.environ.get("MNIST_DIR")
NAMES = [f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
# Read before the data is, but used after: so the program loads MNIST and trains nothing.
LOADED = r"error: nowhere: no such file; expected mlp, cnn, "
CACHES = "Library/Caches" if sys.platform == "darwin" else "."
MB = 1e6


def good(connection, mirror, name):
    respond(connection, CONTENTS[name])


def status(line, headers=""):
    return lambda connection, mirror, name: respond(connection, b"", line, headers=headers)


def never_ends(connection, mirror, name):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def slowly(connection, mirror, name):
    body = CONTENTS[name]
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode())
    for start in range(0, len(body), 100_000):
        connection.sendall(body[start : start + 100_000])
        time.sleep(0.02)


def cut_off(tenths):
    def answer(connection, mirror, name):
        body = CONTENTS[name]
        respond(connection, body[: len(body) * tenths // 10], length=len(body))

    return answer


def of_length(more):
    return lambda connection, mirror, name: respond(connection, CONTENTS[name], length=len(CONTENTS[name]) + more)


def instead(body):
    return lambda connection, mirror, name: respond(connection, body)


def flipped(connection, mirror, name):
    contents = bytearray(gzip.decompress(CONTENTS[name]))
    contents[-1] ^= 1
    respond(connection, gzip.compress(contents, 1))


def every(number, answer):
    """Every second, third … request is answered so, beginning with the first: the other mirror serves."""
    asked = itertools.count()
    return lambda connection, mirror, name: (good if next(asked) % number else answer)(connection, mirror, name)


def bomb(gigabytes):
    packed = gzip.compress(bytes(1 << 24), 9)
    return packed * (gigabytes * 64)


@unittest.skipUnless(MNIST and shutil.which("openssl"), "MNIST_DIR is not set, or openssl is missing")
@unittest.skipIf((ROOT / "data/mnist").exists(), "MNIST lies in data/mnist, so nothing is fetched")
class Downloads(Torture):
    part = "Downloads"

    @classmethod
    def setUpClass(cls):
        global CONTENTS
        CONTENTS = {name: packed(Path(MNIST), name) for name in NAMES}
        cls.checksums = {name: hashlib.sha256(gzip.decompress(body)).hexdigest() for name, body in CONTENTS.items()}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.cache = self.folder / CACHES / "mnist-classification"
        # The program's own folders and proxies; an empty one is none.
        names = ["MNIST_DIR", "ALL_PROXY", "all_proxy", "https_proxy", "NO_PROXY", "no_proxy"]
        self.own = dict.fromkeys(names, "") | {"HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder)}

    def load(self, answer, limit=60, **variables):
        """Loads MNIST into this test's cache folder from a server with these answers."""
        with proxy(self.folder, answer) as theirs:
            return run("--model", "nowhere", folder=self.folder, limit=limit, **(self.own | theirs | variables))

    def assert_loads(self, answer=good, **options):
        done = self.load(answer, **options)
        self.assertRegex(done.errors, LOADED)
        self.assertEqual(self.bad(), [])
        return done

    def assert_refuses(self, answer, reason, **options):
        """One line that says why, nothing in the cache, and the next run is well."""
        done = self.load(answer, **options)
        self.assertRegex(done.errors, f"^error: MNIST was not found in .*(?:{reason})")
        self.assertEqual((done.code, done.errors.count("\n")), (1, 1))
        self.assertEqual((self.kept(), self.bad()), ([], []))
        self.assertLess(done.memory, 700 * MB)
        return done

    def kept(self):
        return sorted(path.name for path in self.cache.glob("*") if not path.name.startswith("."))

    def bad(self):
        """Files under a final name that are not what they should be."""
        return [name for name in NAMES if (self.cache / name).exists() and not self.is_right(name)]

    def is_right(self, name):
        with contextlib.suppress(OSError, EOFError):
            return hashlib.sha256(gzip.decompress((self.cache / name).read_bytes())).hexdigest() == self.checksums[name]
        return False

    def test_answers_that_are_wrong(self):
        page = b"<!DOCTYPE html><title>Sign in</title>"
        for what, answer, reason in [
            ("403", status("403 Forbidden"), "403"),
            ("404", status("404 Not Found"), "404"),
            ("500", status("500 Internal Server Error"), "500"),
            ("an HTML page in place of the file", instead(page), "invalid gzip header"),
            ("other contents, well packed", flipped, "its contents have SHA-256 [0-9a-f]{64}, expected"),
            ("a redirect that leads to itself", redirect_to_itself, "too many redirects"),
            ("a redirect to plain HTTP", status("302 Found", "Location: http://127.0.0.1:9/file\r\n"), "https only"),
            ("a length that is too small", of_length(-100), "SHA-256|corrupt|unexpected|truncated|EOF|deflate"),
            ("a length that is too large", of_length(100), "."),
            ("a body that never ends", never_ends, "limit"),
            ("10 GB of zeros in 10 MB of gzip", instead(bomb(10)), "."),
        ]:
            with self.subTest(what):
                done = self.assert_refuses(answer, reason)
                memory = f"{done.memory / MB:.0f} MB at most"
                self.tried(what, 1, f"an error on one line after {done.seconds:.1f} s, nothing kept, {memory}")

    def test_connections_that_break(self):
        for tenths in range(1, 10):
            self.assert_refuses(cut_off(tenths), ".")
        self.tried("a connection that breaks after every tenth of a file", 9, "an error on one line, nothing kept")
        self.assert_loads(every(2, cut_off(5)))
        self.tried("a connection that breaks at one mirror", 1, "the other one serves")
        self.assert_loads()

    def test_a_server_that_fails_and_then_serves(self):
        self.assert_loads(every(2, status("500 Internal Server Error")))
        self.tried("500 at every second request", 1, "the other mirror serves")

    def test_a_slow_server(self):
        done = self.assert_loads(slowly)
        self.tried("a slow server", 1, f"loaded after {done.seconds:.0f} s")

    @unittest.skipIf(QUICK, "takes five minutes")
    def test_a_server_that_falls_silent(self):
        done = self.assert_loads(every(1_000, silence), limit=400)
        self.tried(
            "a server that falls silent in the middle of a file",
            1,
            f"given up after {done.seconds:.0f} s; the other mirror serves",
        )

    def test_a_certificate_that_nobody_knows(self):
        self.assert_refuses(good, "[Cc]ertificate|[Ii]ssuer", SSL_CERT_FILE="/etc/ssl/certs/ca-certificates.crt")
        self.tried("a certificate of an unknown authority", 1, "an error on one line, nothing kept")
        self.assert_loads()
        self.tried("a company's proxy, whose authority the system knows", 1, "loaded")

    def test_two_at_once(self):
        def load():
            results.append(run("--model", "nowhere", folder=self.folder, **variables))

        for _ in range(times(10)):
            shutil.rmtree(self.cache, ignore_errors=True)
            results = []
            with proxy(self.folder, slowly) as theirs:
                variables = self.own | theirs
                threads = [threading.Thread(target=load) for _ in range(2)]
                [thread.start() for thread in threads]
                [thread.join() for thread in threads]
            self.assertEqual([bool(re.search(LOADED, done.errors)) for done in results], [True, True])
            self.assertEqual((self.kept(), self.bad()), (sorted(NAMES), []))
        self.tried("two processes at once", times(10), "both loaded")

    def test_killed_at_any_moment(self):
        moments = random.Random(1)
        with proxy(self.folder, slowly) as theirs:
            variables = os.environ | self.own | theirs
            for number in range(times(50)):
                # Files that are whole stay; so that there is something to fetch, now and then all go.
                if number % 5 == 0:
                    shutil.rmtree(self.cache, ignore_errors=True)
                process = subprocess.Popen(
                    [PROGRAM, "--model", "nowhere"], cwd=self.folder, env=variables,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                time.sleep(moments.uniform(0, 3))
                process.send_signal(signal.SIGKILL)
                process.wait()
                self.assertEqual(self.bad(), [])
        self.assert_loads()
        self.tried(
            "SIGKILL at a random moment of a download",
            times(50),
            "never a bad file under a final name; the next run loaded",
        )

    def test_damaged_files_in_the_cache(self):
        self.assert_loads()
        damages = [
            lambda body: body[:-100],
            lambda body: b"",
            lambda body: b"<!DOCTYPE html>",
            lambda body: body[:50] + b"?" + body[51:],
        ]
        for name in NAMES:
            for damage in damages:
                path = self.cache / name
                path.write_bytes(damage(path.read_bytes()))
                self.assert_loads()
        self.tried("a damaged file in the cache", len(NAMES) * len(damages), "fetched again")

    @unittest.skipUnless(can_mount(), "a RAM disk cannot be mounted here")
    def test_disks_that_are_full_or_read_only(self):
        self.cache.mkdir(parents=True)
        with ram_disk(self.cache, "size=10m") as remount:
            done = self.load(good)
            self.assertRegex(done.errors, "^error: .*No space left on device.*\n$")
            self.assertEqual((set(self.kept()) - set(NAMES), self.bad()), (set(), []))
            self.tried(
                "a full disk", 1, f"an error on one line; the {len(self.kept())} files that are whole stay, no other"
            )
            remount("size=100m")
            self.assert_loads()
        with ram_disk(self.cache, "ro"):
            done = self.load(good)
            self.assertRegex(done.errors, "^error: .*Read-only file system.*\n$")
        self.tried("a cache that cannot be written", 1, "an error on one line")


def packed(folder, name):
    path = folder / name
    return path.read_bytes() if path.exists() else gzip.compress((folder / name.removesuffix(".gz")).read_bytes())


def redirect_to_itself(connection, mirror, name):
    respond(connection, b"", "302 Found", headers=f"Location: https://{mirror}/{name}\r\n")


def silence(connection, mirror, name):
    connection.sendall(
        f"HTTP/1.1 200 OK\r\nContent-Length: {len(CONTENTS[name])}\r\n\r\n".encode() + CONTENTS[name][:1000]
    )
    time.sleep(1_000)
