"""Processes, ports and CPU clocks: what every target of the bench needs."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

PROXY_CORE = 0
LOAD_CORE = 1


class BenchError(Exception):
    """A message for the person at the terminal."""


def find(command):
    """Absolute path of a command; Debian keeps daemons in /usr/sbin, which is not on everyone's PATH."""
    path = shutil.which(command, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise BenchError(f"{command} is not installed; run: scripts/setup bench")
    return path


def free_port():
    """A loopback port nobody listens on now. Another process can take it before we do: `wait_port` notices."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Processes:
    """Everything started, stopped by pid in reverse order whatever happens."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.running = []

    def start(self, name, command, core, env=None):
        """Starts `command` on one core in its own session, so that a ctrl-C reaches this script alone."""
        log = open(self.folder / f"{name}.log", "wb")
        process = subprocess.Popen(
            [find("taskset"), "-c", str(core), *map(str, command)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, **(env or {})}, cwd=self.folder,
        )
        process.bench_name, process.bench_log = name, Path(log.name)
        log.close()
        self.running.append(process)
        return process

    def stop_all(self):
        for process in reversed(self.running):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in reversed(self.running):
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()


def tail(process, lines=15):
    text = process.bench_log.read_text(errors="replace").splitlines()
    return "\n".join(text[-lines:])


def wait_port(process, port, seconds=60):
    """Returns when `port` accepts; fails at once if the process died."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchError(f"{process.bench_name} ended with status {process.returncode}:\n{tail(process)}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
            return
        except OSError:
            time.sleep(0.02)
    raise BenchError(f"{process.bench_name} does not listen on port {port} after {seconds} s:\n{tail(process)}")


def family(pid):
    """`pid` and all its descendants."""
    found, queue = [], [pid]
    while queue:
        pid = queue.pop()
        found.append(pid)
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                queue += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        except FileNotFoundError:
            pass
    return found


def cpu_seconds(pids):
    """CPU time of whole processes, all threads, those that ended too, user and system, in seconds.

    The kernel's per-process CPU clock (clock_getcpuclockid(3)): the sum behind utime + stime of /proc/PID/stat, without
    its rounding to 10 ms.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def cpu_ticks(pids):
    """The same from /proc/PID/stat, in seconds; coarse, used to check the clock above."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
