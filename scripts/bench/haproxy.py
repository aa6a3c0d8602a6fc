"""HAProxy as a peer: the whole job, and plain TCP as the floor of what relaying costs."""

from .system import find

_HEAD = """
global
  nbthread 1
  maxconn 4096
defaults
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
"""


def start_tcp(procs, name, port, upstream):
    """Bytes in, bytes out."""
    return _start(procs, name, _HEAD + f"""
listen relay
  mode tcp
  bind 127.0.0.1:{port} backlog 4096
  server app 127.0.0.1:{upstream}
""")


def start_http(procs, name, port, upstream, tokens, equal):
    """Map file of tokens, stick table per token, 429 above the rate.

    The equal configuration logs into a ring that is a memory-mapped file: HAProxy's only buffered way to a file.
    """
    folder = procs.folder
    value = (lambda t: f"{t.id}|{t.user}|{t.account}|{t.scopes}") if equal else (lambda t: t.id)
    (folder / f"{name}.map").write_text("".join(f"{t.secret} {value(t)}\n" for t in tokens))
    ring, log, fields, identity = "", "", "", "var(txn.token)"
    if equal:
        identity = "var(txn.token),field(1,|)"
        ring = f"""
ring events
  format raw
  maxlen 1024
  size 16777216
  backing-file {folder}/{name}-access.ring
"""
        log = """
  log ring@events format raw local0
  log-format '{"time":"%trl","token":"%[var(txn.token),field(1,|)]","address":"%ci","method":"%HM","uri":"%HP","status":%ST,"bytes":%B,"agent":"%[var(txn.agent),json(utf8s)]","request":"%[var(txn.id)]","ms":%Ta}'"""
        fields = """
  http-request set-var(txn.id) uuid()
  http-request set-var(txn.agent) req.fhdr(user-agent)
  http-request set-var(txn.left) int(1000000),sub(txn.rate)
  http-request del-header authorization
  http-request set-header X-Auth-User %[var(txn.token),field(2,|)]
  http-request set-header X-Auth-Account %[var(txn.token),field(3,|)]
  http-request set-header X-Auth-Scopes %[var(txn.token),field(4,|)]
  http-request set-header X-Forwarded-For %[src]
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.fhdr(host)]
  http-request set-header Forwarded for=%[src];host=%[req.fhdr(host)];proto=http
  http-request set-header X-Request-Id %[var(txn.id)]
  http-request set-header traceparent 00-%[var(txn.id),xxh64(1),hex]%[var(txn.id),xxh64(2),hex]-%[var(txn.id),xxh64(3),hex]-01
  http-response set-header RateLimit '"minute";r=%[var(txn.left)];t=1'
  http-response set-header RateLimit-Policy '"minute";q=1000000;w=10'"""
    rate = "  http-request set-var(txn.rate) sc_http_req_rate(0)\n" if equal else ""
    return _start(procs, name, _HEAD + ring + f"""
frontend tokens
  mode http
  bind 127.0.0.1:{port} backlog 4096{log}
  stick-table type string len 40 size 100k expire 10m store http_req_rate(1s)
  http-request set-var(txn.token) http_auth_bearer,map_str({folder}/{name}.map)
  http-request deny deny_status 401 unless {{ var(txn.token) -m found }}
  http-request track-sc0 {identity}
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 100000 }}
{rate}  http-request set-header X-Auth-Token-Id %[{identity}]{fields}
  default_backend app
backend app
  mode http
  http-reuse always
  server app 127.0.0.1:{upstream} pool-max-conn 256
""")


def _start(procs, name, text):
    path = procs.folder / f"{name}.cfg"
    path.write_text(text)
    return procs.start(name, [find("haproxy"), "-db", "-q", "-f", path], 0)
