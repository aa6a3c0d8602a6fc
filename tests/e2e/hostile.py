"""A sidecar with short deadlines in front of an upstream that keeps every byte, and the means to attack both."""

import json
import re
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from harness import Sidecar, free_port

CONFIG = """
[proxy]
listen = "127.0.0.1:{proxy}"
workers = 1
head_timeout = "600ms"
idle_timeout = "1500ms"
body_timeout = "900ms"
{in_proxy}

[admin]
listen = "127.0.0.1:{admin}"

[ops]
listen = "127.0.0.1:{ops}"

[log]
level = "debug"

[store]
url = "file:{data}"
data_dir = "{data}"

[plan.default]
month = {{ size = 1_000_000 }}

[plan.tiny]
minute = {{ size = 1, refill_per_second = 0.01 }}

[upstream.recorder]
servers = ["http://127.0.0.1:{recorder}"]
head_timeout = "400ms"
body_timeout = "900ms"

[upstream.scripted]
servers = ["http://127.0.0.1:{scripted}"]
head_timeout = "1s"
body_timeout = "900ms"

[[route]]
name = "open"
path = "/"
public = true
upstream = "recorder"

[[route]]
name = "guarded"
path = "/guarded"
scopes = ["things.read"]
upstream = "recorder"

[[route]]
name = "inner"
path = "/guarded/inner"
scopes = ["inner.read"]
upstream = "recorder"

[[route]]
name = "reading"
path = "/reading"
methods = ["GET"]
public = true
upstream = "recorder"

[[route]]
name = "scripted-guarded"
path = "/scripted/guarded"
scopes = ["things.read"]
upstream = "scripted"

[[route]]
name = "scripted"
path = "/scripted"
public = true
upstream = "scripted"
"""


class Attacked(Sidecar):
    """`tollgate run` with the routes above."""

    def __init__(self, folder, recorder, scripted, in_proxy=""):
        self.folder, self.data, self.config, self.env = Path(folder), Path(folder) / "data", Path(folder) / "t.toml", {}
        ports = {name: free_port() for name in ("proxy", "admin", "ops")}
        self.config.write_text(CONFIG.format(
            **ports, data=self.data, recorder=recorder, scripted=scripted, in_proxy=in_proxy))
        self.port, self.ops_port = ports["proxy"], ports["ops"]
        self.proxy, self.admin, self.ops = (f"http://127.0.0.1:{ports[name]}" for name in ("proxy", "admin", "ops"))
        self.start()

    def counter(self, name):
        """Sum of a metric's samples."""
        found = re.findall(rf"(?m)^{name}(?:\{{.*\}})? ([0-9.]+)", self.metrics())
        return sum(map(float, found))


class Malformed(Exception):
    """What an upstream must never be sent."""


@dataclass
class Seen:
    """One request as the upstream read it."""

    number: int
    method: bytes
    target: bytes
    fields: list
    body: bytes = b""
    trailers: list = field(default_factory=list)
    raw: bytes = b""

    def values(self, name):
        return [value for known, value in self.fields if known == name.lower().encode()]


TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.1\Z")


class Reader:
    """Reads requests as strictly as RFC 9112 allows; anything doubtful is `Malformed`."""

    def __init__(self, link):
        self.link, self.data, self.inside = link, b"", False

    def more(self):
        got = self.link.recv(65536)
        if not got:
            raise EOFError
        self.data += got

    def line(self):
        while b"\n" not in self.data:
            self.more()
        line, _, self.data = self.data.partition(b"\n")
        if not line.endswith(b"\r"):
            raise Malformed(f"bare line feed after {line!r}")
        line = line[:-1]
        if re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line):
            raise Malformed(f"control byte in {line!r}")
        return line

    def exactly(self, count):
        while len(self.data) < count:
            self.more()
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def fields(self):
        found = []
        while line := self.line():
            name, colon, value = line.partition(b":")
            if not colon or not TOKEN.match(name):
                raise Malformed(f"field {line!r}")
            found.append((name.lower(), value.strip(b" \t")))
        return found

    def request(self, number):
        self.inside = False
        first = self.line()
        self.inside = True
        matched = LINE.match(first)
        if not matched:
            raise Malformed(f"request line {first!r}")
        method, target = matched.groups()
        if not target.startswith(b"/") or re.search(rb"[#\\\x80-\xff]", target.partition(b"?")[0]) or \
                re.search(rb"[#\x7f-\xff]", target):
            raise Malformed(f"target {target!r}")
        seen = Seen(number, method, target, self.fields())
        if len(seen.values("host")) != 1:
            raise Malformed(f"Host fields: {seen.values('host')}")
        lengths, codings = seen.values("content-length"), seen.values("transfer-encoding")
        if len(lengths) + len(codings) > 1:
            raise Malformed(f"framing: {lengths} {codings}")
        if lengths:
            if not lengths[0].isdigit():
                raise Malformed(f"length {lengths}")
            seen.body = self.exactly(int(lengths[0]))
        if codings:
            if codings != [b"chunked"]:
                raise Malformed(f"coding {codings}")
            while size := self.size():
                seen.body += self.exactly(size)
                if self.exactly(2) != b"\r\n":
                    raise Malformed("chunk end")
            seen.trailers = self.fields()
        return seen

    def size(self):
        line = self.line()
        if not re.match(rb"[0-9a-f]+\Z", line):
            raise Malformed(f"chunk size {line!r}")
        return int(line, 16)


