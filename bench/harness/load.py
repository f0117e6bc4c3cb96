"""One timed load against one proxy: the load program's numbers beside the CPU time of the proxy's processes."""

import dataclasses
import time

from .contenders import PROXY_CORE
from .hits import all_hits
from .processes import BenchError, busy_seconds, cpu_seconds
from .tools import load_command, load_result, run_load, run_tool

# A load during which other processes used more of the proxy's core than this is repeated.
FOREIGN_SHARE = 0.05
TRIES = 3


@dataclasses.dataclass(frozen=True)
class Sample:
    """One load of a few seconds. Times are microseconds; `busy` and `foreign` are shares of the proxy's core.

    In a handshake case a request is a connection, and `resumed` counts those that were resumed.
    """

    requests: int
    rate: float
    user: float
    system: float
    p50: float
    p99: float
    busy: float
    foreign: float
    failed: int
    resumed: int

    @property
    def cpu(self):
        """User and system CPU of the proxy's whole process tree per request, in microseconds."""
        return self.user + self.system


def measure_case(contender, case, seconds):
    """Measures quietly; a cached case only counts when every answer came from the cache."""
    if case.cached:
        return all_hits(contender, case, lambda: measure_quietly(contender, case, seconds))
    return measure_quietly(contender, case, seconds)


def measure_quietly(contender, case, seconds):
    """Warms the proxy up and loads it, again when other work disturbed it; returns the least disturbed sample."""
    run_load(contender, case, 1)
    samples = []
    while len(samples) < TRIES and (not samples or samples[-1].foreign > FOREIGN_SHARE):
        samples.append(measure(contender, case, seconds))
    return min(samples, key=lambda sample: sample.foreign)


def measure(contender, case, seconds):
    """Loads the proxy and returns the sample."""
    root = contender.process.pid
    command = load_command(contender, case, seconds)
    busy_before, began = busy_seconds(PROXY_CORE), time.monotonic()
    user_before, system_before = cpu_seconds(root)
    done = run_tool(command, seconds)
    user_after, system_after = cpu_seconds(root)
    wall = time.monotonic() - began
    used = user_after - user_before + system_after - system_before
    foreign = max(0.0, busy_seconds(PROXY_CORE) - busy_before - used) / wall
    result = load_result(contender, case, done, seconds)
    if not used:
        raise BenchError(f"the CPU time used is too little to be measured ({case.name})")
    requests = result["requests"]
    return Sample(
        requests=requests,
        rate=requests / result["seconds"],
        user=(user_after - user_before) * 1e6 / requests,
        system=(system_after - system_before) * 1e6 / requests,
        p50=result["p50_us"],
        p99=result["p99_us"],
        busy=used / wall,
        foreign=foreign,
        failed=result["failed"],
        resumed=result.get("resumed", 0),
    )
