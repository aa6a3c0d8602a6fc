"""What is refused, and what the refused caller is told."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
import requests

from harness import answers, until


def unauthorized(answer):
    assert answer.status_code == 401, answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert answer.json()["status"] == 401
    return answer


def test_no_credential_is_challenged(sidecar):
    answer = unauthorized(sidecar.get("/anything"))
    assert "error=" not in answer.headers["WWW-Authenticate"], "RFC 6750 3.1: no error code without a credential"


def test_every_bad_credential_gets_the_same_answer(sidecar):
    disabled, revoked = sidecar.token("things.read"), sidecar.token("things.read")
    sidecar.cli("token", "disable", disabled.id)
    sidecar.cli("token", "revoke", revoked.id)
    elsewhere = sidecar.token("things.read", network="192.0.2.0/24")
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    expired = sidecar.token("things.read", expires=soon)
    until(lambda: sidecar.get("/anything", headers=expired.bearer).status_code == 401, "the token expires")
    typo = expired.secret[:-1] + ("a" if expired.secret[-1] != "a" else "b")
    secrets = ["x", typo, "0" * 32, disabled.secret, revoked.secret, expired.secret, elsewhere.secret]
    found = [unauthorized(sidecar.get("/anything", headers={"Authorization": f"Bearer {s}"})) for s in secrets]
    assert len({answer.content for answer in found}) == 1
    assert all('error="invalid_token"' in answer.headers["WWW-Authenticate"] for answer in found)
    for secret in secrets[1:]:
        assert all(secret not in answer.text + str(answer.headers) for answer in found)


def test_a_missing_scope_is_named(sidecar):
    answer = sidecar.get("/anything", headers=sidecar.token("other.read").bearer)
    assert answer.status_code == 403
    challenge = answer.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge and 'scope="things.read"' in challenge
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_two_credentials_that_differ(sidecar):
    one, two = sidecar.token("things.read"), sidecar.token("things.read")
    assert sidecar.get(f"/anything?token={two.secret}", headers=one.bearer).status_code == 400
    assert sidecar.get("/anything", headers={**one.bearer, "Xms-Auth-Token": two.secret}).status_code == 400


def test_no_route_and_wrong_method(sidecar):
    token = sidecar.token()
    assert sidecar.get("/nowhere", headers=token.bearer).status_code == 404
    assert sidecar.get("/anythingelse", headers=token.bearer).status_code == 404, "a prefix ends on a segment border"
    assert sidecar.get("/get/more", headers=token.bearer).status_code == 404, "an exact path has nothing below it"
    answer = requests.delete(f"{sidecar.proxy}/get", headers=token.bearer, timeout=10)
    assert answer.status_code == 405
    assert {method.strip() for method in answer.headers["Allow"].split(",")} == {"GET", "HEAD"}


def test_an_empty_bucket(sidecar):
    token = sidecar.token("things.read", plan="tiny")
    left = [sidecar.get("/anything", headers=token.bearer) for _ in range(3)]
    assert [answer.status_code for answer in left] == [200, 200, 200]
    answer = sidecar.get("/anything", headers=token.bearer)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 20, "0.05 a second: one point in 20 s"
    assert "RateLimit" in answer.headers and "RateLimit-Policy" in answer.headers
    assert ";r=0" in answer.headers["RateLimit"].replace(" ", "")


def test_an_empty_month(sidecar):
    token = sidecar.token("things.read", plan="monthly")
    statuses = [sidecar.get("/anything", headers=token.bearer).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    answer = sidecar.get("/anything", headers=token.bearer)
    assert answer.status_code == 429 and int(answer.headers["Retry-After"]) >= 1


def test_a_denied_call_costs_nothing(sidecar):
    token = sidecar.token("other.read", plan="monthly")
    assert [sidecar.get("/anything", headers=token.bearer).status_code for _ in range(6)] == [403] * 6
    assert [sidecar.get("/get", headers=token.bearer).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_guessing_is_slowed_and_a_good_token_is_not(own):
    sidecar = own(throttle="{ size = 3, refill_per_second = 0.01 }")
    token = sidecar.token("things.read")
    assert sidecar.get("/anything", headers=token.bearer).status_code == 200
    found = [sidecar.get("/anything", headers={"Authorization": f"Bearer {n:032x}"}) for n in range(12)]
    assert found[0].status_code == 401
    assert found[-1].status_code == 429 and int(found[-1].headers["Retry-After"]) >= 1
    assert sidecar.get("/anything", headers=token.bearer).status_code == 200


def asked(sidecar, path, token):
    with sidecar.raw() as link:
        link.sendall(f"GET {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token.secret}\r\n\r\n".encode())
        status, _, body = answers(link, 1)[0]
    return status, body


@pytest.mark.parametrize("path", [
    "/anything%2fopen", "/anything/%5c..%5cget", "/anything\\open", "/anything/%00", "/anything/%252e%252e/get",
    "/anything/..%2fget", "/anything/%2e%2e%2fget"])
def test_ambiguous_paths_are_refused(sidecar, path):
    status, body = asked(sidecar, path, sidecar.token("things.*"))
    assert status == 400, body


@pytest.mark.parametrize("path, plain", [
    ("/anything/../get", "/get"), ("/anything/%2e%2e/get", "/get"), ("/anything/./narrow", "/anything/narrow"),
    ("/anything//narrow", "/anything/narrow"), ("/get/../anything/narrow", "/anything/narrow")])
def test_dot_segments_are_refused_or_resolved_before_the_check(sidecar, path, plain):
    """Whatever is forwarded is what was checked: the token may do /get, and not /anything/narrow."""
    status, body = asked(sidecar, path, sidecar.token("things.read"))
    if plain == "/get":
        assert status == 400 or json.loads(body)["url"].endswith(plain)
    else:
        assert status in (400, 403)


def test_a_crowd_at_the_end_of_a_quota_gets_exactly_what_is_left(own):
    """Near its end a quota is leased call by call; whoever waits is served or told 429, never 503."""
    # A store that forces every write to a busy disk may be slow; how long a request waits for it is not the matter here.
    sidecar = own(env={"TOLLGATE_STORE__TIMEOUT": "10s"})
    token = sidecar.token("things.read", plan="crowded")
    with ThreadPoolExecutor(120) as crowd:
        calls = [crowd.submit(sidecar.get, "/anything", headers=token.bearer) for _ in range(120)]
    assert Counter(call.result().status_code for call in calls) == {200: 100, 429: 20}
