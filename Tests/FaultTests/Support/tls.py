#!/usr/bin/env python3
"""TLS connections that are opened and then say nothing.

    tls.py PORT COUNT    opens COUNT of them, one after the other, and prints `open`; at the end of its standard input
                         it prints how many are still open, and ends.
"""
import resource
import select
import socket
import ssl
import sys


def is_open(connection):
    """Nothing but session tickets may have come."""
    try:
        return connection.recv(1) != b""
    except ssl.SSLWantReadError:
        return True
    except OSError:
        return False


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    connections = []
    for _ in range(count):
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", port)))
        connection.setblocking(False)
        connections.append(connection)
    print("open", flush=True)
    select.select([sys.stdin], [], [])
    print(sum(is_open(connection) for connection in connections), flush=True)


main()
