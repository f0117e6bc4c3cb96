"""Memory of a proxy: with many idle connections, and while a body of 1 GiB passes in either direction."""

import os
import socket
import sys
import time

from .contenders import BENCH, GIGABYTE, LOAD_CORE, Contender
from .load import CASES, run_wrk
from .processes import BenchError, free_port, peak_bytes, reset_peak, resident_bytes

CHUNK = 1 << 18
SOURCE_ADDRESSES = 16
IP_BIND_ADDRESS_NO_PORT = 24


def idle_connections(contender, count):
    """Bytes of resident memory per kept-alive connection that has done one request."""
    run_wrk(contender.port, CASES[0], 1, 64)
    time.sleep(0.5)
    before = resident_bytes(contender.process.pid)
    clients = []
    try:
        for number in range(count):
            clients.append(connected_once(contender.port, number))
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


def connected_once(port, number):
    """A connection, from one of several loopback addresses, that has had one answer."""
    client = socket.socket()
    client.settimeout(10)
    client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    client.bind((f"127.0.1.{1 + number % SOURCE_ADDRESSES}", 0))
    client.connect(("127.0.0.1", port))
    client.sendall(b"GET /bytes/100 HTTP/1.1\r\nHost: bench.test\r\n\r\n")
    received = read_head(client)
    while len(received) < 100:
        received += receive(client)
    return client


def read_head(client):
    """Reads a 200 answer's head and returns what came of the body with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(client)
    if not received.startswith(b"HTTP/1.1 200"):
        raise BenchError(f"unexpected answer: {received[:80]!r}")
    return received.partition(b"\r\n\r\n")[2]


def receive(client):
    """What arrives next; the end of the connection is an error here."""
    received = client.recv(CHUNK)
    if not received:
        raise ConnectionError("closed too early")
    return received


def is_open(client):
    """Whether the peer has neither closed nor sent anything."""
    client.setblocking(False)
    try:
        client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def download_growth(contender, pause=2.0):
    """Growth of the resident peak, in bytes, while a client takes 1 GiB after reading nothing for `pause` seconds."""

    def pass_body():
        with socket.create_connection(("127.0.0.1", contender.port), timeout=60) as client:
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
        with socket.create_connection(("127.0.0.1", contender.port), timeout=60) as client:
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
    run_wrk(contender.port, CASES[0], 1, 8)
    before = resident_bytes(contender.process.pid)
    reset_peak(contender.process.pid)
    try:
        pass_body()
    except OSError as error:
        raise BenchError(f"the 1 GiB body did not pass: {error}") from error
    return max(0, peak_bytes(contender.process.pid) - before)
