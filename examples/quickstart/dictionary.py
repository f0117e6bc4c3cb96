"""The dictionary service of the quickstart: a word in, its definition out.

It listens at once, takes a few seconds to load its words, and says on /ready when it may be asked.
"""

import argparse
import json
import os
import pathlib
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

WORDS_FILE = pathlib.Path(__file__).with_name("words.txt")


class Dictionary:
    """The words, there only after `load`: a slow start on purpose, so that readiness has something to show."""

    def __init__(self):
        self.definitions = {}
        self.ready = threading.Event()

    def load(self, seconds):
        started = time.monotonic()
        definitions = {}
        for line in WORDS_FILE.read_text(encoding="utf-8").splitlines():
            word, separator, definition = line.partition(":")
            if separator:
                definitions[word.strip().lower()] = definition.strip()
        time.sleep(max(0.0, seconds - (time.monotonic() - started)))
        self.definitions = definitions
        self.ready.set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    timeout = 120  # seconds an idle connection is kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        dictionary = self.server.dictionary
        if path == "/ready":
            ready = dictionary.ready.is_set()
            self.answer(200 if ready else 503, {"ready": ready})
        elif not path.startswith("/dictionary/"):
            self.answer(404, {"error": "ask for /dictionary/WORD"})
        elif not dictionary.ready.is_set():
            self.answer(503, {"error": "still loading"})
        else:
            word = path.removeprefix("/dictionary/").lower()
            definition = dictionary.definitions.get(word)
            found = {"definition": definition} if definition else {"error": "unknown word"}
            self.answer(
                200 if definition else 404, {"word": word, **found, "replica": self.server.name}, keep_seconds=60)

    do_HEAD = do_GET

    def answer(self, status, value, keep_seconds=None):
        body = (json.dumps(value, ensure_ascii=False) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if keep_seconds is not None:
            self.send_header("Cache-Control", f"max-age={keep_seconds}")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass  # Usher's access log has every request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass  # a client that went away is nothing to report


def main():
    parser = argparse.ArgumentParser(description="A dictionary over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--loading", type=float, default=3.0, help="seconds until it is ready (default: 3)")
    arguments = parser.parse_args()

    server = Server(("127.0.0.1", arguments.port), Handler)
    server.dictionary = Dictionary()
    server.name = f"127.0.0.1:{arguments.port}"
    # shutdown() waits for the loop in serve_forever, which runs in this very thread: hence a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))

    def load():
        server.dictionary.load(arguments.loading)
        count = len(server.dictionary.definitions)
        print(f"{count} words loaded, ready on port {arguments.port} (process {os.getpid()})", flush=True)

    threading.Thread(target=load, daemon=True).start()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    print("stopped", flush=True)


if __name__ == "__main__":
    main()
