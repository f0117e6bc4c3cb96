"""Connections that the harness opens itself, for what no load program does: to stay idle, or to read slowly."""

import socket
import ssl

CHUNK = 1 << 18
SOURCE_ADDRESSES = 16
IP_BIND_ADDRESS_NO_PORT = 24
HTTP1_REQUEST = b"GET /bytes/100 HTTP/1.1\r\nHost: localhost\r\n\r\n"
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# The same request in HPACK: GET, https, and path and authority as literals that are not indexed (RFC 7541, 6.2.2).
HTTP2_REQUEST = b"\x82\x87\x04\x0a/bytes/100\x01\x09localhost"
FRAME_HEAD = 9
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS, ACKNOWLEDGED = 1, 4, 1


def connected(port, number, context):
    """A connection from one of several loopback addresses, so that ports do not run out; over TLS with a context."""
    client = socket.socket()
    client.settimeout(10)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    client.bind((f"127.0.1.{1 + number % SOURCE_ADDRESSES}", 0))
    client.connect(("127.0.0.1", port))
    return context.wrap_socket(client, server_hostname="localhost") if context else client


def tls_context(certificate, case):
    """What clients of the case trust and offer; None for a case in the clear."""
    if case.scheme != "https":
        return None
    context = ssl.create_default_context(cafile=certificate)
    context.set_alpn_protocols(["h2" if case.protocol == "HTTP/2" else "http/1.1"])
    return context


def ask(client, case):
    """One request and its whole answer of 100 bytes."""
    if case.protocol == "HTTP/2":
        ask_http2(client)
    else:
        ask_http1(client)


def ask_http1(client):
    """Leaves nothing of the answer unread."""
    client.sendall(HTTP1_REQUEST)
    received = read_head(client)
    while len(received) < 100:
        received += receive(client)


def ask_http2(client):
    """The client's side of a new HTTP/2 connection with one stream."""
    client.sendall(HTTP2_PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_STREAM | END_HEADERS, 1, HTTP2_REQUEST))
    body, ended = 0, False
    while not ended:
        kind, flags, payload = next_frame(client)
        if kind == SETTINGS and not flags & ACKNOWLEDGED:
            client.sendall(frame(SETTINGS, ACKNOWLEDGED, 0))
        if kind == DATA:
            body += len(payload)
        ended = kind in (DATA, HEADERS) and bool(flags & END_STREAM)
    if body != 100:
        raise ConnectionError(f"an answer of {body} bytes")


def frame(kind, flags, stream, payload=b""):
    """One frame (RFC 9113, 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def next_frame(client):
    """Kind, flags and payload of the next frame."""
    head = receive_exactly(client, FRAME_HEAD)
    return head[3], head[4], receive_exactly(client, int.from_bytes(head[:3], "big"))


def read_head(client):
    """Reads a 200 answer's head and returns what came of the body with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += receive(client)
    if not received.startswith(b"HTTP/1.1 200"):
        raise ConnectionError(f"unexpected answer: {received[:80]!r}")
    return received.partition(b"\r\n\r\n")[2]


def receive_exactly(client, length):
    """So many bytes and none of what follows."""
    received = b""
    while len(received) < length:
        received += receive(client, length - len(received))
    return received


def receive(client, most=CHUNK):
    """What arrives next; the end of the connection is an error here."""
    received = client.recv(most)
    if not received:
        raise ConnectionError("closed too early")
    return received


def is_open(client):
    """Whether the peer has not closed; what it may have sent in the meantime is read and ignored."""
    client.setblocking(False)
    try:
        while client.recv(CHUNK):
            pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        pass
    return False
