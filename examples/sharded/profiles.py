"""The profile service of the example: one replica of one shard.

GET /profiles/WHO shows a profile, PUT stores one (with `If-None-Match: *` only where nothing is known yet), DELETE
removes it. A client that says `Accept: text/plain` gets the profile alone.

A shard's replicas share a folder, and no shard sees another's: only ada's shard knows her profile. Memory is the quick
copy, the folder the true one: every change is written there, and a copy that is older than its file is read anew.

404 says that this shard has never heard of somebody, 410 that a profile was removed here. While shards are added, that
matters: after a 404 Usher may ask the shard that had the key before, and a removed profile must not come back.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

NAME = re.compile(r"[\w-]{1,64}")
UNKNOWN, REMOVED = object(), None


class Profiles:
    """A shard's profiles in memory, each change written through to its file."""

    def __init__(self, folder):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.known = {}  # name: (which file it was, profile)
        self.lock = threading.Lock()

    def read(self, name):
        """A profile, REMOVED, or UNKNOWN."""
        path = self.folder / f"{name}.json"
        try:
            version = self.version(path)
        except FileNotFoundError:
            return UNKNOWN
        if self.known.get(name, (None, None))[0] != version:  # another replica has written it
            self.known[name] = (version, json.loads(path.read_text(encoding="utf-8")))
        return self.known[name][1]

    def write(self, name, profile, only_new=False):
        """False when it had to be new and is not."""
        path = self.folder / f"{name}.json"
        aside = self.folder / f"{name}.{os.getpid()}"
        aside.write_text(json.dumps(profile), encoding="utf-8")
        version = self.version(aside)
        if only_new:
            try:
                os.link(aside, path)
            except FileExistsError:
                return False
            finally:
                aside.unlink()
        else:
            aside.replace(path)  # who reads finds the old profile or the new one, never half of one
        self.known[name] = (version, profile)
        return True

    @staticmethod
    def version(path):
        status = path.stat()
        return status.st_mtime_ns, status.st_ino


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections stay open
    timeout = 120  # seconds an idle connection is kept
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_GET(self):
        if self.path == "/ready":
            self.answer(200, {"ready": True})
        else:
            self.serve(None)

    def do_PUT(self):
        self.serve(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode(errors="replace"))

    def do_DELETE(self):
        self.serve(None)

    def serve(self, text):
        path = unquote(urlsplit(self.path).path)
        who = path.removeprefix("/profiles/")
        if not path.startswith("/profiles/") or not NAME.fullmatch(who):
            self.answer(404, {"error": "GET, PUT or DELETE /profiles/WHO"})
            return
        profiles = self.server.profiles
        with profiles.lock:
            if self.command == "GET":
                profile = profiles.read(who)
            else:
                profile = text if self.command == "PUT" else REMOVED
                if not profiles.write(who, profile, only_new=self.headers.get("If-None-Match") == "*"):
                    self.answer(412, {"who": who, "error": "is known already"})
                    return
        if self.command == "DELETE":
            self.answer(200, {"who": who, "removed": True})
        elif profile is UNKNOWN:
            self.answer(404, {"who": who, "error": "never heard of"})
        elif profile is REMOVED:
            self.answer(410, {"who": who, "error": "removed"})
        else:
            self.answer(200, {"who": who, "profile": profile})

    def answer(self, status, value):
        value |= {"shard": self.server.shard, "replica": self.server.name}
        kind, text = "application/json", json.dumps(value, ensure_ascii=False) + "\n"
        if "profile" in value and self.headers.get("Accept") == "text/plain":
            kind, text = "text/plain", value["profile"]
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
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
    parser = argparse.ArgumentParser(description="Profiles over HTTP: one replica of one shard.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--shard", required=True)
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="shared by the shard's replicas")
    arguments = parser.parse_args()

    server = Server(("127.0.0.1", arguments.port), Handler)
    server.profiles = Profiles(arguments.folder)
    server.shard = arguments.shard
    server.name = f"127.0.0.1:{arguments.port}"
    # shutdown() waits for the loop in serve_forever, which runs in this very thread: hence a thread of its own.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))
    server.serve_forever(poll_interval=0.1)
    server.server_close()


if __name__ == "__main__":
    main()
