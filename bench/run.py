#!/usr/bin/env python3
"""Measures Usher beside nginx, HAProxy, Envoy and Varnish on this machine and writes docs/benchmarks.md.

Every part can be asked for alone: the load cases get-100, get-16k, get-1m, post-100k, quota-100 and quota-redis,
spread-100 and shard-100 (four replicas, four shards), cache-100 and cache-64k, tls-h1, tls-h2 and h2c (TLS and
HTTP/2), tls-full-1.3, tls-full-1.2, tls-resumed-1.3 and tls-resumed-1.2 (handshakes), then counts (system calls and
allocations per request), idle and idle-tls (memory of idle connections), body (memory while 1 GiB passes),
cache-memory (what an answer takes in Usher's cache) and hit-ratio (how often what its cache keeps is asked for). A run
that leaves something out prints its report and keeps docs/benchmarks.md as it is.
"""

import argparse
import dataclasses
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile

from harness import counting, machine, memory, micro, report
from harness.cases import CASES, GET_100, IDLE_TLS_CASES
from harness.certificate import make_certificate
from harness.contenders import NAMES, PROXIES, ROOT, Bodies, Contender, executable, shared_values, version
from harness.load import measure_case
from harness.processes import BenchError, Keeper, raise_file_limit
from harness.redis import start_redis

PARTS = [case.name for case in CASES] + ["counts", "idle", "idle-tls", "body"] + list(micro.PARTS)


class Bench:
    """One run: starts what it needs, fills the results, and leaves nothing behind."""

    def __init__(self, options, keeper, values):
        self.options = options
        self.keeper = keeper
        self.values = values
        command = " ".join(["python3 bench/run.py"] + sys.argv[1:])
        self.results = report.Results(machine=machine.facts(), command=command)
        self.programs = {}

    def run(self):
        """Measures everything that was asked for."""
        for name in self.options.proxies:
            program = executable(name, self.options.binary)
            if program is None and name == "usher":
                self.fail(name, f"is not built: no {self.options.binary} (make build)")
            elif program is None:
                say(f"{name} is not installed and is left out")
            else:
                self.programs[name] = program
                self.results.versions[name] = version(name, program)
        Contender("origin", executable("nginx", ""), self.keeper, self.values).start()
        start_redis(executable("redis-server", ""), self.keeper, self.values["REDIS_SOCKET"])
        self.loads()
        for name in self.programs:
            if name in PROXIES:
                self.single(name)
        for part in micro.PARTS:
            if part in self.options.only:
                found = self.attempt("bench/micro", part, lambda: micro.measured(part))
                if found is not None:
                    self.results.micro[part] = found

    def loads(self):
        """The timed cases: all proxies run, and take turns round by round."""
        cases = [case for case in CASES if case.name in self.options.only]
        wanted = [name for name in self.programs if any(name in case.proxies for case in cases)]
        running = [contender for contender in map(self.started, wanted) if contender]
        for case in cases:
            samples = {}
            asked = [contender for contender in running if contender.name in case.proxies]
            for turn in range(self.options.rounds):
                shift = turn % max(1, len(asked))
                for contender in asked[shift:] + asked[:shift]:
                    sample = self.attempt(
                        contender.name, case.name, lambda: measure_case(contender, case, self.options.seconds)
                    )
                    if sample:
                        samples.setdefault(contender.name, []).append(sample)
            self.results.loads[case.name] = {name: self.summary(case, name, taken) for name, taken in samples.items()}
        for contender in running:
            contender.stop()

    def summary(self, case, name, samples):
        """Medians over the rounds, the CPU of each round, and all failed requests."""

        def middle(key):
            return statistics.median(getattr(sample, key) for sample in samples)

        found = {key: middle(key) for key in ("rate", "cpu", "user", "system", "p50", "p99", "busy")}
        found["rounds"] = [sample.cpu for sample in samples]
        found["failed"] = sum(sample.failed for sample in samples)
        found["resumed"] = sum(sample.resumed for sample in samples) / sum(sample.requests for sample in samples)
        self.results.foreign = max([self.results.foreign] + [sample.foreign for sample in samples])
        say(
            f"{case.name:15} {name:8} {found['rate']:9,.0f}/s  CPU {found['cpu']:8.2f} µs"
            f"  p50 {found['p50'] / 1000:.2f} ms  p99 {found['p99'] / 1000:.2f} ms"
        )
        return found

    def single(self, name):
        """What is measured on one proxy alone, each time in a fresh process."""
        results, only = self.results, self.options.only
        if "counts" in only:
            self.alone(name, "system calls", results.calls, lambda proxy: counting.system_calls(proxy, GET_100))
            counter = counting.AllocationCounter(self.keeper.folder)
            self.alone(
                name, "allocations", results.allocations,
                lambda proxy: counting.allocations(proxy, counter, GET_100), counter.prepare,
            )
        if "idle" in only:
            self.idle(name, GET_100, self.options.idle, results.idle)
        if "idle-tls" in only:
            for case in IDLE_TLS_CASES:
                self.idle(name, case, self.options.idle_tls, results.idle_tls.setdefault(case.name, {}))
        if "body" in only:
            self.alone(name, "1 GiB download", results.download, memory.download_growth)
            growth = self.attempt(
                name, "1 GiB upload",
                lambda: memory.upload_growth(name, self.programs[name], self.keeper, self.values),
            )
            if growth is not None:
                results.upload[name] = growth
                say(f"1 GiB upload {name}: {growth}")

    def idle(self, name, case, count, into):
        """Memory of one proxy's idle connections."""
        self.alone(
            name, f"idle memory ({case.name})", into, lambda proxy: memory.idle_connections(proxy, case, count)
        )

    def alone(self, name, what, into, measurement, prepare=dict):
        """Starts one proxy, measures one thing, stops it; a failure becomes a line of the report."""
        contender = None

        def whole():
            nonlocal contender
            contender = self.contender(name)
            return measurement(contender.start(prepare()))

        found = self.attempt(name, what, whole)
        if contender:
            contender.stop()
        if found is not None:
            into[name] = found
            say(f"{what} {name}: {found}")

    def contender(self, name):
        return Contender(name, self.programs[name], self.keeper, self.values)

    def started(self, name):
        """A running proxy, or None with the reason noted."""
        contender = self.contender(name)
        if self.attempt(name, "start", contender.start):
            return contender
        contender.stop()
        return None

    def attempt(self, name, what, action):
        """The action's result, or None with the reason noted."""
        try:
            return action()
        except BenchError as error:
            self.fail(name, f"{what}: {error}")
            return None

    def fail(self, name, reason):
        line = f"{name} {reason}"
        if line not in self.results.failures:
            self.results.failures.append(line)
            say(line)


