"""The programs that make load: wrk, h2load and bench/handshakes.c.

Each has a command, and a way to read what it printed as the same numbers: requests, seconds, failed, p50_us and p99_us;
handshakes also tell how many were resumed.
"""

import json
import os
import re
import subprocess

from .contenders import BENCH, LOAD_CORE
from .native import compiled
from .processes import BenchError

# nginx without request buffering closes a connection now and then after an upload; that is reported, not refused.
FAILED_SHARE = 0.01
# A ticket may be refused when its key has just been replaced; more than that is no case of resumption.
NOT_RESUMED_SHARE = 0.01


class Wrk:
    """HTTP/1.1 on kept-alive connections."""

    def command(self, contender, case, seconds):
        """GETs, or POSTs of the case's size."""
        command = ["wrk", "-t1", f"-c{case.connections}", f"-d{seconds}s", "--timeout", "30s"]
        command += ["-s", os.path.join(BENCH, "load.lua"), contender.url(case)]
        return command + (["--", str(case.upload)] if case.upload else [])

    def result(self, contender, done, seconds):
        """What load.lua counted."""
        return result_line(done)


class H2load:
    """HTTP/2, by ALPN over TLS and by prior knowledge in the clear."""

    def command(self, contender, case, seconds):
        """GETs for a fixed time. h2load appends to its log, so the log starts empty here."""
        log = self.log(contender)
        with open(log, "wb"):
            pass
        command = ["h2load", "-t1", f"-c{case.connections}", f"-m{case.streams}", f"-D{seconds}"]
        return command + [f"--log-file={log}", contender.url(case)]

    def result(self, contender, done, seconds):
        """What h2load counted, with times from its log; what it calls errored and timeout is within failed."""
        if re.search(r"^Application protocol: (?!h2)", done.stdout, re.MULTILINE):
            raise BenchError(f"{contender.name} did not agree to HTTP/2")
        found = re.search(r"^requests: .* (\d+) done, .* (\d+) failed", done.stdout, re.MULTILINE)
        if not found:
            raise BenchError(f"h2load gave no result: {(done.stdout + done.stderr).strip()[-200:]}")
        times = self.times(contender)
        return {
            "requests": int(found.group(1)),
            "seconds": float(seconds),
            "failed": int(found.group(2)),
            "p50_us": percentile(times, 0.5),
            "p99_us": percentile(times, 0.99),
        }

    def log(self, contender):
        """Where h2load writes one line for each answer: start, status, microseconds."""
        return os.path.join(contender.keeper.folder, "h2load.log")

    def times(self, contender):
        """Microseconds of each answer, in ascending order."""
        with open(self.log(contender), encoding="ascii") as file:
            return sorted(int(line.split("\t")[2]) for line in file)


class Handshakes:
    """A new TLS connection for each request."""

    def command(self, contender, case, seconds):
        """Several clients, each with one connection after the other."""
        target = os.path.join(contender.keeper.folder, "handshakes")
        program = compiled("handshakes.c", target, "-lssl", "-lcrypto")
        kind = "resumed" if case.resumed else "full"
        return [program, str(contender.port(case)), str(seconds), kind, case.tls, str(case.connections)]

    def result(self, contender, done, seconds):
        """What handshakes.c counted, with the reason of the first failure."""
        return {**result_line(done), "reason": done.stderr.partition("\n")[0]}


TOOLS = {"wrk": Wrk(), "h2load": H2load(), "handshakes": Handshakes()}


def run_load(contender, case, seconds):
    """Loads the proxy from the load's core and returns what the program counted."""
    done = run_tool(load_command(contender, case, seconds), seconds)
    return load_result(contender, case, done, seconds)


def load_command(contender, case, seconds):
    """The command line of a load; whatever takes time before it is done here."""
    return TOOLS[case.tool].command(contender, case, seconds)


def run_tool(command, seconds):
    """Runs a load program on the load's core to its end."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=seconds + 60,
            check=False,
            preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"{os.path.basename(command[0])} did not end") from error


def load_result(contender, case, done, seconds):
    """The numbers of a load that has ended; an error when more than a few requests were not what the case wants."""
    result = TOOLS[case.tool].result(contender, done, seconds)
    requests, failed = result["requests"], result["failed"]
    if failed > requests * FAILED_SHARE:
        reason = result.get("reason", "")
        raise BenchError(f"{failed} of {requests} {case.unit}s failed ({case.name}) {reason}".strip())
    if not requests:
        raise BenchError(f"no request was answered ({case.name})")
    if case.resumed:
        require_resumed(case, result)
    return result


def require_resumed(case, result):
    """Refuses numbers of full handshakes in a resumed case; each client's first connection has no ticket to offer."""
    offered = result["requests"] - case.connections
    missed = offered - result["resumed"]
    if missed > offered * NOT_RESUMED_SHARE:
        raise BenchError(f"{missed} of {offered} tickets were not taken ({case.name})")


def result_line(done):
    """The numbers that load.lua and handshakes.c print as a line of JSON."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        name = os.path.basename(done.args[0])
        raise BenchError(f"{name} gave no result: {(done.stdout + done.stderr).strip()[-200:]}")
    return json.loads(lines[0].removeprefix("RESULT "))


def percentile(ascending, share):
    """The value below which this share of the values lies; 0 when there is none."""
    return ascending[int((len(ascending) - 1) * share)] if ascending else 0
