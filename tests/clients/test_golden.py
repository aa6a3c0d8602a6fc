"""Request and answer pairs of the managing dialects: tests/golden/<dialect>/*.story, told to a fresh sidecar on each store.

A story begins with the tokens it needs, a line each, `NAME: SCOPE … owner=mira plan=…` (options of `tollgate token create`;
the account is acme), and goes on with requests after `>>>` and their answers after `<<<`. `$NAME` in a request is that token's
secret. What differs from run to run (ids, secrets, dates) is given a name when it first appears, such as `$uuid1`, and can be
used under this name in later requests. TOLLGATE_BLESS=1 writes the answers anew, for review in the diff.
"""

import json
import os
import re
import socket
from pathlib import Path

import pytest

import conftest
from harness import Redis, Sidecar

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
STORIES = sorted(GOLDEN.glob("*/*.story"))
LEFT_OUT = ("date", "content-length", "x-request-id", "connection")
# What is named when it appears, the most particular first. A value keeps its name throughout a story.
KINDS = [
    # The same answer twice has the same tag, and whether it is the same depends on the millisecond.
    ("tag", r"(?<=^etag: \")[0-9a-f]{32}(?=\"$)"),
    ("time", r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"),
    ("dynatrace", r"dt0c01\.[A-Z2-7]{24}\.[A-Z2-7]{64}"),
    ("public", r"dt0c01\.[A-Z2-7]{24}(?![.A-Z2-7])"),
    ("secret", r"tg_[0-9A-Za-z_]{40,}"),
    ("uuid", r"\b[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b"),
    ("astra", r"(?<=\"token\":\")[A-Za-z0-9+/]{44}(?=\")|(?<=\"token\": \")[A-Za-z0-9+/]{44}(?=\")"),
    ("xms", r"\b[0-9a-f]{32}\b"),
    ("hex", r"\b[0-9a-f]{24}\b"),
]
# Ids that the configuration pins are no surprise.
PINNED = {value for name, value in vars(conftest).items() if name.isupper() and isinstance(value, str)}


class Names:
    """Values by name, and names by value."""

    def __init__(self):
        self.values, self.names, self.counts = {}, {}, {}

    def give(self, name, value):
        self.values[name], self.names[value] = value, name

    def fill(self, text):
        for name in sorted(self.values, key=len, reverse=True):
            text = text.replace(f"${name}", self.values[name])
        return text

    def hide(self, text):
        for value in sorted(self.names, key=len, reverse=True):
            text = text.replace(value, f"${self.names[value]}")
        for kind, pattern in KINDS:
            text = re.sub(pattern, lambda found, kind=kind: self._name(kind, found.group()), text, flags=re.M)
        return text

    def _name(self, kind, value):
        if value in PINNED:
            return value
        if kind in ("time", "tag"):
            return f"${kind}"
        if value not in self.names:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.give(f"{kind}{self.counts[kind]}", value)
        return f"${self.names[value]}"


def tell(port, request):
    """Sends one request as written, with its length, and reads the answer to the end."""
    head, _, body = request.partition("\n\n")
    body = body.rstrip("\n").encode()
    lines = [*head.strip().split("\n"), "Host: 127.0.0.1", "Connection: close"]
    if body or not head.startswith("GET"):
        lines.append(f"Content-Length: {len(body)}")
    with socket.create_connection(("127.0.0.1", port), 10) as link:
        link.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        data = b""
        while more := link.recv(65536):
            data += more
    return data.decode()


def shown(answer, names):
    head, _, body = answer.partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    fields = sorted(field for field in fields if field.split(":")[0].lower() not in LEFT_OUT)
    return names.hide("\n".join([status, *fields, "", body.rstrip("\n"), ""]))


@pytest.fixture(params=["embedded", "redis"])
def sidecar(request, tmp_path):
    redis = Redis(tmp_path) if request.param == "redis" else None
    process = Sidecar(tmp_path, redis and f"redis://127.0.0.1:{redis.port}", 9, extra=conftest.PEOPLE,
                      env=conftest.PATIENT)
    yield process
    process.stop()
    if redis:
        redis.stop()


@pytest.mark.parametrize("story", STORIES, ids=lambda story: f"{story.parent.name}/{story.stem}")
def test_answers_are_the_golden_ones(sidecar, story):
    text = story.read_text()
    opening, *exchanges = re.split(r"^>>>\n", text, flags=re.M)
    names = Names()
    for line in opening.splitlines():
        if ":" in line and not line.startswith("#"):
            name, _, words = line.partition(":")
            words = words.split()
            options = dict(word.split("=", 1) for word in words if "=" in word)
            scopes = [word for word in words if "=" not in word]
            made = sidecar.token(*scopes, name=name, account="acme", **options)
            names.give(name, made.secret)
            names.give(f"{name}_id", made.id)
    told = opening
    for exchange in exchanges:
        request = exchange.split("<<<\n")[0].rstrip("\n") + "\n"
        answer = shown(tell(int(sidecar.admin.rsplit(":", 1)[1]), names.fill(request)), names)
        told += f">>>\n{request}\n<<<\n{answer}"
        secrets = [value for name, value in names.values.items() if name.startswith(("secret", "dynatrace", "astra"))]
        assert len(set(secrets)) == len(secrets)
    if os.environ.get("TOLLGATE_BLESS"):
        story.write_text(told)
    assert told == text, f"{story.name}: TOLLGATE_BLESS=1 rewrites it"


def test_every_managing_dialect_has_stories():
    assert {story.parent.name for story in STORIES} >= {"native", "losant", "astra", "xms", "dynatrace"}
    for story in STORIES:
        assert json.dumps(story.read_text()).count(">>>") > 0, story
