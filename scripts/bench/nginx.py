"""nginx: the static upstream of every target, and a peer."""

import os

from .system import find

BODY = "x" * 256


def _main(folder, name):
    # Without root there is no other user to change to, and nginx only warns about the directive.
    user = "user root;" if os.getuid() == 0 else ""
    temp = "".join(f"{kind}_temp_path {folder}/{name}-{kind};\n" for kind in
                   ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return f"""{user}
daemon off;
worker_processes 1;
pid {folder}/{name}.pid;
error_log {folder}/{name}-error.log warn;
events {{ worker_connections 4096; }}
http {{
{temp}
keepalive_timeout 1h;
keepalive_requests 1000000000;
"""


def _start(procs, name, text, core):
    path = procs.folder / f"{name}.conf"
    path.write_text(text)
    return procs.start(name, [find("nginx"), "-p", procs.folder, "-c", path, "-e", procs.folder / f"{name}-start.log"], core)


def start_upstream(procs, port, core):
    """A 256-byte answer out of nginx's own memory."""
    text = _main(procs.folder, "upstream") + f"""
access_log off;
server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ default_type text/plain; return 200 "{BODY}"; }} }}
}}
"""
    return _start(procs, "upstream", text, core)


def start_peer(procs, name, port, upstream, tokens, equal):
    """map of tokens, limit_req zone per token, keep-alive both ways.

    A map of nginx gives one value. User, account and scopes, which the bench's tokens share, are therefore constants in the
    equal configuration (three more maps cost it 3 µs a request), and so are the remaining count and the span id, which
    nginx has no variable for: all cheaper than what we do.
    """
    folder, sample = procs.folder, tokens[0]
    (folder / f"{name}.map").write_text("".join(f'"Bearer {t.secret}" "{t.id}";\n' for t in tokens))
    log, fields = "access_log off;", ""
    if equal:
        log = f"""log_format events escape=json '{{"time":"$time_iso8601","token":"$token_id","address":"$remote_addr",'
  '"method":"$request_method","uri":"$uri","status":$status,"bytes":$bytes_sent,"agent":"$http_user_agent",'
  '"request":"$request_id","seconds":$request_time}}';
access_log {folder}/{name}-access.log events buffer=64k flush=1s;"""
        fields = f"""
  proxy_set_header Authorization "";
  proxy_set_header X-Auth-User {sample.user};
  proxy_set_header X-Auth-Account {sample.account};
  proxy_set_header X-Auth-Scopes {sample.scopes};
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Forwarded-Host $http_host;
  proxy_set_header Forwarded "for=$remote_addr;host=$http_host;proto=$scheme";
  proxy_set_header X-Request-Id $request_id;
  proxy_set_header traceparent "00-$request_id-00f067aa0ba902b7-01";
  add_header RateLimit '"minute";r=999999;t=1';
  add_header RateLimit-Policy '"minute";q=1000000;w=10';"""
    text = _main(folder, name) + f"""
map_hash_max_size 65536;
map_hash_bucket_size 256;
map $http_authorization $token_id {{ default ""; include {folder}/{name}.map; }}
{log}
limit_req_zone $token_id zone=tokens:16m rate=100000r/s;
limit_req_status 429;
upstream app {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 1000000000; keepalive_timeout 1h; }}
server {{
 listen 127.0.0.1:{port} backlog=4096;
 location / {{
  if ($token_id = "") {{ return 401; }}
  limit_req zone=tokens burst=100000 nodelay;
  proxy_pass http://app;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  proxy_set_header X-Auth-Token-Id $token_id;{fields}
 }}
}}
}}
"""
    return _start(procs, name, text, 0)
