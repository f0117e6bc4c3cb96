"""What the soak's scenarios share: a running Usher, its vital signs, raw clients and replicas that follow a script."""
import contextlib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent
HARD_FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (HARD_FILES, HARD_FILES))


def compile_tool(name, folder):
    """Compiles one of the C programs beside this file; returns its path."""
    program = Path(folder) / name
    if not program.exists():
        subprocess.run(["cc", "-O2", "-o", str(program), str(SUPPORT / f"{name}.c")], check=True)
    return str(program)


class Usher:
    """An `usher run` in a folder of its own; leaving the context stops it and says how it ended."""

    def __init__(self, binary, configuration, prefix=()):
        self.folder = tempfile.TemporaryDirectory(prefix="usher-soak-")
        self.path = Path(self.folder.name)
        (self.path / "usher.yaml").write_text("admin: 127.0.0.1:0\n" + configuration)
        self.errors = open(self.path / "errors", "w+b")
        self.process = subprocess.Popen(
            [*prefix, binary, "run", "usher.yaml"], cwd=self.path, stdout=subprocess.DEVNULL, stderr=self.errors,
            start_new_session=True)
        self.port = self.admin = None

    def text(self):
        return (self.path / "errors").read_text(errors="replace")

    def wait(self, limit=20):
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            text = self.text()
            listening = re.search(r"listening on\s+http://[^ \n]*:(\d+)", text)
            admin = re.search(r"admin on\s+http://[^ \n]*:(\d+)", text)
            if listening and admin:
                self.port, self.admin = int(listening[1]), int(admin[1])
                return self
            if self.process.poll() is not None:
                raise RuntimeError(f"usher ended with {self.process.returncode}:\n{text}")
            time.sleep(0.02)
        raise RuntimeError(f"usher did not start:\n{text}")

    def __enter__(self):
        return self.wait()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                print("    STUCK: usher did not end within 40 s of SIGTERM")
                self.process.kill()
                self.process.wait()
        elif self.process.returncode != 0:
            print(f"    DEAD: usher ended by itself with {self.process.returncode}\n{self.text()[-2000:]}")
        self.errors.close()
        self.folder.cleanup()

    # Vital signs

    @property
    def is_alive(self):
        return self.process.poll() is None

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def resident(self):
        """MiB."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0

    def cpu_seconds(self):
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}{path}", timeout=10) as answer:
            return answer.read().decode()

    def metrics(self, needle=""):
        """Samples whose name or labels hold `needle`, those that are zero left out."""
        samples = {}
        for line in self.get("/metrics").splitlines():
            if not line.startswith("#") and needle in line:
                name, value = line.rsplit(" ", 1)
                if float(value) != 0:
                    samples[name] = float(value)
        return samples

    def settled(self, wanted, limit=45):
        """Waits until no more than `wanted` descriptors are open; returns how many are."""
        deadline = time.monotonic() + limit
        while self.descriptors() > wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.descriptors()


class Replica:
    """The C replica as a process."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class ScriptedReplica:
    """Accepts connections and lets `script(connection)` play the replica, each in a thread of its own."""

    def __init__(self, script):
        self.script = script
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.received = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._play, args=(connection,), daemon=True).start()

    def _play(self, connection):
        with contextlib.suppress(OSError), connection:
            connection.settimeout(60)
            self.script(self, connection)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def read_head(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece
    return data


def connect(port, source=None, receive_buffer=None, timeout=20):
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        client.bind((source, 0))
    client.settimeout(timeout)
    client.connect(("127.0.0.1", port))
    return client


def read_to_end(client, limit=1 << 20, timeout=20):
    client.settimeout(timeout)
    data = b""
    try:
        while len(data) < limit:
            piece = client.recv(65536)
            if not piece:
                break
            data += piece
    except TimeoutError:
        data += b"<TIMEOUT>"
    except OSError as error:
        data += f"<{error.strerror}>".encode()
    return data


def load(program, port, requests, connections):
    """Runs the load client to its end; returns its report."""
    lines = subprocess.run(
        [program, str(port), str(requests), str(connections)], stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return json.loads(lines[-1])
