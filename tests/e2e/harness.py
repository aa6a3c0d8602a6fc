"""Real processes for the tests: the sidecar, a redis-server, and httpbin as an upstream that nobody here wrote."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]


def binary():
    """The tollgate under test: TOLLGATE_BIN, else the release build."""
    found = Path(os.environ.get("TOLLGATE_BIN") or
                 Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "tollgate")
    assert found.exists(), f"{found} does not exist; run: cargo build --release"
    return found


def until(ask, what, seconds=10.0):
    """The first true value of `ask()`; an AssertionError naming `what` and the last answer when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            answer = ask()
        except (OSError, requests.RequestException) as error:
            last = error
        else:
            if answer:
                return answer
            last = answer
        assert time.monotonic() < deadline, f"not within {seconds} s: {what} (last: {last!r})"
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """A child whose output goes to a file, ended by its pid."""

    def __init__(self, name, command, folder, env=None):
        self.name, self.log = name, Path(folder) / f"{name}.log"
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, cwd=folder)

    def text(self):
        return self.log.read_text(errors="replace")

    def ready(self, ask, seconds=30.0):
        def alive_and_ready():
            assert self.child.poll() is None, f"{self.name} ended with {self.child.returncode}:\n{self.text()[-3000:]}"
            return ask()
        return until(alive_and_ready, f"{self.name} is ready", seconds)

    def stop(self, signum=signal.SIGTERM, seconds=20.0):
        """Sends `signum`, waits, and returns the exit status; SIGKILL after the time."""
        if self.child.poll() is None:
            self.child.send_signal(signum)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} did not end within {seconds} s of signal {signum}") from None


class Redis(Process):
    """A redis-server of the test's own; keeps its data over a restart, uncompressed so that it can be searched."""

    def __init__(self, folder, port=None):
        self.port, self.folder = port or free_port(), Path(folder)
        super().__init__("redis", [
            "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly",
            "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no", "--rdbcompression", "no"], folder)
        self.ready(lambda: self.command(b"PING").startswith(b"+PONG"))

    def command(self, line):
        with socket.create_connection(("127.0.0.1", self.port), 2) as link:
            link.sendall(line + b"\r\n")
            return link.recv(65536)


