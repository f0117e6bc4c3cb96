"""Turns results into text: tables, Usher's ratios, and whether each target holds."""

import dataclasses
import statistics

from .cases import CASES, HANDSHAKES, IDLE_TLS_CASES
from .contenders import PROXIES, TEMPLATES

TITLES = {"nginx": "nginx", "haproxy": "HAProxy", "envoy": "Envoy", "varnish": "Varnish", "usher": "Usher"}
MIB = 1 << 20
# A case, the highest ratio of Usher's CPU, and the proxies of which the better one is compared with.
CPU_TARGETS = [
    ("get-100", 1.15, ["nginx"]),
    ("get-100", 1.15, ["haproxy"]),
    ("get-100", 0.6, ["envoy"]),
    ("tls-h1", 1.2, ["nginx", "haproxy"]),
    ("tls-h2", 1.2, ["nginx"]),
    ("quota-100", 1.15, ["nginx", "haproxy"]),
    ("shard-100", 1.15, ["nginx", "haproxy"]),
    ("cache-100", 0.65, ["nginx"]),
    ("cache-100", 0.55, ["varnish"]),
    ("cache-64k", 1.05, ["nginx"]),
    *((case.name, 1.15, ["nginx", "haproxy"]) for case in HANDSHAKES),
]
# Batched writes of the log, new connections and timers add a few calls that belong to no request.
CALLS_TOLERANCE = 0.1

METHOD = """\
Each proxy has one worker on core 0. The origin (nginx, one process, answers from memory) and the load program share
core 1: wrk for HTTP/1.1 (one thread, 64 keep-alive connections), h2load for HTTP/2 (one thread, 16 connections with 10
streams each), and `bench/handshakes.c` for handshakes (8 clients). The proxies take turns, round by round; numbers are
medians over the rounds, and a ratio is the median of the ratios within each round, so that a slow minute of the machine
weighs on both sides. CPU is what the kernel accounts to the proxy's whole process tree. nginx, HAProxy, Envoy and
Varnish write no log; Usher has everything on: routing, limits, metrics, and the access log to a file. Compare within
one table only: times change with the machine, ratios much less.

With a quota, every request is counted for its client's address (`limit_req` in nginx, a stick table in HAProxy) and
none is refused; Usher tells in five header fields what is left. In Redis, which shares core 1, every request asks a
script.

Shards are chosen by a hash of one part of the path, drawn by Zipf's law for each request: `hash $uri consistent` in
nginx, `balance hash path` in HAProxy, Maglev in Envoy, rendezvous in Usher, which counts how often keys are asked for
as well. The four replicas beside them get the same requests by least load.

From a cache, every answer is a hit: the proxy says so before and after, and the origin is not asked meanwhile. nginx
keeps its files in memory (`/dev/shm`) and sends them by `sendfile`; Varnish writes nothing to its log in memory; Usher
has everything on, the access log as well.

All proxies show the same ECDSA P-256 certificate. A handshake case counts whole connections: TCP connect, the full
handshake or its resumption by ticket, one GET that the proxy answers itself, and the close."""

COUNTS = """\
GET with a 100 B answer, 64 connections. System calls are counted by `strace -c`, heap allocations by a preloaded
library (`bench/allocations.c`); — stands where a program brings its own allocator."""

MEMORY = """\
Resident memory of the process tree. Each idle connection is kept alive after one answer. The 1 GiB body meets a
receiver that reads nothing for two seconds, then at full speed; what counts is the growth of the peak."""

IDLE_TLS = """\
The same for idle connections over TLS."""


CACHE_MEMORY = """\
Answers with a target of 40 B, 200 B of field lines and a body of 100 B in Usher's store. What they take beside that is
read from the system (resident memory) and from the store's own account, by which it makes room."""

HIT_RATIO = """\
The index of Usher's cache (S3-FIFO) beside LRU with the same requests, simulated and seeded: 100,000 keys asked for by
Zipf's law with its exponent, mixed with keys that come once (a scan, which no cache can answer and which does not
count), with the newest key always the first, a loop through a few more keys than fit, and, last, what suits LRU best
and S3-FIFO worst: keys that come a second time when they have left the small queue, and never again. The cache's size
is its share of the keys."""


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
    idle_tls: dict = dataclasses.field(default_factory=dict)
    download: dict = dataclasses.field(default_factory=dict)
    upload: dict = dataclasses.field(default_factory=dict)
    micro: dict = dataclasses.field(default_factory=dict)
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

    def added(self, case, base):
        """Microseconds of Usher's CPU that a case takes more than another in the same round, or None."""
        more, less = (self.loads.get(name, {}).get("usher", {}).get("rounds") for name in (case, base))
        if not more or not less or len(more) != len(less):
            return None
        return statistics.median(one - other for one, other in zip(more, less))

    def ratio_to_best(self, case, others):
        """The ratio to the one of the others that uses the least CPU, or None when one of them is missing."""
        ratios = [self.ratio(case, other) for other in others]
        return None if None in ratios else max(ratios)


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
    found = [cpu_verdict(results, *target) for target in CPU_TARGETS]
    title = "a quota adds at most 0.5 µs of CPU to a request"
    found.append(judge(title, results.added("quota-100", "get-100"), 0.5, "{:.2f} µs"))
    title = "a shard adds at most 0.7 µs of CPU to a request"
    found.append(judge(title, results.added("shard-100", "spread-100"), 0.7, "{:.2f} µs"))
    calls = results.calls.get("usher", {})
    for kind in ("reads", "writes"):
        found.append(judge(f"two {kind} per request", calls.get(kind), 2 + CALLS_TOLERANCE, "{:.2f}"))
    found.append(idle_verdict(results.idle, 8, "idle connection"))
    for case in IDLE_TLS_CASES:
        idle = results.idle_tls.get(case.name, {})
        found.append(idle_verdict(idle, 40, f"idle TLS connection ({case.protocol})"))
    for way, values in (("download", results.download), ("upload", results.upload)):
        growth = values.get("usher")
        title = f"a 1 GiB {way} passes with under 32 MiB more memory"
        found.append(judge(title, None if growth is None else growth / MIB, 32, "{:.1f} MiB"))
    first = next(iter(results.micro.get("cache-memory", [])), None)
    title = "at most 250 B of memory beside each of a million small answers in the cache"
    found.append(judge(title, None if first is None else first["each"], 250, "{:.0f} B"))
    return found


