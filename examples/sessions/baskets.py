"""The basket service of the example: shopping baskets that each replica keeps in its own memory.

POST /basket/THING puts a thing in, GET /basket shows all. Which basket is a browser's is told by a cookie of the
service's own, `basket`.

Memory is the quick copy, a folder that all replicas share the true one: every change is written there, and a copy that
is older than its file is read anew. So a session makes the service fast, and never decides whether it is right.
"""

import argparse
import json
import os
import pathlib
import re
import secrets
import signal
import threading
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

NAME = re.compile("[0-9a-f]{16}")


class Baskets:
    """Baskets in memory, each change written through to its file."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir(exist_ok=True)
        self.known = {}  # name: (time of the file, things)
        self.lock = threading.Lock()

    def read(self, name):
        """The things in a basket, and where they were found."""
        path = self.folder / f"{name}.json"
        try:
            changed = path.stat().st_mtime_ns
        except FileNotFoundError:
            return [], "nowhere"
        if self.known.get(name, (0, []))[0] == changed:
            return self.known[name][1], "memory"
        self.known[name] = (changed, json.loads(path.read_text(encoding="utf-8")))
        return self.known[name][1], "folder"

    def write(self, name, things):
        aside = self.folder / f"{name}.{os.getpid()}"
        aside.write_text(json.dumps(things), encoding="utf-8")
        aside.replace(self.folder / f"{name}.json")  # who reads finds the old basket or the new one, never half of one
        self.known[name] = ((self.folder / f"{name}.json").stat().st_mtime_ns, things)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    timeout = 120  # seconds an idle connection is kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        path = urlsplit(self.path).path
        if path == "/ready":
            self.answer(200, {"ready": True})
        elif path == "/basket":
            self.show(thing=None)
        else:
            self.answer(404, {"error": "GET /basket or POST /basket/THING"})

    def do_POST(self):
        path = unquote(urlsplit(self.path).path)
        if path.startswith("/basket/"):
            self.show(thing=path.removeprefix("/basket/")[:64])
        else:
            self.answer(404, {"error": "GET /basket or POST /basket/THING"})

    def show(self, thing):
        cookie = SimpleCookie(self.headers.get("Cookie", "")).get("basket")
        is_known = cookie is not None and NAME.fullmatch(cookie.value)
        name = cookie.value if is_known else secrets.token_hex(8)
        baskets = self.server.baskets
        with baskets.lock:
            things, found = baskets.read(name)
            if thing:
                things = [*things, thing]
                baskets.write(name, things)
        value = {"basket": things, "found in": found, "replica": self.server.name}
        # Usher says when the session's own replica could not be had: this is where a service would load what it needs.
        if self.headers.get("Usher-Session") == "moved":
            value["moved"] = True
        self.answer(200, value, cookie=None if is_known else f"basket={name}; Path=/; HttpOnly; SameSite=Lax")

    def answer(self, status, value, cookie=None):
        body = (json.dumps(value, ensure_ascii=False) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass  # Usher's access log has every request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that went away is nothing to report


def main():
    parser = argparse.ArgumentParser(description="Shopping baskets over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="shared by all replicas")
    arguments = parser.parse_args()

    server = Server(("127.0.0.1", arguments.port), Handler)
    server.baskets = Baskets(arguments.folder)
    server.name = f"127.0.0.1:{arguments.port}"
    # shutdown() waits for the loop in serve_forever, which runs in this very thread: hence a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
