"""What bench/micro measures for the report, each part in a process of its own."""

import json
import os
import subprocess

from .contenders import BENCH, LOAD_CORE
from .processes import BenchError

PARTS = ("cache-memory", "hit-ratio")
PROGRAM = os.path.join(BENCH, "micro", ".build", "release", "micro")
PATIENCE = 300.0


def measured(part):
    """The rows that the program prints for a part, a line of JSON each."""
    if not os.access(PROGRAM, os.X_OK):
        raise BenchError("it is not built (make bench)")
    try:
        done = subprocess.run(
            [PROGRAM, part],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError("it did not end") from error
    if done.returncode:
        raise BenchError(f"it failed: {done.stderr.strip()[-200:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]
