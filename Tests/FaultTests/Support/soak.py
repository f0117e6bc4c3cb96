#!/usr/bin/env python3
"""Long fault and attack scenarios against a real `usher`, for running by hand. Loopback only, every loop bounded.

Usage: soak.py [--binary .build/release/usher] [--list] [SCENARIO ...]        (none named: all, about 10 minutes)

Each scenario prints what it measured and fails when Usher died, leaked descriptors or memory, or lost a good request.
"""
import argparse
import contextlib
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

from harness import (Replica, ScriptedReplica, Usher, compile_tool, connect, load, read_head, read_to_end)

SCENARIOS = {}
TOOLS = tempfile.TemporaryDirectory(prefix="usher-soak-tools-")
OPEN = "limits: { connections-per-client: 60000, connections: 60000 }"


def scenario(function):
    SCENARIOS[function.__name__.replace("_", "-")] = function
    return function


def configuration(*ports, more="", service=""):
    replicas = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
    keep = "" if "connections:" in service else ", connections: { keep: 200ms }"
    return f"""log: {{ access: off }}
{more}
listeners: [ {{ address: "127.0.0.1:0" }} ]
services: {{ web: {{ replicas: [ {replicas} ]{keep}{service} }} }}
routes: [ {{ match: {{ path: /fixed }}, respond: {{ status: 200, body: "fixed\\n" }} }}, {{ service: web }} ]
"""


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


@contextlib.contextmanager
def at_rest_afterwards(usher, grows=24):
    """Notes what Usher holds, and expects it to hold no more afterwards."""
    descriptors, memory = usher.descriptors(), usher.resident()
    yield
    left = usher.settled(descriptors)
    print(f"    descriptors {descriptors} -> {left}, resident {memory:.0f} -> {usher.resident():.0f} MiB,"
          f" processor {usher.cpu_seconds():.1f} s")
    expect(usher.is_alive, "Usher ended")
    expect(left <= descriptors, f"{left - descriptors} descriptors leaked")
    expect(usher.resident() < memory + grows, "memory did not come back")
    in_flight = usher.metrics("in_flight")
    expect(not in_flight, f"in flight for ever: {in_flight}")


def good_client(usher, requests=3000):
    report = load(compile_tool("load", TOOLS.name), usher.port, requests, 8)
    print(f"    good client: {report['rate']} requests/s, p99 {report['p99_ms']} ms, lost {report['lost']}")
    expect(report["lost"] == 0, "a good client lost requests")
    return report


@scenario
def kill_and_stop(binary, requests=200_000):
    """200,000 GETs on 64 connections over three replicas, one of them killed and one stopped on the way."""
    readiness = ", readiness: { path: /ready, interval: 1s, timeout: 500ms, rise: 2, fall: 2 }"
    with contextlib.ExitStack() as stack:
        replicas = [stack.enter_context(Replica(compile_tool("replica", TOOLS.name))) for _ in range(3)]
        usher = stack.enter_context(Usher(binary, configuration(*(r.port for r in replicas), service=readiness)))
        time.sleep(1)
        client = subprocess.Popen(
            [compile_tool("load", TOOLS.name), str(usher.port), str(requests), "64"], stdout=subprocess.PIPE, text=True)
        for line in client.stdout:
            if line.startswith(f"progress {requests // 4}\n"):
                replicas[0].process.kill()
            elif line.startswith(f"progress {requests // 2}\n"):
                replicas[1].process.send_signal(signal.SIGSTOP)
        print("    " + line.strip())
        print(f"    retried {usher.metrics('retries_total')}")
        expect(client.wait() == 0, "requests were lost")


@scenario
def slow_heads(binary):
    """2,000 clients send a head one byte a second while good clients are served."""
    with Replica(compile_tool("replica", TOOLS.name)) as replica, Usher(
            binary, configuration(replica.port, more=OPEN)) as usher:
        before = good_client(usher)
        with at_rest_afterwards(usher):
            clients = [connect(usher.port) for _ in range(2000)]
            head = b"GET /item/1 HTTP/1.1\r\nHost: a\r\nX-Slow: aaaaaaaaaaaaaaaa"
            for byte in range(8):
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.send(head[byte:byte + 1])
                time.sleep(0.5)
            during = good_client(usher)
            print(f"    resident with 2,000 slow heads {usher.resident():.0f} MiB; p99 {before['p99_ms']} ->"
                  f" {during['p99_ms']} ms")
            time.sleep(11)
            answers = [read_to_end(client, timeout=1)[:12] for client in clients]
            print(f"    408: {answers.count(b'HTTP/1.1 408')} of {len(answers)}")
            for client in clients:
                client.close()