def cpu_verdict(results, name, limit, others):
    """The verdict on one of the `CPU_TARGETS`."""
    case = next(case for case in CASES if case.name == name)
    titles = [TITLES[other] for other in others]
    whose = f"{titles[0]}'s" if len(titles) == 1 else f"the better of {' and '.join(titles)}"
    target = f"CPU per {case.unit} at most {limit} × {whose} ({case.title})"
    return judge(target, results.ratio_to_best(name, others), limit, "{:.2f} ×")


def idle_verdict(idle, limit, what):
    """The verdict on the memory, in KiB, of one idle connection of Usher."""
    each = idle.get("usher", {}).get("each")
    target = f"at most {limit} KiB of memory per {what}"
    return judge(target, None if each is None else each / 1024, limit, "{:.2f} KiB")


def judge(target, value, limit, form):
    """Compares a value, which may be missing, with the highest that is allowed."""
    if value is None:
        return Verdict(target, "", None)
    return Verdict(target, form.format(value), value <= limit)


def table(head, rows):
    """A Markdown table: the first column to the left, numbers to the right."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows] + [""]


def names(results, among=tuple(TITLES)):
    """The proxies that were there, in a fixed order."""
    return [name for name in among if name in results.versions]


def load_lines(results):
    """A table per case, each with Usher's ratios."""
    lines = []
    for case in CASES:
        loads = results.loads.get(case.name, {})
        rows = [load_row(results, case, name, loads[name]) for name in names(results) if name in loads]
        if rows:
            head = ["proxy", f"{case.unit}s/s", f"CPU µs/{case.unit}", "user", "system", "lowest–highest", "p50 ms"]
            head += ["p99 ms", "core used", "failed"] + (["resumed"] if case.tls else []) + ["Usher's CPU ÷ this"]
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
        *([f"{load['resumed']:.1%}"] if case.tls else []),
        "" if ratio is None else f"{ratio:.2f}",
    ]


def count_lines(results):
    """System calls and allocations per request."""
    if not results.calls and not results.allocations:
        return []
    rows = []
    for name in names(results, PROXIES):
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
    for name in names(results, PROXIES):
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


def idle_tls_lines(results):
    """Memory of idle connections over TLS."""
    if not any(results.idle_tls.values()):
        return []
    rows = []
    for name in names(results, PROXIES):
        cells = []
        for case in IDLE_TLS_CASES:
            idle = results.idle_tls.get(case.name, {}).get(name)
            cells += [f"{idle['connections']:,}", f"{idle['each'] / 1024:.2f}"] if idle else ["—", "—"]
        rows.append([TITLES[name]] + cells)
    head = ["proxy"]
    for case in IDLE_TLS_CASES:
        head += [f"idle {case.protocol} connections", "KiB per connection"]
    return ["## Memory of TLS connections", "", IDLE_TLS, ""] + table(head, rows)


def cache_lines(results):
    """Usher's cache by itself: what an answer takes, and how often what is kept is asked for."""
    lines = []
    rows = [
        [row["what"], f"{row['answers']:,}", f"{row['content']:,.0f}", f"{row['each']:,.0f}", f"{row['counted']:,.0f}"]
        for row in results.micro.get("cache-memory", [])
    ]
    if rows:
        head = ["store", "answers", "B of content", "B beside it (resident)", "B beside it (as counted)"]
        lines += ["## Memory of cached answers", "", CACHE_MEMORY, ""] + table(head, rows)
    rows = [
        [row["requests"], f"{row['share']:.0%}", f"{row['s3fifo']:.1%}", f"{row['lru']:.1%}"]
        for row in results.micro.get("hit-ratio", [])
    ]
    if rows:
        lines += ["## Hit ratio", "", HIT_RATIO, ""] + table(["requests", "cache size", "S3-FIFO", "LRU"], rows)
    return lines


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
        link = f"[{TEMPLATES[name]}](../bench/configurations/{TEMPLATES[name]})"
        rows.append([TITLES[name], results.versions[name], link])
    lines += table(["proxy", "version", "configuration"], rows)
    lines += ["## Targets", ""]
    lines += table(["target", "found", "holds"], [verdict.row() for verdict in verdicts(results)])
    lines += load_lines(results) + count_lines(results) + memory_lines(results) + idle_tls_lines(results)
    lines += cache_lines(results)
    if results.failures:
        lines += ["## Not measured", ""] + [f"- {failure}" for failure in results.failures] + [""]
    return "\n".join(lines).rstrip() + "\n"
