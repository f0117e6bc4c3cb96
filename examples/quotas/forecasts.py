"""The forecast service of the example: tomorrow's weather, which is made up but always the same for a place.

GET /forecast/PLACE gives one day, GET /year/PLACE all of a year. Usher tells who asks, in fields that no client can
send: `Usher-Identity` and `Usher-Class`. The service has no accounts and counts nothing.
"""

import argparse
import datetime
import hashlib
import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

SKIES = ["clear", "clouds", "fog", "rain", "snow", "thunder"]


def forecast(place, day):
    """What will surely happen."""
    digest = hashlib.sha256(f"{place.casefold()} {day.isoformat()}".encode()).digest()
    return {"day": day.isoformat(), "sky": SKIES[digest[0] % len(SKIES)], "celsius": digest[1] % 45 - 12}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    timeout = 120  # seconds an idle connection is kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        place = path.rpartition("/")[2][:64]
        tomorrow = datetime.date.today() + datetime.timedelta(days=1)
        if path == "/ready":
            self.answer(200, {"ready": True})
        elif path.startswith("/forecast/") and place:
            self.answer(200, {"place": place, **forecast(place, tomorrow), **self.caller()})
        elif path.startswith("/year/") and place:
            days = [forecast(place, tomorrow + datetime.timedelta(days=number)) for number in range(365)]
            self.answer(200, {"place": place, **self.caller(), "days": days})
        else:
            self.answer(404, {"error": "GET /forecast/PLACE or GET /year/PLACE"})

    def caller(self):
        identity = self.headers.get("Usher-Identity", "anybody")
        return {"you are": identity, "of class": self.headers.get("Usher-Class", "none")}

    def answer(self, status, value):
        body = (json.dumps(value, ensure_ascii=False) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
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
    parser = argparse.ArgumentParser(description="Tomorrow's weather over HTTP.")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()

    server = Server(("127.0.0.1", arguments.port), Handler)
    # shutdown() waits for the loop in serve_forever, which runs in this very thread: hence a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
