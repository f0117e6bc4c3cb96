"""An origin that is slow to begin reading: it shows whether a proxy holds a body back or stores it."""

import socket
import sys
import threading
import time

PAUSE_SECONDS = 2.0
CHUNK = 1 << 18


def serve(client):
    """Answers each request of one connection; uploads are read after a pause and counted."""
    pending = b""
    with client:
        while True:
            while b"\r\n\r\n" not in pending:
                received = client.recv(CHUNK)
                if not received:
                    return
                pending += received
            head, _, pending = pending.partition(b"\r\n\r\n")
            length = content_length(head)
            body = b"usher" * 20
            if length:
                time.sleep(PAUSE_SECONDS)
                body = b"%d" % count_body(client, length, len(pending))
                pending = b""
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


def content_length(head):
    """The announced length of the body, 0 without one."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


def count_body(client, length, had):
    """Reads until `length` bytes are there and returns how many came."""
    buffer = bytearray(CHUNK)
    while had < length:
        received = client.recv_into(buffer, min(CHUNK, length - had))
        if not received:
            break
        had += received
    return had


def main():
    """Listens on the port given as argument until the process is ended."""
    with socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=1024) as listener:
        while True:
            client, _ = listener.accept()
            threading.Thread(target=serve, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
