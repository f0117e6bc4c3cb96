"""Memory of a proxy: with many idle connections, and while a body of 1 GiB passes in either direction."""

import dataclasses
import os
import socket
import sys
import time

from .cases import GET_100
from .clients import CHUNK, ask, connected, is_open, read_head, tls_context
from .contenders import BENCH, GIGABYTE, LOAD_CORE, Contender
from .processes import BenchError, free_port, peak_bytes, reset_peak, resident_bytes
from .tools import run_load


def idle_connections(contender, case, count):
    """Bytes of resident memory per connection that has done one request of the case and stays open."""
    run_load(contender, case, 1)
    time.sleep(0.5)
    before = resident_bytes(contender.process.pid)
    context = tls_context(contender.values["CHAIN"], case)
    clients = []
    try:
        for number in range(count):
            clients.append(connected(contender.port(case), number, context))
            ask(clients[-1], case)
        time.sleep(1.0)
        after = resident_bytes(contender.process.pid)
        closed = sum(1 for client in clients if not is_open(client))
        if closed:
            raise BenchError(f"{closed} of {count} idle connections were closed by {contender.name}")
    except OSError as error:
        raise BenchError(f"connection {len(clients)} of {count}: {error}") from error
    finally:
        for client in clients:
            client.close()
    return {"connections": count, "before": before, "after": after, "each": (after - before) / count}


def download_growth(contender, pause=2.0):
    """Growth of the resident peak, in bytes, while a client takes 1 GiB after reading nothing for `pause` seconds."""

    def pass_body():
        with socket.create_connection(("127.0.0.1", contender.port(GET_100)), timeout=60) as client:
            client.sendall(b"GET /bytes/%d HTTP/1.1\r\nHost: bench.test\r\n\r\n" % GIGABYTE)
            time.sleep(pause)
            left = GIGABYTE - len(read_head(client))
            buffer = bytearray(CHUNK)
            while left > 0:
                received = client.recv_into(buffer)
                if not received:
                    raise BenchError(f"the 1 GiB download ended with {left} bytes missing")
                left -= received

    return peak_growth(contender, pass_body)


def upload_growth(name, program, keeper, values):
    """The same for an upload to an origin that reads nothing for two seconds, through a proxy of its own."""
    port = free_port()
    sink = keeper.start("sink", [sys.executable, os.path.join(BENCH, "sink.py"), str(port)], LOAD_CORE)
    contender = Contender(name, program, keeper, {**values, "ORIGIN_PORT": port})

    def pass_body():
        with socket.create_connection(("127.0.0.1", contender.port(GET_100)), timeout=60) as client:
            client.sendall(b"POST /sink HTTP/1.1\r\nHost: bench.test\r\nContent-Length: %d\r\n\r\n" % GIGABYTE)
            chunk = bytes(CHUNK)
            for _ in range(GIGABYTE // CHUNK):
                client.sendall(chunk)
            body = read_head(client)
            if not body.startswith(b"%d" % GIGABYTE):
                raise BenchError(f"the origin received {body!r} of {GIGABYTE} bytes")

    try:
        return peak_growth(contender.start(), pass_body)
    finally:
        contender.stop()
        keeper.stop(sink)


def peak_growth(contender, pass_body):
    """Runs `pass_body` and returns by how many bytes the peak exceeded what was resident before."""
    run_load(contender, dataclasses.replace(GET_100, connections=8), 1)
    before = resident_bytes(contender.process.pid)
    reset_peak(contender.process.pid)
    try:
        pass_body()
    except OSError as error:
        raise BenchError(f"the 1 GiB body did not pass: {error}") from error
    return max(0, peak_bytes(contender.process.pid) - before)
