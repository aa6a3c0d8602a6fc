"""Outage of the store, restart, shutdown."""

import signal
import subprocess

import pytest
import requests

from harness import LOCAL, Redis, Sidecar, binary, free_port, until


@pytest.mark.parametrize("own", ["redis"], indirect=True)
def test_redis_down_then_back(own, request):
    sidecar = own(env=LOCAL)
    known, unknown = sidecar.token("things.read"), sidecar.token("things.read")
    assert sidecar.get("/anything", headers=known.bearer).status_code == 200
    sidecar.redis.stop(signal.SIGKILL)
    for _ in range(20):
        assert sidecar.get("/anything", headers=known.bearer).status_code == 200, "a cached token goes on"
    answer = sidecar.get("/anything", headers=unknown.bearer)
    assert answer.status_code == 503, "unknown is not the same as refused"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert requests.get(f"{sidecar.ops}/live", timeout=5).status_code == 200, "a restart would not help"
    back = Redis(sidecar.redis.folder, sidecar.redis.port)
    request.addfinalizer(back.stop)
    until(lambda: sidecar.get("/anything", headers=unknown.bearer).status_code == 200, "the store is used again", 20)
    assert sidecar.get("/anything", headers=known.bearer).status_code == 200
    assert sidecar.stop() == 0, "with its store there, and before it goes"


@pytest.mark.parametrize("own", ["redis"], indirect=True)
def test_two_sidecars_share_a_bucket(own, httpbin, tmp_path_factory, request):
    """Three calls in all, whichever sidecar they come to, and the fields tell what the fleet has left."""
    env = {"TOLLGATE_AUTH__HASH_KEY": "0123456789abcdef" * 4}
    one = own(env=env)
    two = Sidecar(tmp_path_factory.mktemp("two"), f"redis://127.0.0.1:{one.redis.port}", httpbin.port, env=env)
    request.addfinalizer(two.stop)
    token = one.token("things.read", plan="tiny")
    left = []
    for number in range(8):
        answer = (one, two)[number % 2].get("/anything", headers=token.bearer)
        minute = answer.headers["RateLimit"].split(", ")[0]
        if number < 3:
            assert answer.status_code == 200
            left.append(minute.split(";")[1])
        else:
            assert answer.status_code == 429
            assert minute.startswith('"minute";r=0;t=')
            assert 1 <= int(answer.headers["Retry-After"]) <= 20
    assert left == ["r=2", "r=1", "r=0"]
    metrics = requests.get(f"{one.ops}/metrics", timeout=5).text
    assert 'tollgate_limit_leased_cells{plan="tiny"} 0' in metrics
    assert 'tollgate_limit_lease_calls_total{plan="tiny",result="empty"}' in metrics


@pytest.mark.parametrize("own", ["redis"], indirect=True)
def test_routes_say_what_becomes_of_limits_in_an_outage(own):
    extra = "".join(f"""
[[route]]
name = "when-{policy}"
path = "/anything/{policy}"
on_limit_outage = "{policy}"
upstream = "httpbin"
""" for policy in ("spend-lease", "allow", "deny"))
    sidecar = own(extra=extra)
    tokens = {policy: sidecar.token() for policy in ("spend-lease", "allow", "deny")}

    def get(policy):
        return sidecar.get(f"/anything/{policy}", headers=tokens[policy].bearer)

    assert [get(policy).status_code for policy in tokens] == [200] * 3
    sidecar.redis.stop(signal.SIGKILL)
    until(lambda: get("deny").status_code == 503, "the outage is noticed")
    spent = [get("spend-lease") for _ in range(20)]
    assert spent[0].status_code == 200, "what is leased is spent"
    assert spent[-1].status_code == 503
    assert int(spent[-1].headers["Retry-After"]) >= 1
    assert [get("allow").status_code for _ in range(20)] == [200] * 20


