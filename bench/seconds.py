"""Trains to 98, 99 and 99.5 % of the test digits, each from 30 seeds, and the smallest network that reaches 99 % from
5: `bench/seconds.csv`. The seconds are those of a whole process of bench/seconds.rs, from its start to its end. Names
behind the script choose goals; the lines of the others stay.
"""

import csv
import os
import re
import sys
from pathlib import Path

from markdown import rows_of
from training import EXAMPLES, machine, run

SEEDS = {"98": 30, "99": 30, "99.5": 30, "smallest": 5}
LINE = re.compile(r"[\w.]+: ([\d.]+) % of 10000 digits after [\d.]+ s, (\d+) parameters, (\d+) bits")
COLUMNS = ["goal", "seed", "accuracy", "seconds", "peak_memory_mb", "parameters", "bits", "machine"]


def main():
    goals = sys.argv[1:] or list(SEEDS)
    path = Path(__file__).with_name("seconds.csv")
    rows = [row for row in rows_of(path.name) if row["goal"] not in goals] if path.exists() else []
    # In turn: a slow minute of the machine meets all of them.
    for seed in range(max(SEEDS.values())):
        for goal in goals:
            if seed < SEEDS[goal]:
                [(line, _)], seconds, memory = run([EXAMPLES / "seconds", goal], parse=str, SEED=seed)
                accuracy, parameters, bits = LINE.match(line).groups()
                print(f"seed {seed}: {line.strip()}; {seconds:.2f} s in all", flush=True)
                values = [goal, seed, accuracy, f"{seconds:.2f}", f"{memory:.0f}", parameters, bits, machine()]
                rows.append(dict(zip(COLUMNS, values)))
    partial = path.with_suffix(".partial")
    with open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)


if __name__ == "__main__":
    main()
