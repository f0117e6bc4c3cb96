"""Turns results into text: tables, Usher's ratios, and whether each target holds."""

import dataclasses
import statistics

from .load import CASES

TITLES = {"nginx": "nginx", "haproxy": "HAProxy", "envoy": "Envoy", "usher": "Usher"}
FILES = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg", "envoy": "envoy.yaml", "usher": "usher.yaml"}
MIB = 1 << 20
# Batched writes of the log, new connections and timers add a few calls that belong to no request.
CALLS_TOLERANCE = 0.1

METHOD = """\
Each proxy has one worker on core 0. The origin (nginx, one process, answers from memory) and wrk (64 keep-alive
connections, one thread) share core 1. The proxies take turns, round by round; numbers are medians over the rounds, and
a ratio is the median of the ratios within each round, so that a slow minute of the machine weighs on both sides. CPU is
what the kernel accounts to the proxy's whole process tree. nginx, HAProxy and Envoy write no log; Usher has everything
on: routing, limits, metrics, and the access log to a file. Compare within one table only: times change with the
machine, ratios much less."""

COUNTS = """\
GET with a 100 B answer, 64 connections. System calls are counted by `strace -c`, heap allocations by a preloaded
library (`bench/allocations.c`); — stands where a program brings its own allocator."""

MEMORY = """\
Resident memory of the process tree. Each idle connection is kept alive after one answer. The 1 GiB body meets a
receiver that reads nothing for two seconds, then at full speed; what counts is the growth of the peak."""


@dataclasses.dataclass
class Results:
    """Everything that was measured; what is missing was not asked for, or has its reason in `failures`."""

    machine: dict
    command: str
    versions: dict = dataclasses.field(default_factory=dict)
    loads: dict = dataclasses.field(default_factory=dict)
    calls: dict = dataclasses.field(default_factory=dict)
    allocations: dict = dataclasses.field(default_factory=dict)
    idle: dict = dataclasses.field(default_factory=dict)
    download: dict = dataclasses.field(default_factory=dict)
    upload: dict = dataclasses.field(default_factory=dict)
    failures: list = dataclasses.field(default_factory=list)
    foreign: float = 0.0

    def ratio(self, case, other):
        """Usher's CPU per request divided by another proxy's, or None when one of them is missing."""
        ours, theirs = (self.loads.get(case, {}).get(name, {}).get("rounds") for name in ("usher", other))
        if not ours or not theirs:
            return None
        if len(ours) != len(theirs):
            return statistics.median(ours) / statistics.median(theirs)
        return statistics.median(mine / its for mine, its in zip(ours, theirs))


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One target: what was wanted and what was found; `holds` is None when it was not measured."""

    target: str
    found: str
    holds: bool | None

    def row(self):
        """A row of the report's table."""
        return [self.target, self.found, {True: "yes", False: "**no**", None: "not measured"}[self.holds]]


def verdicts(results):
    """The targets Usher has set itself, judged by these results."""
    found = []
    for name, limit in (("nginx", 1.15), ("haproxy", 1.15), ("envoy", 0.6)):
        title = f"CPU per request at most {limit} × {TITLES[name]}'s (100 B answer)"
        found.append(judge(title, results.ratio("get-100", name), limit, "{:.2f} ×"))
    calls = results.calls.get("usher", {})
    for kind in ("reads", "writes"):
        found.append(judge(f"two {kind} per request", calls.get(kind), 2 + CALLS_TOLERANCE, "{:.2f}"))
    each = results.idle.get("usher", {}).get("each")
    kibibytes = None if each is None else each / 1024
    found.append(judge("at most 8 KiB of memory per idle connection", kibibytes, 8, "{:.2f} KiB"))
    for way, values in (("download", results.download), ("upload", results.upload)):
        growth = values.get("usher")
        title = f"a 1 GiB {way} passes with under 32 MiB more memory"
        found.append(judge(title, None if growth is None else growth / MIB, 32, "{:.1f} MiB"))
    return found


def judge(target, value, limit, form):
    """Compares a value, which may be missing, with the highest that is allowed."""
    if value is None:
        return Verdict(target, "", None)
    return Verdict(target, form.format(value), value <= limit)


