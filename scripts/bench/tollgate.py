"""Tollgate itself: everything on (scopes, bucket, quota, activity, metrics), one worker, all threads on the proxy's core."""

import json
import subprocess
from collections import namedtuple

from .system import LOAD_CORE, BenchError, find, free_port, wait_port

Token = namedtuple("Token", "secret id user account scopes")

SCOPE = "bench.read"


def write_config(folder, name, proxy_port, upstream, store):
    """A configuration whose limits refuse nothing in a bench."""
    data = folder / f"{name}-data"
    path = folder / f"{name}.toml"
    path.write_text(f"""
[proxy]
listen = "127.0.0.1:{proxy_port}"
workers = 1

[admin]
listen = "127.0.0.1:{free_port()}"

[ops]
listen = "127.0.0.1:{free_port()}"

[store]
url = "{store.format(data=data)}"
data_dir = "{data}"

[plan.default]
minute = {{ size = 1_000_000, refill_per_second = 100_000 }}
month = {{ size = 1_000_000_000 }}

[upstream.bench]
servers = ["http://127.0.0.1:{upstream}"]

[[route]]
name = "bench"
path = "/"
scopes = ["{SCOPE}"]
upstream = "bench"
""")
    return path


def create_tokens(binary, config, count):
    """Tokens made by the command line, as `Token`s; `user`, `account` and `scopes` are those the upstream will see."""
    made = subprocess.run(
        [binary, "token", "create", "--config", config, "--name", "bench", "--scope", SCOPE, "--owner", "bench",
         "--count", str(count), "--json"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise BenchError(f"tollgate token create ended with status {made.returncode}: {made.stderr.strip()}")
    records = [json.loads(line) for line in made.stdout.splitlines() if line.strip()]
    if len(records) != count:
        raise BenchError(f"tollgate token create printed {len(records)} tokens instead of {count}")
    return [Token(r["secret"], r["id"], "bench", "default", SCOPE) for r in records]


def start_redis(procs):
    """A redis-server of the bench's own, beside the load, without persistence."""
    port = free_port()
    redis = procs.start("redis", [find("redis-server"), "--port", port, "--bind", "127.0.0.1", "--save", "",
                                  "--appendonly", "no", "--dir", procs.folder], LOAD_CORE)
    wait_port(redis, port)
    return port


def start(procs, name, binary, config, port):
    """`tollgate run`; returns when the proxy listener accepts."""
    process = procs.start(name, [binary, "run", "--config", config], 0)
    wait_port(process, port)
    return process