@scenario
def idle_connections(binary, count=9000):
    """As many idle connections as descriptors allow (10,000 wanted): memory each, service meanwhile."""
    with Replica(compile_tool("replica", TOOLS.name)) as replica, Usher(
            binary, configuration(replica.port, more=OPEN)) as usher:
        good_client(usher)
        with at_rest_afterwards(usher, grows=120):
            memory = usher.resident()
            clients = [connect(usher.port, source=f"127.0.0.{2 + i % 200}") for i in range(count)]
            for client in clients:
                client.sendall(b"GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
            for client in clients:
                client.recv(4096)
            each = (usher.resident() - memory) * 1024 / count
            print(f"    {count} idle connections: {each:.1f} KiB each")
            good_client(usher)
            for client in clients:
                client.close()


@scenario
def connection_churn(binary, count=100_000):
    """100,000 connections one after the other, a third of them without a word, a third leaving before the answer."""
    with Replica(compile_tool("replica", TOOLS.name)) as replica, Usher(
            binary, configuration(replica.port, more=OPEN)) as usher:
        good_client(usher)
        with at_rest_afterwards(usher):
            start = time.monotonic()
            for i in range(count):
                client = connect(usher.port, source=f"127.0.0.{2 + i % 200}")
                if i % 3:
                    client.send(b"GET /item/7 HTTP/1.1\r\nHost: a\r\n\r\n")
                if i % 3 == 1:
                    client.recv(4096)
                client.close()
            print(f"    {count / (time.monotonic() - start):.0f} connections/s")
        good_client(usher)


@scenario
def slow_readers(binary):
    """200 clients that read nothing of 100 MiB answers, then 20 that read slowly."""
    with Replica(compile_tool("replica", TOOLS.name)) as replica, Usher(
            binary, configuration(replica.port, more=OPEN, service=", connections: { per-replica: 1000, keep: 200ms }")
    ) as usher:
        good_client(usher)
        with at_rest_afterwards(usher):
            memory = usher.resident()
            clients = [connect(usher.port, receive_buffer=8192) for _ in range(200)]
            for client in clients:
                client.send(b"GET /bytes/104857600 HTTP/1.1\r\nHost: a\r\n\r\n")
            time.sleep(4)
            grown = usher.resident() - memory
            print(f"    200 unread answers of 100 MiB: {grown:.0f} MiB more")
            expect(grown < 64, "memory grows with unread answers")
            for _ in range(50):
                for client in clients[:20]:
                    client.recv(4096)
            good_client(usher)
            for client in clients:
                client.close()


@scenario
def slow_bodies(binary):
    """500 uploads of ten bytes a second are refused, and cost the replica nothing."""
    def script(_, connection):
        read_head(connection)
        while connection.recv(65536):
            pass

    with ScriptedReplica(script) as replica, Usher(binary, configuration(replica.port, more=OPEN)) as usher:
        with at_rest_afterwards(usher):
            clients = [connect(usher.port) for _ in range(500)]
            for client in clients:
                client.send(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
            start = time.monotonic()
            while time.monotonic() - start < 10:
                for client in clients:
                    with contextlib.suppress(OSError):
                        client.send(b"0123456789")
                time.sleep(1)
            answers = [read_to_end(client, timeout=1)[:12] for client in clients]
            kinds = {answer: answers.count(answer) for answer in set(answers)}
            print(f"    answers: {kinds}")
            for client in clients:
                client.close()


@scenario
def pipelining(binary, count=100_000):
    """100,000 tiny requests at once on one connection, read; then the same unread."""
    with Replica(compile_tool("replica", TOOLS.name)) as replica, Usher(
            binary, configuration(replica.port)) as usher:
        for path in ("/fixed", "/item/1"):
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
            with at_rest_afterwards(usher):
                client = connect(usher.port, timeout=120)
                writer = threading.Thread(target=client.sendall, args=(request * count,))
                start = time.monotonic()
                writer.start()
                answers = 0
                rest = b""
                while answers < count:
                    piece = client.recv(1 << 20)
                    expect(piece, "the connection ended early")
                    rest += piece
                    answers += rest.count(b"HTTP/1.1 200")
                    rest = rest[-11:]
                writer.join()
                print(f"    {path}: {count / (time.monotonic() - start):.0f} pipelined requests/s")
                client.close()
            with at_rest_afterwards(usher):
                client = connect(usher.port, timeout=5, receive_buffer=4096)
                memory = peak = usher.resident()
                sent = 0
                with contextlib.suppress(OSError):
                    for _ in range(200):
                        sent += client.send(request * 1000)
                        peak = max(peak, usher.resident())
                print(f"    {path}: unread, {sent / 1e6:.1f} MB sent, {peak - memory:.0f} MiB more")
                expect(peak - memory < 48, "memory grows with unread answers")
                client.close()


@scenario
def noise(binary, count=10_000):
    """10,000 connections with seeded noise, a TLS hello, an HTTP/2 preface, broken heads."""
    seed = random.randrange(1 << 32)
    print(f"    seed {seed}")
    source = random.Random(seed)
    heads = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + source.randbytes(500), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x00" * 4000, b"\r\n" * 2000, b"A" * 20000, b"GET " + b"/" * 20000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 500,
        b"GET / HTTP/1.1\r\nA: " + b"b" * 40000, b"SSH-2.0-x\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n\r",
    ]
    with ScriptedReplica(lambda self, c: self.received.append(read_head(c))) as replica, Usher(
            binary, configuration(replica.port, more=OPEN)) as usher:
        with at_rest_afterwards(usher):
            for i in range(count):
                client = connect(usher.port, source=f"127.0.0.{2 + i % 200}")
                with contextlib.suppress(OSError):
                    kind = i % (2 * len(heads))
                    client.sendall(heads[kind] if kind < len(heads) else source.randbytes(source.randrange(1, 4000)))
                    if i % 10 == 0:
                        client.shutdown(1)
                        client.recv(4096)
                client.close()
            print(f"    refused: {usher.metrics('code=')}")
        expect(not replica.received, f"a replica got {replica.received[:3]}")


@scenario
def stopped_clients(binary):
    """100 load connections whose process is stopped in the middle, then killed."""
    with Replica(compile_tool("replica", TOOLS.name)) as replica, Usher(
            binary, configuration(replica.port, more=OPEN)) as usher:
        good_client(usher)
        with at_rest_afterwards(usher):
            client = subprocess.Popen(
                [compile_tool("load", TOOLS.name), str(usher.port), "10000000", "100"], stdout=subprocess.DEVNULL)
            time.sleep(2)
            client.send_signal(signal.SIGSTOP)
            time.sleep(1)
            good_client(usher)
            client.kill()
            client.wait()


@scenario
def no_descriptors(binary):
    """`ulimit -n 256` and 1,000 clients: those inside are served, nothing spins, everybody is served afterwards."""
    with Usher(binary, configuration(1, more=OPEN), prefix=["sh", "-c", 'ulimit -n 256; exec "$@"', "sh"]) as usher:
        with at_rest_afterwards(usher):
            clients = [connect(usher.port) for _ in range(1000)]
            time.sleep(2)
            processor = usher.cpu_seconds()
            time.sleep(5)
            used = usher.cpu_seconds() - processor
            print(f"    {usher.descriptors()} descriptors, {used:.2f} s of processor time in 5 s")
            expect(used < 1, "Usher spins")
            for client in clients:
                client.close()
            client = connect(usher.port)
            client.send(b"GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n")
            expect(client.recv(100).startswith(b"HTTP/1.1 200"), "not served afterwards")
            client.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=".build/release/usher")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("scenarios", nargs="*")
    arguments = parser.parse_args()
    if arguments.list:
        for name, function in SCENARIOS.items():
            print(f"{name:20} {function.__doc__}")
        return 0
    unknown = [name for name in arguments.scenarios if name not in SCENARIOS]
    if unknown:
        parser.error(f"no such scenario: {', '.join(unknown)}; see --list")
    failures = 0
    for name in arguments.scenarios or SCENARIOS:
        print(f"{name}: {SCENARIOS[name].__doc__}", flush=True)
        try:
            SCENARIOS[name](arguments.binary)
        except (Failed, OSError, RuntimeError, subprocess.SubprocessError) as error:
            failures += 1
            print(f"    FAILED: {error}", flush=True)
    print(f"{failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
