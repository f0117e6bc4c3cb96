"""The service of the example: says what it was told of whoever asks. It speaks HTTP/1.1 in the clear."""

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    timeout = 120  # seconds an idle connection is kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        told = {
            "you are": self.headers.get("Usher-Identity", "anybody"),
            "you came by": self.headers.get("X-Forwarded-Proto"),
            "through": self.headers.get("Via"),
        }
        body = (json.dumps(told) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass  # Usher's access log has every request


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


arguments = argparse.ArgumentParser()
arguments.add_argument("--port", type=int, required=True)
Server(("127.0.0.1", arguments.parse_args().port), Handler).serve_forever()
