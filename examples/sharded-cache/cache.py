"""A small HTTP cache: one replica of one shard of the example.

It keeps answers of the origin in memory as long as their `max-age` says, and no more of them than fit: what nobody has
asked for the longest goes first. It keeps no answer that says `no-store`, `no-cache` or `private`, sets a cookie, or
depends on fields of the request (`Vary`). `Cache-Status` (RFC 9211) says what it did.
"""

import argparse
import collections
import http.client
import re
import signal
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PASSED = ("Content-Type", "Cache-Control", "ETag", "Last-Modified", "Location", "Retry-After", "Set-Cookie", "Vary")
OVERHEAD = 500  # bytes that an answer takes beside its body, about


class Answer:
    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body
        self.made = time.monotonic()
        named = {name.lower(): value for name, value in fields}
        control = named.get("cache-control", "")
        age = re.search(r"(?<![\w-])max-age=(\d+)", control)
        is_kept = status == 200 and age and not re.search(r"no-store|no-cache|private", control)
        self.lifetime = int(age[1]) if is_kept and not {"set-cookie", "vary"} & set(named) else 0


class Answers:
    """What is kept, the longest unused first."""

    def __init__(self, memory):
        self.memory = memory
        self.used = 0
        self.kept = collections.OrderedDict()
        self.lock = threading.Lock()

    def find(self, target):
        with self.lock:
            answer = self.kept.get(target)
            if answer is None:
                return None
            if time.monotonic() - answer.made >= answer.lifetime:
                self.remove(target)
                return None
            self.kept.move_to_end(target)
            return answer

    def keep(self, target, answer):
        with self.lock:
            self.remove(target)
            self.kept[target] = answer
            self.used += len(answer.body) + OVERHEAD
            while self.used > self.memory:
                self.remove(next(iter(self.kept)))

    def remove(self, target):
        answer = self.kept.pop(target, None)
        if answer is not None:
            self.used -= len(answer.body) + OVERHEAD


class Origin(http.client.HTTPConnection):
    """The origin behind Usher's socket, one connection a thread."""

    def __init__(self, path):
        super().__init__("origin", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def get(self, target):
        for is_last in (False, True):
            try:
                self.request("GET", target)
                response = self.getresponse()
                fields = [(name, value) for name, value in response.getheaders() if name.title() in PASSED]
                return Answer(response.status, fields, response.read())
            except (OSError, http.client.HTTPException):
                self.close()  # it was idle for too long, perhaps; the next request opens it anew
                if is_last:
                    raise


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    timeout = 120  # seconds an idle connection is kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def setup(self):
        super().setup()
        self.origin = Origin(self.server.origin)

    def finish(self):
        self.origin.close()
        super().finish()

    def do_GET(self):
        if self.path == "/ready":
            self.answer(Answer(200, [], b"ready\n"), "fwd=bypass")
            return
        answer = self.server.answers.find(self.path)
        if answer is not None:
            age = int(time.monotonic() - answer.made)
            self.answer(answer, f"hit; ttl={answer.lifetime - age}", age)
            return
        try:
            answer = self.origin.get(self.path)
        except (OSError, http.client.HTTPException) as error:
            self.answer(Answer(502, [("Content-Type", "text/plain")], f"{error}\n".encode()), "fwd=uri-miss")
            return
        if answer.lifetime > 0:
            self.server.answers.keep(self.path, answer)
        self.answer(answer, "fwd=uri-miss" + ("; stored" if answer.lifetime > 0 else ""))

    def answer(self, answer, outcome, age=0):
        self.send_response(answer.status)
        for name, value in answer.fields:
            self.send_header(name, value)
        if age > 0:
            self.send_header("Age", str(age))
        self.send_header("Cache-Status", f"{self.server.shard}; {outcome}")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, format, *arguments):
        pass  # Usher's access log has every request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that went away is nothing to report


def main():
    parser = argparse.ArgumentParser(description="An HTTP cache in memory: one replica of one shard.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--shard", required=True, help="its name in Cache-Status")
    parser.add_argument("--memory", type=int, required=True, help="bytes")
    parser.add_argument("--origin", required=True, help="a unix socket that leads to the origin")
    arguments = parser.parse_args()

    server = Server(("127.0.0.1", arguments.port), Handler)
    server.answers = Answers(arguments.memory)
    server.shard = arguments.shard
    server.origin = arguments.origin
    # shutdown() waits for the loop in serve_forever, which runs in this very thread: hence a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
