"""One round of load against one target, and what it cost."""

import json
import subprocess
from collections import namedtuple
from pathlib import Path

from .system import LOAD_CORE, BenchError, cpu_seconds, cpu_ticks, family, find

CONNECTIONS = 64

# requests a second; latencies and CPU time of the proxy per request in microseconds
Sample = namedtuple("Sample", "rate p50 p99 cpu")


def load(target, token_file, seconds, offset):
    """wrk's own account of one run."""
    ran = subprocess.run(
        [find("taskset"), "-c", str(LOAD_CORE), find("wrk"), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency",
         "-s", Path(__file__).with_name("rotate.lua"), f"http://127.0.0.1:{target.port}/bench", "--", token_file, str(offset)],
        capture_output=True, text=True, check=False)
    for line in ran.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line[len("RESULT "):])
    raise BenchError(f"wrk against {target.name} gave no result: {ran.stdout}{ran.stderr}")


def round_of(target, token_file, seconds, number):
    """A measured round. Any answer but 2xx or 3xx, or a broken connection, fails the bench: figures of errors mislead."""
    pids = family(target.process.pid)
    before, ticks_before = cpu_seconds(pids), cpu_ticks(pids)
    result = load(target, token_file, seconds, number * 997)
    used, ticks = cpu_seconds(pids) - before, cpu_ticks(pids) - ticks_before
    if result["broken"] or result["refused"] or not result["requests"]:
        raise BenchError(f"{target.name}: of {result['requests']} requests {result['refused']} were refused and "
                         f"{result['broken']} broke; see {target.process.bench_log}")
    # Each process and each of user and system time is cut to 10 ms in /proc; more than that apart means a wrong pid.
    if abs(used - ticks) > 0.03 * len(pids) + 0.02 * used:
        raise BenchError(f"{target.name}: CPU clock {used:.3f} s and /proc/PID/stat {ticks:.3f} s disagree")
    seconds = result["microseconds"] / 1e6
    return Sample(result["requests"] / seconds, result["p50"], result["p99"], used * 1e6 / result["requests"])


def check(target, secret):
    """Before any load: a good token gets the upstream's 256 bytes, and, where the target knows tokens, no token gets 401."""
    def ask(*fields):
        told = subprocess.run(
            [find("curl"), "-s", "--max-time", "10", "-o", "/dev/null", "-w", "%{http_code} %{size_download}", *fields,
             f"http://127.0.0.1:{target.port}/bench"], capture_output=True, text=True, check=False)
        return told.stdout
    answer = ask("-H", f"Authorization: Bearer {secret}")
    if answer != "200 256":
        raise BenchError(f"{target.name} answered {answer!r} instead of '200 256'; see {target.process.bench_log}")
    if target.whole_job and not ask().startswith("401"):
        raise BenchError(f"{target.name} lets a request without a token pass")
