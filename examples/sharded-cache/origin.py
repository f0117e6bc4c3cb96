"""The slow origin of the example: every page takes it 30 milliseconds, and may be kept for ten minutes.

GET /item/N gives a page of 16 KB.
"""

import argparse
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = "All work and no cache makes an origin slow.\n" * 360


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    timeout = 120  # seconds an idle connection is kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        if self.path == "/ready":
            self.answer(200, "ready\n")
        elif self.path.startswith("/item/"):
            time.sleep(0.03)
            self.answer(200, f"{self.path}, made at {time.strftime('%H:%M:%S')}\n{PAGE}", "max-age=600")
        else:
            self.answer(404, "GET /item/N\n")

    def answer(self, status, text, kept="no-store"):
        body = text.encode()
        self.send_response(status)
        self.send_header("Cache-Control", kept)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
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
    parser = argparse.ArgumentParser(description="Pages that take their time, over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    server = Server(("127.0.0.1", parser.parse_args().port), Handler)
    # shutdown() waits for the loop in serve_forever, which runs in this very thread: hence a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