class Server:
    """Accepts on loopback, a thread per connection; its own errors end the connection only."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port, self.connections = self.listener.getsockname()[1], 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.attend, args=(link,), daemon=True).start()

    def attend(self, link):
        with link:
            try:
                self.serve(link)
            except (EOFError, OSError):
                pass

    def stop(self):
        self.listener.close()


class Recorder(Server):
    """Answers every well-formed request with its number and target; keeps requests and malformed bytes."""

    def __init__(self):
        self.lock, self.seen, self.malformed, self.count, self.cut = threading.Lock(), [], [], 0, 0
        super().__init__()

    def serve(self, link):
        reader = Reader(link)
        while True:
            with self.lock:
                self.count += 1
                number = self.count
            try:
                seen = reader.request(number)
            except Malformed as what:
                self.malformed.append(str(what))
                return
            except (EOFError, OSError):
                self.cut += reader.inside or bool(reader.data)
                raise
            self.seen.append(seen)
            body = json.dumps({"number": number, "target": seen.target.decode("latin-1"),
                               "body": seen.body.decode("latin-1")}).encode()
            head = b"HTTP/1.1 200 OK\r\nX-Number: %d\r\nContent-Length: %d\r\n\r\n" % (number, len(body))
            link.sendall(head + (b"" if seen.method == b"HEAD" else body))


class Scripted(Server):
    """Plays what a test tells it to: `script(link, request)` answers one request as it likes."""

    def __init__(self):
        self.script, self.requests = None, []
        super().__init__()

    def serve(self, link):
        reader = Reader(link)
        while True:
            request = reader.request(0)
            self.requests.append(request)
            if self.script(link, request) == "close":
                return


@dataclass
class Answer:
    status: int
    head: bytes
    body: bytes
    complete: bool

    def value(self, name):
        found = re.search(rb"(?im)^%s: *(.*?)\r$" % name.encode(), self.head)
        return found and found.group(1)


def parse_answers(data, methods=()):
    """Answers in what a caller received; `methods` of the requests, where some were HEAD."""
    found = []
    while data:
        head, border, rest = data.partition(b"\r\n\r\n")
        if not border or not re.match(rb"HTTP/1\.[01] [1-5]", head):
            found.append(Answer(0, data, b"", False))
            return found
        head += b"\r\n"
        status = int(head[9:12])
        if status < 200:
            data = rest
            continue
        answer = Answer(status, head, b"", True)
        method = methods[len(found)] if len(found) < len(methods) else "GET"
        found.append(answer)
        length, chunked = answer.value("content-length"), answer.value("transfer-encoding")
        if method == "HEAD" or status in (204, 304):
            data = rest
        elif chunked:
            data = b""
            while True:
                size, border, rest = rest.partition(b"\r\n")
                if not border or len(rest) < int(size, 16) + 2:
                    answer.body += rest if border else b""
                    answer.complete = False
                    break
                answer.body, rest = answer.body + rest[:int(size, 16)], rest[int(size, 16):]
                if int(size, 16) == 0:
                    trailers, _, data = rest.partition(b"\r\n") if rest.startswith(b"\r\n") else rest.partition(b"\r\n\r\n")
                    answer.head += trailers
                    break
                rest = rest[2:]
        else:
            size = int(length) if length else len(rest)
            answer.body, data = rest[:size], rest[size:]
            answer.complete = len(answer.body) == size
    return found


def exchange(port, data, quiet=0.12, pieces=None, limit=6.0):
    """Sends bytes, then reads until the other side closes or is quiet: (bytes received, whether it closed)."""
    with socket.create_connection(("127.0.0.1", port), 5) as link:
        return play(link, data, quiet, pieces, limit)


def play(link, data, quiet=0.12, pieces=None, limit=6.0):
    got, until = b"", time.monotonic() + limit
    try:
        for piece in pieces or [data]:
            link.sendall(piece)
            if pieces:
                time.sleep(0.02)
    except OSError:
        pass
    while time.monotonic() < until:
        ready, _, _ = select.select([link], [], [], quiet)
        if not ready:
            return got, False
        try:
            more = link.recv(65536)
        except OSError:
            return got, True
        if not more:
            return got, True
        got += more
    return got, False