def table(head, rows):
    """A Markdown table: the first column to the left, numbers to the right."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def names(results):
    """The proxies that were there, in a fixed order."""
    return [name for name in TITLES if name in results.versions]


def load_lines(results):
    """A table per case, each with Usher's ratios."""
    lines = []
    for case in CASES:
        loads = results.loads.get(case.name, {})
        rows = [load_row(results, case, name, loads[name]) for name in names(results) if name in loads]
        if rows:
            head = ["proxy", "requests/s", "CPU µs/request", "user", "system", "lowest–highest", "p50 ms", "p99 ms"]
            head += ["core used", "failed", "Usher's CPU ÷ this"]
            lines += [f"### {case.title}", ""] + table(head, rows)
    return ["## Load", ""] + lines if lines else []


def load_row(results, case, name, load):
    """One proxy's numbers in one case."""
    ratio = results.ratio(case.name, name)
    return [
        TITLES[name],
        f"{load['rate']:,.0f}",
        f"{load['cpu']:.2f}",
        f"{load['user']:.2f}",
        f"{load['system']:.2f}",
        f"{min(load['rounds']):.2f}–{max(load['rounds']):.2f}",
        f"{load['p50'] / 1000:.2f}",
        f"{load['p99'] / 1000:.2f}",
        f"{load['busy']:.0%}",
        str(load["failed"]),
        "" if ratio is None else f"{ratio:.2f}",
    ]


def count_lines(results):
    """System calls and allocations per request."""
    if not results.calls and not results.allocations:
        return []
    rows = []
    for name in names(results):
        calls, heap = results.calls.get(name, {}), results.allocations.get(name, {})
        kinds = ("reads", "writes", "waits", "others", "failed")
        cells = [f"{calls[kind]:.2f}" if kind in calls else "—" for kind in kinds]
        cells += [f"{heap['allocations']:.2f}", f"{heap['bytes']:,.0f}"] if heap else ["—", "—"]
        rows.append([TITLES[name]] + cells + [calls.get("names") or "—"])
    head = ["proxy", "reads", "writes", "waits", "other calls", "of all, in vain", "allocations", "bytes allocated"]
    return ["## Counts per request", "", COUNTS, ""] + table(head + ["the other calls"], rows)


def memory_lines(results):
    """Memory of idle connections and of one large body."""
    if not results.idle and not results.download and not results.upload:
        return []
    rows = []
    for name in names(results):
        idle = results.idle.get(name)
        cells = ["—"] * 4
        if idle:
            cells = [f"{idle['connections']:,}", f"{idle['before'] / MIB:.1f}", f"{idle['after'] / MIB:.1f}"]
            cells.append(f"{idle['each'] / 1024:.2f}")
        for values in (results.download, results.upload):
            cells.append(f"{values[name] / MIB:.1f}" if name in values else "—")
        rows.append([TITLES[name]] + cells)
    head = ["proxy", "idle connections", "MiB before", "MiB with them", "KiB per connection"]
    return ["## Memory", "", MEMORY, ""] + table(head + ["MiB more in a 1 GiB download", "in an upload"], rows)


def text(results):
    """The whole report as Markdown."""
    machine = results.machine
    lines = [
        "# Benchmarks",
        "",
        f"Written by `{results.command}` on {machine['date']}.",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory']}.",
        f"System: {machine['system']}, Linux {machine['kernel']}.",
        f"Other work took at most {results.foreign:.0%} of the proxies' core during a load.",
        "",
        METHOD,
        "",
    ]
    rows = []
    for name in names(results):
        link = f"[{FILES[name]}](../bench/configurations/{FILES[name]})"
        rows.append([TITLES[name], results.versions[name], link])
    lines += table(["proxy", "version", "configuration"], rows)
    lines += ["## Targets", ""]
    lines += table(["target", "found", "holds"], [verdict.row() for verdict in verdicts(results)])
    lines += load_lines(results) + count_lines(results) + memory_lines(results)
    if results.failures:
        lines += ["## Not measured", ""] + [f"- {failure}" for failure in results.failures] + [""]
    return "\n".join(lines).rstrip() + "\n"