class Httpbin(Process):
    """httpbin under gunicorn; `dangerous` header mapping lets an underscore twin through, so that a leak shows."""

    def __init__(self, folder):
        super().__init__("httpbin", [
            sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--worker-class", "gthread", "--threads", "32",
            "--keep-alive", "30", "--header-map", "dangerous", "--access-logfile", "-", "httpbin:app"], folder)
        found = self.ready(lambda: re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", self.text()))
        self.port = int(found.group(1))
        self.ready(lambda: requests.get(f"http://127.0.0.1:{self.port}/get", timeout=5).ok)


CONFIG = """
region = "local"

[proxy]
listen = "127.0.0.1:{proxy}"
workers = 2
{in_proxy}

[admin]
listen = "127.0.0.1:{admin}"
{in_admin}

[ops]
listen = "127.0.0.1:{ops}"

[store]
url = "{store}"
data_dir = "{data}"

[throttle]
bad_credentials = {throttle}

[plan.default]
minute = {{ size = 100_000, refill_per_second = 10_000 }}
month = {{ size = 1_000_000 }}

[plan.tiny]
minute = {{ size = 3, refill_per_second = 0.05 }}
month = {{ size = 1_000 }}

[plan.monthly]
minute = {{ size = 1_000, refill_per_second = 100 }}
month = {{ size = 3 }}

[plan.crowded]
minute = {{ size = 1_000, refill_per_second = 100 }}
month = {{ size = 100 }}

[bundles]
"team.reader" = ["things.read", "extras.*"]

[upstream.httpbin]
servers = ["http://127.0.0.1:{upstream}"]

[upstream.gone]
servers = ["http://127.0.0.1:{nobody}"]

[[route]]
name = "things"
path = "/anything"
scopes = ["things.read"]
upstream = "httpbin"

[[route]]
name = "open"
path = "/anything/open"
public = true
upstream = "httpbin"

[[route]]
name = "narrow"
path = "/anything/narrow"
scopes = ["extras.one.two"]
upstream = "httpbin"

[[route]]
name = "either"
path = "/anything/either"
any_scopes = ["other.read", "things.write"]
upstream = "httpbin"

[[route]]
name = "read-only"
path = "= /get"
methods = ["GET", "HEAD"]
upstream = "httpbin"

[[route]]
name = "down"
path = "/down"
upstream = "gone"

{pass_through}

{extra}
"""

# Each sidecar counts for itself, so that its limits do not wait for a store that is away.
LOCAL = {f"TOLLGATE_PLAN__{plan}__MINUTE__MODE": "local" for plan in ("DEFAULT", "TINY", "MONTHLY", "CROWDED")}

ENDPOINTS = ("post", "gzip", "stream", "stream-bytes", "drip", "status", "bytes", "range", "response-headers", "delay")
PASS_THROUGH = "\n".join(f'[[route]]\nname = "{name}"\npath = "/{name}"\nupstream = "httpbin"\n' for name in ENDPOINTS)


class Token:
    """What `tollgate token create --json` printed."""

    def __init__(self, record):
        self.id, self.secret, self.record = record["id"], record["secret"], record

    @property
    def bearer(self):
        return {"Authorization": f"Bearer {self.secret}"}


class Sidecar(Process):
    """`tollgate run` on free ports, with the token commands beside it."""

    def __init__(self, folder, store, upstream, in_proxy="", throttle="{ size = 100_000, refill_per_second = 10_000 }",
                 env=None, in_admin="", extra=""):
        self.folder, self.data, self.config = Path(folder), Path(folder) / "data", Path(folder) / "tollgate.toml"
        self.env = env or {}
        ports = {name: free_port() for name in ("proxy", "admin", "ops", "nobody")}
        self.config.write_text(CONFIG.format(
            **ports, store=store or f"file:{self.data}", data=self.data, upstream=upstream, in_proxy=in_proxy,
            throttle=throttle, in_admin=in_admin, extra=extra, pass_through=PASS_THROUGH))
        self.port = ports["proxy"]
        self.proxy, self.admin, self.ops = (f"http://127.0.0.1:{ports[name]}" for name in ("proxy", "admin", "ops"))
        self.start()

    def start(self):
        super().__init__("tollgate", [binary(), "run", "--config", self.config], self.folder, self.env)
        self.ready(lambda: requests.get(f"{self.ops}/ready", timeout=2).status_code == 200)

    def cli(self, *arguments, given=None, status=0):
        """Runs a command and returns its standard output."""
        ran = subprocess.run([str(binary()), *map(str, arguments), "--config", str(self.config)], input=given,
                             capture_output=True, text=True, timeout=60, env={**os.environ, **self.env}, check=False)
        assert ran.returncode == status, f"tollgate {arguments}: status {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    def token(self, *scopes, name="test", **options):
        """A fresh token; `plan="tiny"` becomes `--plan tiny`, `label=["a=1", "b=2"]` the option twice."""
        arguments = ["token", "create", "--json", "--name", name]
        for scope in scopes:
            arguments += ["--scope", scope]
        for option, given in options.items():
            for value in given if isinstance(given, (list, tuple)) else [given]:
                arguments += [f"--{option}", value]
        return Token(objects(self.cli(*arguments))[0])

    def get(self, path, **options):
        return requests.get(self.proxy + path, timeout=20, **options)

    def metrics(self):
        return requests.get(f"{self.ops}/metrics", timeout=5).text

    def raw(self):
        """A socket to the proxy port."""
        link = socket.create_connection(("127.0.0.1", self.port), 10)
        link.settimeout(10)
        return link


def objects(text):
    """The JSON values printed: one a line, or one over several lines, or an array of them."""
    decoder, found, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        found += value if isinstance(value, list) else [value]
        rest = rest[end:].lstrip()
    return found


def answers(link, count):
    """Reads `count` answers with a Content-Length from a socket: (status, head, body) each."""
    found, data = [], b""
    while len(found) < count:
        head, border, rest = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if border and (length is None or len(rest) >= int(length.group(1))):
            size = int(length.group(1)) if length else 0
            found.append((int(head.split(b" ", 2)[1]), head.decode("latin-1"), rest[:size]))
            data = rest[size:]
            continue
        more = link.recv(65536)
        assert more, f"closed after {len(found)} of {count} answers: {data[:300]!r}"
        data += more
    return found


def closed(link):
    """What still comes before the other side closes."""
    data = b""
    while True:
        try:
            more = link.recv(65536)
        except ConnectionResetError:
            return data
        if not more:
            return data
        data += more
