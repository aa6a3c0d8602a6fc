"""The store away for a while under load: every event arrives once, in order, and none is missing.

    scripts/prove outage [--seconds 60] [--rate 2000] [--cut stop|kill] [--durability async|strict] [--kill-sidecar]

Starts a redis-server and a sidecar of its own on loopback, makes calls at a steady rate, takes Redis away for the given
time (SIGSTOP, or SIGKILL and a new process on the same files), brings it back, and compares what was answered with what
`tollgate activity export` gives. With --kill-sidecar the sidecar is killed in the middle and started again.
"""

import argparse
import asyncio
import json
import re
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
from harness import LOCAL, Redis, Sidecar, free_port, until  # noqa: E402

TOKENS = 50


class Load:
    """Connections that each send numbered calls of one token, `rate` a second together."""

    def __init__(self, port, tokens, rate):
        self.port, self.tokens, self.rate = port, tokens, rate
        self.answered = {token.id: [] for token in tokens}
        self.running, self.failed = True, 0

    async def connection(self, token, start):
        pause, number, due = len(self.tokens) / self.rate, 0, start
        reader = writer = None
        while self.running:
            number += 1
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.write(f"GET /down/{number} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token.secret}\r\n\r\n".encode())
                head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                await reader.readexactly(int(length.group(1)) if length else 0)
                if head.startswith(b"HTTP/1.1 502"):
                    self.answered[token.id].append(number)
                else:
                    self.failed += 1
            except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                self.failed += 1
                writer = None
            due += pause
            await asyncio.sleep(max(0, due - time.monotonic()))

    def total(self):
        return sum(map(len, self.answered.values()))


def compare(sidecar, load):
    """(answered, recorded, missing, repeated, out of order, told as gaps)"""
    sums = [0] * 6
    for token in load.tokens:
        lines = sidecar.cli("activity", "export", "--token", token.id).splitlines()
        events = [json.loads(line) for line in lines]
        recorded = [int(event["uri"].rsplit("/", 1)[1]) for event in reversed(events) if event["uri"].startswith("/down/")]
        answered = load.answered[token.id]
        counts = (len(answered), len(recorded), len(set(answered) - set(recorded)), len(recorded) - len(set(recorded)),
                  sum(a > b for a, b in zip(recorded, recorded[1:])),
                  sum(event["data"]["missing"] for event in events if event["event"] == "ACTIVITY_GAP"))
        sums = [a + b for a, b in zip(sums, counts)]
    return sums


async def drive(arguments, redis, sidecar, tokens, folder):
    load = Load(sidecar.port, tokens, arguments.rate)
    start = time.monotonic()
    tasks = [asyncio.create_task(load.connection(token, start + at / arguments.rate)) for at, token in enumerate(tokens)]
    await asyncio.sleep(5)
    redis.child.send_signal(signal.SIGSTOP if arguments.cut == "stop" else signal.SIGKILL)
    half = arguments.seconds / 2
    await asyncio.sleep(half)
    if arguments.kill_sidecar:
        sidecar.stop(signal.SIGKILL)
        load.running = False
        await asyncio.gather(*tasks)
    else:
        await asyncio.sleep(half)
    if arguments.cut == "stop":
        redis.child.send_signal(signal.SIGCONT)
    else:
        redis.child.wait()
        redis = Redis(folder, redis.port)
    back = time.monotonic()
    if arguments.kill_sidecar:
        sidecar.start()
    else:
        await asyncio.sleep(5)
        load.running = False
        await asyncio.gather(*tasks)
    return load, redis, back


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rate", type=int, default=2000)
    parser.add_argument("--cut", choices=("stop", "kill"), default="stop")
    parser.add_argument("--durability", choices=("async", "strict"), default="async")
    parser.add_argument("--kill-sidecar", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(folder)
        extra = f'[activity]\nper_token = 1_000_000\ndurability = "{arguments.durability}"\n'
        sidecar = Sidecar(folder, f"redis://127.0.0.1:{redis.port}", free_port(), extra=extra, env=LOCAL)
        try:
            tokens = [sidecar.token(name=f"load-{number}") for number in range(TOKENS)]
            load, redis, back = asyncio.run(drive(arguments, redis, sidecar, tokens, folder))
            wait = lambda: "\ntollgate_activity_spool_bytes 0\n" in sidecar.metrics() \
                and "\ntollgate_activity_events_queued 0\n" in sidecar.metrics()
            until(wait, "the spool is replayed", 120)
            drained = time.monotonic() - back
            names = ("answered", "recorded", "missing", "repeated", "out of order", "told as gaps")
            # The last events may be on their way yet: a thread hands its buffer over every 50 ms.
            deadline = time.monotonic() + 10
            sums = dict(zip(names, compare(sidecar, load)))
            while sums["missing"] and time.monotonic() < deadline:
                sums = dict(zip(names, compare(sidecar, load)))
        finally:
            sidecar.stop(signal.SIGKILL)
            redis.child.send_signal(signal.SIGCONT)
            redis.stop(signal.SIGKILL)
    print(f"{arguments.seconds:g} s without Redis ({arguments.cut}) at {arguments.rate} requests/s, {arguments.durability}"
          f"{', sidecar killed' if arguments.kill_sidecar else ''}: "
          + ", ".join(f"{name} {count}" for name, count in sums.items())
          + f"; not answered {load.failed}; drained within {drained:.1f} s of its return")
    exact = arguments.durability == "strict" or not arguments.kill_sidecar
    sys.exit(any(sums[name] for name in ("repeated", "out of order")) or (exact and sums["missing"] > 0))


if __name__ == "__main__":
    main()
