"""`tollgate demo`: ready within two seconds, every printed line works when pasted, and nothing is left behind."""

import re
import signal
import subprocess
import time

import pytest

from harness import Process, binary

LIMIT = 2.0


def test_demo(tmp_path):
    started = time.monotonic()
    demo = Process("demo", [binary(), "demo"], tmp_path)
    try:
        demo.ready(lambda: len(lines(demo)) >= 2)
        assert time.monotonic() - started < LIMIT
        told = demo.text()
        assert len(set(re.findall(r"127\.0\.0\.1:\d+", told))) >= 3, "the three addresses"
        for line in lines(demo):
            ran = subprocess.run(["bash", "-c", line + " -sS --max-time 20 -w '\n%{http_code}'"], capture_output=True, text=True,
                                 timeout=60, cwd=tmp_path, check=False)
            assert ran.returncode == 0, (line, ran.stderr)
            status = ran.stdout.rsplit("\n", 1)[1]
            assert re.fullmatch(r"2\d\d|401|403|429", status), (line, ran.stdout)
    finally:
        assert demo.stop() == 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_behind(tmp_path, signum):
    demo = Process("demo", [binary(), "demo"], tmp_path, env={"TMPDIR": str(tmp_path)})
    try:
        demo.ready(lambda: lines(demo))
        assert len(list(tmp_path.iterdir())) > 1, "its files lie in TMPDIR"
    finally:
        assert demo.stop(signum) == 0
    assert list(tmp_path.iterdir()) == [demo.log]


def lines(demo):
    """The printed curl commands. A pipe or a loop after curl would swallow what the test appends: none is expected."""
    return [line.strip().removeprefix("$ ") for line in demo.text().splitlines()
            if re.match(r"\s*(\$ )?curl ", line)]
