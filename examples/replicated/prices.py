"""The price service of the example: GET /prices/WHAT says what something costs.

POST /sick makes the one process that gets it fail all further requests while it goes on saying that it is ready: a
broken disk, a lost database. POST /slow makes it answer after three seconds.
"""

import argparse
import json
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PRICES = {"apple": 40, "bread": 320, "coffee": 850, "tea": 590}  # cents


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    timeout = 120  # seconds an idle connection is kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        what = self.path.removeprefix("/prices/")
        if self.path == "/ready":
            self.answer(200, {"ready": True})
        elif self.server.trouble == "sick":
            self.answer(503, {"error": "no database", "replica": self.server.name})
        else:
            if self.server.trouble == "slow":
                time.sleep(3)
            known = what in PRICES
            cost = {"cents": PRICES[what]} if known else {"error": "not for sale"}
            self.answer(200 if known else 404, {"what": what, **cost, "replica": self.server.name})

    def do_POST(self):
        if self.path not in ("/sick", "/slow"):
            self.answer(404, {"error": "POST /sick or /slow"})
            return
        self.server.trouble = self.path[1:]
        self.answer(200, {"replica": self.server.name, "from now on": self.server.trouble})

    def answer(self, status, value):
        body = (json.dumps(value) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass  # Usher's access log has every request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    trouble = None

    def handle_error(self, request, client_address):
        pass  # a client that went away is nothing to report


def main():
    parser = argparse.ArgumentParser(description="Prices over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()

    server = Server(("127.0.0.1", arguments.port), Handler)
    server.name = f"127.0.0.1:{arguments.port}"
    # shutdown() waits for the loop in serve_forever, which runs in this very thread: hence a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
