"""What a page of one owner's tokens, a look-up and a creation take in a store of a million tokens of a thousand owners.

    python -m bench.lists [--tokens 1000000] [--rounds 500]      (started by scripts/prove lists)

Both stores, one after the other: a sidecar over an empty store is filled through its admin port, then asked over one
kept-alive connection, one request at a time. Printed are median, 99th percentile and maximum in milliseconds.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from .system import LOAD_CORE, PROXY_CORE, BenchError, Processes, find, free_port, wait_port

# Many connections: the embedded store commits together what arrives together.
OWNERS, CONNECTIONS, BATCH = 1000, 512, 16
PROBE = "owner-0042"


def write_config(folder, ports, store):
    path = folder / "lists.toml"
    path.write_text(f"""
[proxy]
listen = "127.0.0.1:{ports['proxy']}"
workers = 1

[admin]
listen = "127.0.0.1:{ports['admin']}"
limit = {{ size = 1_000_000_000, refill_per_second = 1_000_000_000 }}

[ops]
listen = "127.0.0.1:{ports['ops']}"

[store]
url = "{store}"
data_dir = "{folder / 'data'}"
""")
    return path


def mint(binary, config, owner, *scopes):
    """A token of an owner, by the command line."""
    command = [binary, "token", "create", "--config", config, "--name", "bench", "--owner", owner, "--json"]
    for scope in scopes:
        command += ["--scope", scope]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise BenchError(f"tollgate token create ended with status {made.returncode}: {made.stderr.strip()}")
    return json.loads(made.stdout)


def request(method, path, credential, body=None):
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{credential}\r\nContent-Length: {len(content)}\r\n"
    if content:
        head += "Content-Type: application/json\r\n"
    return head.encode() + b"\r\n" + content


async def fill(port, secret, count):
    """Makes `count` tokens, spread over the owners, pipelined over several connections."""
    left, credential = iter(range(count)), f"Authorization: Bearer {secret}"

    async def one():
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
        while batch := [number for number, _ in zip(left, range(BATCH))]:
            writer.write(b"".join(request("POST", "/admin/v1/tokens", credential, {
                "name": f"token-{number * 7919 % count:07}", "owner": f"owner-{number % OWNERS:04}",
                "scopes": ["things.read"]}) for number in batch))
            for _ in batch:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                if not head.startswith(b"HTTP/1.1 201"):
                    raise BenchError(f"a token could not be made: {head.splitlines()[0]!r} {body[:200]!r}")
        writer.close()

    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))


class Link:
    """One kept-alive connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, wire, expect):
        self.socket.sendall(wire)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0]) if b"content-length: " in lower else 0
        parts, size = [body], len(body)
        while size < length:
            parts.append(self._more())
            size += len(parts[-1])
        if not head.startswith(f"HTTP/1.1 {expect}".encode()):
            raise BenchError(f"{wire.splitlines()[0]!r}: {head.splitlines()[0]!r} {b''.join(parts)[:200]!r}")
        return b"".join(parts)

    def _more(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise BenchError("the admin port closed the connection")
        return data


def cases(owner, admin, sample):
    """(name, goal in ms, wire, status, what the answer must hold)."""
    bearer, api = f"Authorization: Bearer {owner['secret']}", f"Authorization: Api-Token {admin['secret']}"
    xms, ids = f"Xms-Auth-Token: {owner['secret']}", sample
    users = f"/accounts/{owner['account']['uuid']}/core/v1/users/{owner['owner']['uuid']}/tokens"
    get = lambda path, credential: request("GET", path, credential)  # noqa: E731
    items = lambda name: (lambda body: len(json.loads(body)[name]) == 100)  # noqa: E731
    some = lambda name: (lambda body: 0 < len(json.loads(body)[name]) <= 100)  # noqa: E731
    named = lambda text: (lambda body: text in body.decode())  # noqa: E731
    return [
        ("losant, by name", 10, get("/me/tokens?perPage=100&page=4", bearer), 200, items("items")),
        ("losant, by date, falling", 10,
         get("/me/tokens?perPage=100&sortField=creationDate&sortDirection=desc", bearer), 200, items("items")),
        ("losant, glob on name", 10,
         get("/me/tokens?perPage=100&filterField=name&filter=%2A7%2A", bearer), 200, some("items")),
        ("astra, by name", 10, get(f"{users}?limit=100&skip=300&orderBy=name&count=true", bearer), 200, items("items")),
        ("xms", 10, get("/v1/access-tokens/?limit=100&offset=300", xms), 200, items("access_tokens")),
        ("dynatrace, owner(), by name", 10,
         get(f"/api/v2/apiTokens?pageSize=100&apiTokenSelector=owner(%22{PROBE}%22)&sort=%2Bname", api), 200,
         items("apiTokens")),
        ("dynatrace, the account's newest", 10, get("/api/v2/apiTokens?pageSize=100", api), 200, items("apiTokens")),
        ("native, by name", 10,
         get(f"/admin/v1/tokens?owner={PROBE}&sort=name&limit=100", f"Authorization: Bearer {admin['secret']}"), 200,
         items("tokens")),
        ("losant, one by id", 2, get(f"/me/tokens/{ids['losant_id']}", bearer), 200, named(ids["losant_id"])),
        ("astra, one by id", 2, get(f"{users}/{ids['id']}", bearer), 200, named(ids["id"])),
        ("xms, one by id", 2, get(f"/v1/access-tokens/{ids['serial']}", xms), 200, named(ids["name"])),
        ("dynatrace, one by id", 2, get(f"/api/v2/apiTokens/{ids['dynatrace_id']}", api), 200,
         named(ids["dynatrace_id"])),
        ("dynatrace, one by secret", 2,
         request("POST", "/api/v2/apiTokens/lookup", api, {"token": ids["secret"]}), 200, named(ids["dynatrace_id"])),
        ("xms, one by secret", 2,
         request("POST", f"/v1/access-tokens:validate?subject_access_token={ids['secret']}", xms), 200,
         named(ids["name"])),
    ]


def measure(link, wire, expect, holds, rounds):
    body = link.ask(wire, expect)
    if not holds(body):
        raise BenchError(f"{wire.splitlines()[0]!r} answers something else: {body[:300]!r}")
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        link.ask(wire, expect)
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    return statistics.median(times), times[int(len(times) * 0.99)], times[-1]


def create(port, owner, count):
    """Creations a second through one connection, one at a time."""
    link, rates = Link(port), []
    for credential, path, body in [
        (f"Authorization: Bearer {owner['secret']}", "/me/tokens", {"name": "made", "scope": ["things.read"]}),
        (f"Authorization: Api-Token {owner['secret']}", "/api/v2/apiTokens", {"name": "made", "scopes": ["metrics.read"]}),
    ]:
        wire = request("POST", path, credential, body)
        start = time.perf_counter()
        for _ in range(count):
            link.ask(wire, 201)
        rates.append(count / (time.perf_counter() - start))
    return min(rates)


def run(binary, store, options):
    with tempfile.TemporaryDirectory(prefix="tollgate-lists-") as folder:
        folder = Path(folder)
        ports = {name: free_port() for name in ("proxy", "admin", "ops", "redis")}
        processes = Processes(folder)
        try:
            if store == "redis":
                server = processes.start("redis", [find("redis-server"), "--port", ports["redis"], "--bind", "127.0.0.1", "--dir",
                                          folder, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"], LOAD_CORE)
                wait_port(server, ports["redis"])
            url = f"redis://127.0.0.1:{ports['redis']}" if store == "redis" else f"file:{folder / 'data'}"
            config = write_config(folder, ports, url)
            sidecar = processes.start("tollgate", [binary, "run", "--config", config], PROXY_CORE)
            wait_port(sidecar, ports["admin"])
            admin = mint(binary, config, "admin", "all.admin")
            start = time.perf_counter()
            asyncio.run(fill(ports["admin"], admin["secret"], options.tokens))
            took = time.perf_counter() - start
            print(f"\n{store}: {options.tokens} tokens of {OWNERS} owners made in {took:.0f} s "
                  f"({options.tokens / took:.0f} a second over {CONNECTIONS} connections)", flush=True)
            owner = mint(binary, config, PROBE, "all.User")
            sample = mint(binary, config, PROBE, "things.read")
            link, missed = Link(ports["admin"]), 0
            print(f"{'':34}{'median':>9}{'p99':>9}{'max':>9}{'goal':>9}   (ms)")
            for name, goal, wire, expect, holds in cases(owner, admin, sample):
                median, p99, worst = measure(link, wire, expect, holds, options.rounds)
                missed += p99 > goal
                print(f"{name:34}{median:9.2f}{p99:9.2f}{worst:9.2f}{goal:9.0f}{'   missed' if p99 > goal else ''}", flush=True)
            spare = mint(binary, config, "spare", "all.User")
            rate = create(ports["admin"], spare, options.creations)
            goal = 1000 if store == "redis" else 0
            missed += rate < goal
            print(f"creations through one connection: {rate:.0f} a second"
                  f"{f', goal {goal}' if goal else ''}{'   missed' if rate < goal else ''}", flush=True)
            return missed
        finally:
            processes.stop_all()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--creations", type=int, default=2_000)
    parser.add_argument("--store", choices=["embedded", "redis"], action="append")
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[2]
    binary = Path(os.environ.get("TOLLGATE_BIN") or
                  Path(os.environ.get("CARGO_TARGET_DIR", root / "target")) / "release" / "tollgate")
    try:
        if not binary.exists():
            raise BenchError(f"{binary} does not exist; run: cargo build --release")
        missed = sum(run(binary, store, options) for store in options.store or ["embedded", "redis"])
    except BenchError as error:
        print(f"lists: {error}", file=sys.stderr)
        return 1
    print(f"\n{missed} goals missed" if missed else "\nevery goal met")
    return 0


if __name__ == "__main__":
    sys.exit(main())
