"""Compiles the benchmark's C programs when they are first needed."""

import os
import subprocess

from .contenders import BENCH
from .processes import BenchError


def compiled(source, target, *options):
    """The path `target`, after building it from a C file of bench/ unless it is there already."""
    if not os.path.exists(target):
        command = ["cc", "-O2", "-Wall", "-o", target, os.path.join(BENCH, source), *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"cc cannot build {source}: {done.stderr.strip()[-200:]}")
    return target