def say(line):
    """Progress goes to the error output, so that the report alone is on the standard output."""
    print(line, file=sys.stderr, flush=True)


def options():
    """The command line; `--quick` and `--counts` are short for other options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smoke run: one second each, few idle connections")
    parser.add_argument("--counts", action="store_true", help="only Usher's system calls and allocations per request")
    parser.add_argument("--only", metavar="PART,…", default=",".join(PARTS), help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--proxies", metavar="NAME,…", default=",".join(NAMES), help=f"some of {', '.join(NAMES)}")
    parser.add_argument("--binary", metavar="PATH", default=os.path.join(ROOT, ".build", "release", "usher"))
    parser.add_argument("--rounds", type=int, default=7, help="turns per case and proxy (default: 7)")
    parser.add_argument("--seconds", type=int, default=3, help="length of one load (default: 3)")
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections (default: 10000)")
    parser.add_argument("--idle-tls", type=int, default=2000, help="idle connections over TLS (default: 2000)")
    parser.add_argument("--json", metavar="PATH", help="also write the raw results there (- for the standard output)")
    parser.add_argument("--output", metavar="PATH", help="where the report goes (default: docs/benchmarks.md)")
    parser.add_argument("--gate", action="store_true", help="exit 1 when a target that was measured does not hold")
    found = parser.parse_args()
    if found.quick:
        found.rounds, found.seconds, found.idle, found.idle_tls = 1, 1, 1000, 200
    if found.counts:
        found.only, found.proxies = "counts", "usher"
    found.only, found.proxies = found.only.split(","), found.proxies.split(",")
    for chosen, known in ((found.only, PARTS), (found.proxies, NAMES)):
        for name in chosen:
            if name not in known:
                parser.error(f"{name!r} is not one of {', '.join(known)}")
    found.complete = not found.quick and set(found.only) == set(PARTS) and set(found.proxies) == set(NAMES)
    return found


def measured(chosen):
    """Runs the benchmark with everything that has to be cleaned up around it."""
    bodies, folder = Bodies(), tempfile.mkdtemp(prefix="usher-bench-")
    keeper = Keeper(folder)
    try:
        os.chmod(folder, 0o755)
        bodies.write()
        bench = Bench(chosen, keeper, shared_values(bodies, make_certificate(folder), raise_file_limit()))
        bench.run()
        return bench.results
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        keeper.stop_all()
        bodies.remove()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    """Measures, then writes or prints the report. Exit codes: 0 done, 1 something failed, 2 usage, 130 interrupted."""
    chosen = options()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    if (os.cpu_count() or 1) < 2:
        raise BenchError("two cores are needed: one for the proxy, one for the load")
    for tool in ("nginx", "wrk", "h2load", "openssl", "redis-server", "cc"):
        if executable(tool, "") is None:
            raise BenchError(f"{tool} is missing: scripts/install-tools.sh bench")
    results = measured(chosen)
    text = report.text(results)
    target = chosen.output or (os.path.join(ROOT, "docs", "benchmarks.md") if chosen.complete else None)
    if target:
        os.makedirs(os.path.dirname(os.path.abspath(target)), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        say(f"written: {target}")
    elif chosen.json != "-":
        print(text)
    if chosen.json:
        raw = json.dumps(dataclasses.asdict(results), indent=2)
        if chosen.json == "-":
            print(raw)
        else:
            with open(chosen.json, "w", encoding="utf-8") as file:
                file.write(raw + "\n")
    missed = [verdict for verdict in report.verdicts(results) if verdict.holds is False]
    return 1 if results.failures or (chosen.gate and missed) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BenchError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
