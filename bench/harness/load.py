"""One timed load against one proxy: wrk's numbers beside the CPU time the proxy's processes used for it."""

import dataclasses
import json
import os
import subprocess
import time

from .contenders import BENCH, LOAD_CORE, PROXY_CORE
from .processes import BenchError, busy_seconds, cpu_seconds

# nginx without request buffering closes a connection now and then after an upload; that is reported, not refused.
FAILED_SHARE = 0.01
# A load during which other processes used more of the proxy's core than this is repeated.
FOREIGN_SHARE = 0.05
TRIES = 3
CONNECTIONS = 64


@dataclasses.dataclass(frozen=True)
class Case:
    """What is asked for: a path of the origin, and how many bytes each request uploads (0: a GET)."""

    name: str
    title: str
    path: str
    upload: int = 0


CASES = [
    Case("get-100", "GET, 100 B answer", "/bytes/100"),
    Case("get-16k", "GET, 16 KiB answer", f"/bytes/{16 << 10}"),
    Case("get-1m", "GET, 1 MiB answer", f"/bytes/{1 << 20}"),
    Case("post-100k", "POST, 100 KiB upload", "/upload", 100 << 10),
]


@dataclasses.dataclass(frozen=True)
class Sample:
    """One load of a few seconds. Times are microseconds; `busy` and `foreign` are shares of the proxy's core."""

    requests: int
    rate: float
    user: float
    system: float
    p50: float
    p99: float
    busy: float
    foreign: float
    failed: int

    @property
    def cpu(self):
        """User and system CPU of the proxy's whole process tree per request, in microseconds."""
        return self.user + self.system


def run_wrk(port, case, seconds, connections):
    """Runs wrk on the load's core and returns its results; more than a few failed requests are an error."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s"]
    command += ["-s", os.path.join(BENCH, "load.lua"), f"http://127.0.0.1:{port}{case.path}"]
    if case.upload:
        command += ["--", str(case.upload)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise BenchError(f"wrk gave no result: {(done.stdout + done.stderr).strip()[-200:]}")
    result = json.loads(lines[0].removeprefix("RESULT "))
    if result["failed"] > result["requests"] * FAILED_SHARE:
        raise BenchError(f"{result['failed']} of {result['requests']} requests failed ({case.name})")
    if not result["requests"]:
        raise BenchError(f"no request was answered ({case.name})")
    return result


def measure_quietly(contender, case, seconds):
    """Warms the proxy up and loads it, again when other work disturbed it; returns the least disturbed sample."""
    run_wrk(contender.port, case, 1, CONNECTIONS)
    samples = []
    while len(samples) < TRIES and (not samples or samples[-1].foreign > FOREIGN_SHARE):
        samples.append(measure(contender, case, seconds))
    return min(samples, key=lambda sample: sample.foreign)


def measure(contender, case, seconds, connections=CONNECTIONS):
    """Loads the proxy and returns the sample."""
    root = contender.process.pid
    busy_before, began = busy_seconds(PROXY_CORE), time.monotonic()
    user_before, system_before = cpu_seconds(root)
    result = run_wrk(contender.port, case, seconds, connections)
    user_after, system_after = cpu_seconds(root)
    wall = time.monotonic() - began
    used = user_after - user_before + system_after - system_before
    requests = result["requests"]
    return Sample(
        requests=requests,
        rate=requests / result["seconds"],
        user=(user_after - user_before) * 1e6 / requests,
        system=(system_after - system_before) * 1e6 / requests,
        p50=result["p50_us"],
        p99=result["p99_us"],
        busy=used / wall,
        foreign=max(0.0, busy_seconds(PROXY_CORE) - busy_before - used) / wall,
        failed=result["failed"],
    )
