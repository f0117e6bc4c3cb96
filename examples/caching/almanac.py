"""An almanac that takes half a second for every page, and says for how long a page may be kept.

/day/NAME     may be kept for ten seconds, and given for a minute more while a new one is made; tagged `days`
/note/NAME    GET shows a note and may be kept for an hour; PUT changes it
/mine         is for one reader only
"""

import argparse
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

notes = {}
pages_made = 0


class Almanac(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        global pages_made
        if self.path == "/ready":
            return self.reply("ok\n")
        time.sleep(0.5)
        pages_made += 1
        kind, _, name = self.path.partition("?")[0].lstrip("/").partition("/")
        if kind == "day":
            text = f"{name}: page number {pages_made}, made at {time.strftime('%H:%M:%S')}\n"
            self.reply(text, {
                "Cache-Control": "max-age=10, stale-while-revalidate=60, stale-if-error=3600",
                "Surrogate-Key": "days",
            })
        elif kind == "note":
            self.reply(notes.get(name, "nothing yet") + "\n", {"Cache-Control": "max-age=3600"})
        elif kind == "mine":
            self.reply(f"page number {pages_made}, for you alone\n", {"Cache-Control": "private"})
        else:
            self.reply("there is no such page\n", {}, 404)

    def do_PUT(self):
        name = self.path.rpartition("/")[2]
        notes[name] = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.reply("changed\n")

    def reply(self, text, fields={}, status=200):
        body = text.encode()
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Almanac).serve_forever()
