"""Trainings at their limits, which tests/edge_cases.rs tries."""

import os
import re
import subprocess

from report import QUICK, ROOT, Torture


class Trainings(Torture):
    part = "Training"

    def test_at_their_limits(self):
        command = ["cargo", "test", "--quiet", "--test", "edge_cases", "--", "--nocapture", "--test-threads=1"]
        long = {} if QUICK else {"TORTURE": "1"}
        done = subprocess.run(command, cwd=ROOT, env=os.environ | long, capture_output=True, text=True, timeout=900)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        rows = re.findall(r"tried: (.+) \| (\d+) \| (.+)", done.stdout)
        self.assertGreater(len(rows), 10)
        for what, count, happened in rows:
            self.tried(what, int(count), happened)