def test_tokens_outlive_a_restart(own):
    sidecar = own()
    token, revoked = sidecar.token("things.read"), sidecar.token("things.read")
    sidecar.cli("token", "revoke", revoked.id)
    assert sidecar.stop() == 0
    sidecar.start()
    assert sidecar.get("/anything", headers=token.bearer).status_code == 200
    assert sidecar.get("/anything", headers=revoked.bearer).status_code == 401


def test_activity_outlives_a_restart(own):
    """What was answered before SIGTERM is in the activity after it: the queue is written before the exit."""
    sidecar = own()
    token = sidecar.token("things.read")
    for number in range(30):
        sidecar.get(f"/anything/{number}", headers=token.bearer)
    assert sidecar.stop() == 0
    sidecar.start()
    page = requests.get(f"{sidecar.admin}/v1/token/activity?page_size=100", headers=token.bearer, timeout=10).json()
    assert {a["source"]["uri"] for a in page["activities"]} >= {f"/anything/{number}" for number in range(30)}


def test_sigterm_finishes_what_is_in_flight(own):
    sidecar = own()
    with sidecar.raw(), requests.get(f"{sidecar.proxy}/drip?duration=2&numbytes=4&delay=0", stream=True, timeout=20,
                                     headers=sidecar.token().bearer) as answer:
        body = answer.iter_content(1)
        got = next(body)
        sidecar.child.send_signal(signal.SIGTERM)
        until(lambda: turned_away(sidecar), "the proxy port is closed")
        assert requests.get(f"{sidecar.ops}/ready", timeout=5).status_code == 503, "draining is not ready"
        assert got + b"".join(body) == b"****", "the answer in flight came whole"
    assert sidecar.child.wait(15) == 0


def turned_away(sidecar):
    try:
        sidecar.raw().close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("own", ["embedded"], indirect=True)
def test_a_second_run_on_the_same_embedded_store_names_the_cause(own, tmp_path):
    sidecar = own()
    text = sidecar.config.read_text()
    for port in {part.rsplit(":", 1)[1] for part in (sidecar.proxy, sidecar.admin, sidecar.ops)}:
        text = text.replace(f":{port}\"", ":0\"")
    second = tmp_path / "second.toml"
    second.write_text(text)
    ran = subprocess.run([binary(), "run", "--config", second], capture_output=True, text=True, timeout=20, check=False)
    assert ran.returncode == 1
    assert str(sidecar.data) in ran.stdout + ran.stderr
    assert requests.get(f"{sidecar.ops}/live", timeout=5).status_code == 200


@pytest.mark.parametrize("own", ["embedded"], indirect=True)
@pytest.mark.parametrize("listener", ["proxy", "admin", "ops"])
def test_a_port_in_use_is_named(own, tmp_path, listener):
    """Also the proxy's, which the data threads of one process share."""
    sidecar = own()
    taken = getattr(sidecar, listener).removeprefix("http://")
    second = tmp_path / "second.toml"
    others = "".join(f'[{name}]\nlisten = "127.0.0.1:0"\n' for name in ("proxy", "admin", "ops") if name != listener)
    second.write_text(f'[{listener}]\nlisten = "{taken}"\n{others}[store]\nurl = "memory:"\ndata_dir = "{tmp_path}/second"\n')
    ran = subprocess.run([binary(), "run", "--config", second], capture_output=True, text=True, timeout=20, check=False)
    assert ran.returncode == 1
    assert f"{listener}.listen: {taken} is in use" in ran.stderr


def test_an_unreachable_redis_is_named(tmp_path):
    """The token commands say which store did not answer."""
    config = tmp_path / "tollgate.toml"
    config.write_text(f'[store]\nurl = "redis://127.0.0.1:{free_port()}"\ndata_dir = "{tmp_path}/data"\n')
    ran = subprocess.run([binary(), "token", "list", "--config", config], capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 1
    assert "127.0.0.1:" in ran.stderr, ran.stderr
