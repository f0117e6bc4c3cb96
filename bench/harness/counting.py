"""Counts that hardly depend on the machine: system calls and heap allocations per request."""

import os
import signal
import struct
import subprocess
import time

from .contenders import LOAD_CORE
from .native import compiled
from .processes import BenchError, tree
from .tools import run_load

READS = {"read", "readv", "recvfrom", "recvmsg", "recvmmsg", "preadv"}
WRITES = {"write", "writev", "sendto", "sendmsg", "sendmmsg", "sendfile", "sendfile64"}
WAITS = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select"}
COUNTER_FORMAT = "<5Q"


def system_calls(contender, case, seconds=2):
    """System calls per request under load, by kind; `failed` are those that found nothing to do or failed."""
    summary = os.path.join(contender.keeper.folder, f"{contender.name}.strace")
    name = f"{contender.name}-strace"
    run_load(contender, case, 1)
    command = ["strace", "-c", "-f", "-o", summary]
    for process in tree(contender.process.pid):
        command += ["-p", str(process)]
    tracer = contender.keeper.start(name, command, LOAD_CORE)
    try:
        await_attached(tracer, contender.keeper, name)
        result = run_load(contender, case, seconds)
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
    except subprocess.TimeoutExpired as error:
        raise BenchError("strace did not end") from error
    finally:
        contender.keeper.stop(tracer)
    return per_request(read_summary(summary), result["requests"])


def await_attached(tracer, keeper, name, patience=5.0):
    """Returns when strace follows the process."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and tracer.poll() is None:
        if "attached" in keeper.output(name):
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise BenchError(f"strace cannot attach: {keeper.output(name)}")


def read_summary(path):
    """Calls and failures by name from the table that `strace -c` writes."""
    calls = {}
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            fields = line.split()
            if len(fields) >= 5 and fields[0][0].isdigit() and fields[-1] != "total":
                calls[fields[-1]] = (int(fields[3]), int(fields[4]) if len(fields) == 6 else 0)
    if not calls:
        raise BenchError("strace saw no system call")
    return calls


def per_request(calls, requests):
    """Groups the calls and divides them by the number of requests."""

    def share(names):
        return sum(count for name, (count, _) in calls.items() if name in names) / requests

    known = READS | WRITES | WAITS
    others = sorted(((count / requests, name) for name, (count, _) in calls.items() if name not in known), reverse=True)
    return {
        "reads": share(READS),
        "writes": share(WRITES),
        "waits": share(WAITS),
        "others": sum(count for count, _ in others),
        "failed": sum(failures for _, failures in calls.values()) / requests,
        "names": ", ".join(f"{name} {count:.2f}" for count, name in others if count >= 0.01),
    }


class AllocationCounter:
    """Builds the counting library and reads its counters."""

    def __init__(self, folder):
        self.library = os.path.join(folder, "allocations.so")
        self.file = os.path.join(folder, "allocations.counters")

    def prepare(self):
        """Compiles the library, zeroes the counters and returns the environment that switches counting on."""
        compiled("allocations.c", self.library, "-shared", "-fPIC")
        with open(self.file, "wb") as file:
            file.write(bytes(4096))
        os.chmod(self.file, 0o666)
        return {"LD_PRELOAD": self.library, "BENCH_ALLOCATIONS": self.file}

    def read(self):
        """Allocations so far and bytes asked for so far."""
        with open(self.file, "rb") as file:
            counters = struct.unpack(COUNTER_FORMAT, file.read(struct.calcsize(COUNTER_FORMAT)))
        return sum(counters[:4]), counters[4]


def allocations(contender, counter, case, seconds=2):
    """Allocations and allocated bytes per request of a contender that was started with the counter.

    None for a program that brings its own allocator, which nobody can count from outside.
    """
    started, _ = counter.read()
    if started == 0:
        return None
    run_load(contender, case, 1)
    calls_before, bytes_before = counter.read()
    requests = run_load(contender, case, seconds)["requests"]
    calls_after, bytes_after = counter.read()
    return {
        "allocations": (calls_after - calls_before) / requests,
        "bytes": (bytes_after - bytes_before) / requests,
    }
