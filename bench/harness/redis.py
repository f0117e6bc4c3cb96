"""The Redis that holds the counts of a shared quota."""

import os
import time

from .contenders import LOAD_CORE
from .processes import BenchError


def start_redis(program, keeper, path, patience=10.0):
    """Starts it on a Unix socket, keeping nothing on disk, and waits until the socket is there."""
    command = [program, "--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]
    keeper.start("redis", command, LOAD_CORE)
    deadline = time.monotonic() + patience
    while not os.path.exists(path):
        if time.monotonic() > deadline:
            raise BenchError("redis-server does not open its socket")
        time.sleep(0.05)
