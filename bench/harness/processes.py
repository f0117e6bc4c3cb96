"""Starting, pinning, watching and stopping processes; nothing that is started here outlives the benchmark."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


class BenchError(Exception):
    """A reason, in one line, why something cannot be measured."""


def free_port():
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def raise_file_limit(wanted=65536):
    """Raises the limit of open files as far as allowed and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def tree(root):
    """The process and all its descendants, as process ids; empty when it has ended."""
    children = {}
    alive = False
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        fields = stat_fields(int(name))
        if fields is not None:
            children.setdefault(int(fields[1]), []).append(int(name))
            alive = alive or int(name) == root
    found = [root] if alive else []
    for process in found:
        found.extend(children.get(process, []))
    return found


def stat_fields(process):
    """The fields of /proc/PID/stat after the command's name (state first), or None when the process has ended."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def started_at(process):
    """When the process was started, in ticks since boot: with the id it names one process for ever."""
    fields = stat_fields(process)
    return None if fields is None else fields[19]


def cpu_seconds(root):
    """User and system seconds used so far by the tree, children that have ended included."""
    user = system = 0
    for process in tree(root):
        fields = stat_fields(process)
        if fields is not None:
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return user / TICKS_PER_SECOND, system / TICKS_PER_SECOND


def busy_seconds(core):
    """Seconds this core was not idle since boot, stolen time included."""
    with open("/proc/stat", encoding="ascii") as file:
        for line in file:
            if line.startswith(f"cpu{core} "):
                fields = [int(field) for field in line.split()[1:9]]
                return (sum(fields) - fields[3] - fields[4]) / TICKS_PER_SECOND
    raise BenchError(f"this machine has no core {core}")


def status_bytes(process, key):
    """A size in /proc/PID/status, such as VmRSS or VmHWM; 0 when the process has ended."""
    try:
        with open(f"/proc/{process}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith(key + ":"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def resident_bytes(root):
    """Resident memory of the tree now."""
    return sum(status_bytes(process, "VmRSS") for process in tree(root))


def peak_bytes(root):
    """The highest resident memory of each process in the tree since `reset_peak`, summed."""
    return sum(status_bytes(process, "VmHWM") for process in tree(root))


def reset_peak(root):
    """Starts a new measurement of the peak."""
    for process in tree(root):
        with open(f"/proc/{process}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")


class Keeper:
    """Owns every process of the benchmark; `stop_all` ends them by process id."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, arguments, core=None, environment=None):
        """Starts a process pinned to a core; it gets SIGTERM when the benchmark ends for whatever reason."""

        def prepare():
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if core is not None:
                os.sched_setaffinity(0, {core})

        log = open(os.path.join(self.folder, f"{name}.out"), "ab")
        with log:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **(environment or {})},
                preexec_fn=prepare,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def output(self, name):
        """The last lines a process has printed, for messages."""
        try:
            with open(os.path.join(self.folder, f"{name}.out"), encoding="utf-8", errors="replace") as file:
                return " | ".join(file.read().strip().splitlines()[-4:])
        except OSError:
            return ""

    def stop(self, process, patience=5.0):
        """Asks the process to end, then ends whatever of its tree is left."""
        members = [(member, started_at(member)) for member in tree(process.pid)]
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process in self.running:
            self.running.remove(process)
        time.sleep(0.05)
        for member, started in members:
            if started is not None and started_at(member) == started:
                kill_quietly(member)

    def stop_all(self):
        """Ends everything that still runs, the newest first."""
        for process in reversed(list(self.running)):
            self.stop(process)


def kill_quietly(process):
    """SIGKILL to one process that may have ended by itself."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass
