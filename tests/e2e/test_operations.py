"""The other two listeners: /v1/token and its activity, /metrics, /live, /ready; and that no secret shows anywhere."""

import re
import subprocess

import pytest
import requests

from harness import objects, until


def own_info(sidecar, token, path="/v1/token"):
    return requests.get(sidecar.admin + path, headers=token.bearer, timeout=10)


def test_a_caller_sees_its_own_quota(sidecar):
    token = sidecar.token("things.read")
    assert sidecar.get("/anything", headers=token.bearer).status_code == 200

    def counted():
        answer = own_info(sidecar, token)
        assert answer.status_code == 200, answer.text
        info = answer.json()
        return info if info["last_month_bucket_value"] >= 1 else None
    info = until(counted, "the call is counted")
    assert info["status"] == "ENABLED" and info["region_id"] == "local"
    assert info["last_minute_bucket_init_value"] == 100_000 and info["last_minute_bucket_refill_ratio"] == 10_000
    assert info["last_month_bucket_init_value"] == 1_000_000
    assert info["created_at"] <= info["updated_at"] < info["last_month_bucket_refresh"]
    assert token.secret not in str(info)


def test_the_info_page_says_429_like_the_vendor(sidecar):
    token = sidecar.token(plan="tiny")
    assert own_info(sidecar, token).json()["last_minute_bucket_refill_ratio"] == 1, "0.05 a second, rounded up"
    found = [own_info(sidecar, token) for _ in range(5)]
    assert [answer.status_code for answer in found[:2]] == [200] * 2
    assert found[-1].status_code == 429
    assert found[-1].json()["title"] == "Too many requests" and int(found[-1].headers["Retry-After"]) >= 1


def test_admin_without_a_token(sidecar):
    answer = requests.get(f"{sidecar.admin}/v1/token", timeout=10)
    assert answer.status_code == 401
    assert set(answer.json()) == {"title", "detail", "type"}
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_activity_is_recorded_newest_first(sidecar):
    token = sidecar.token("things.read")
    for path in ("/anything/1", "/anything/2?token=" + token.secret, "/anything/narrow"):
        sidecar.get(path, headers={**token.bearer, "User-Agent": "e2e/1"})

    def recorded():
        answer = own_info(sidecar, token, "/v1/token/activity?page=1&page_size=50")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        calls = [a for a in page["activities"] if a["source"]["uri"].startswith("/anything")]
        return calls if len(calls) == 3 else None
    calls = until(recorded, "three calls in the activity")
    assert [call["source"]["status_code"] for call in calls] == [403, 200, 200]
    assert [call["event"] for call in calls] == ["FORBIDDEN", "API_REQUEST", "API_REQUEST"]
    assert calls[1]["source"]["uri"].startswith("/anything/2") and token.secret not in str(calls)
    first = calls[-1]["source"]
    assert (first["method"], first["address"], first["ua_string"], first["body"]) == ("GET", "127.0.0.1", "e2e/1", "")


def test_activity_paging(sidecar):
    token = sidecar.token("things.read")
    for number in range(12):
        sidecar.get(f"/anything/{number}", headers=token.bearer)

    def page(number):
        found = own_info(sidecar, token, f"/v1/token/activity?page={number}&page_size=5").json()
        assert (found["page"], found["page_size"]) == (number, 5)
        return found["activities"]
    until(lambda: len(page(2)) == 5, "two full pages")
    dates = [activity["created_at"] for activity in page(1)]
    assert dates == sorted(dates, reverse=True)
    assert page(1000) == []
    refused = own_info(sidecar, token, "/v1/token/activity?page=0&page_size=101")
    assert refused.status_code == 422
    assert [problem["loc"] for problem in refused.json()["detail"]] == [["query", "page"], ["query", "page_size"]]


def test_the_path_of_events_and_of_tokens_answers(sidecar):
    token = sidecar.token("things.read")
    assert own_info(sidecar, token, own_info(sidecar, token).json()["self"]).status_code == 200
    sidecar.get("/anything", headers=token.bearer)
    event = until(lambda: own_info(sidecar, token, "/v1/token/activity").json()["activities"], "an event")[0]
    assert own_info(sidecar, token, event["self"]).json()["self"] == event["self"]


def test_health(sidecar):
    assert requests.get(f"{sidecar.ops}/live", timeout=5).status_code == 200
    assert requests.get(f"{sidecar.ops}/ready", timeout=5).status_code == 200


def test_metrics(sidecar):
    token = sidecar.token("things.read")

    def requests_of(text):
        return sum(float(value) for value in re.findall(r'(?m)^tollgate_[a-z_]*requests[a-z_]*\{[^}]*route="things"[^}]*\} (\S+)$',
                                                        text))
    before = requests_of(sidecar.metrics())
    for _ in range(3):
        sidecar.get("/anything", headers=token.bearer)
    until(lambda: requests_of(sidecar.metrics()) == before + 3, "three more requests in the metrics")
    text = sidecar.metrics()
    for part in ("build_info", "cache", "store", "activity", "connections", "_seconds_bucket"):
        assert re.search(rf"(?m)^tollgate_\S*{part}", text), f"no metric with {part}"
    assert token.id not in text, "a label per token has no bound"
    assert len(text.splitlines()) < 3000


def test_no_secret_anywhere(own):
    """Secrets in every place and outcome; then every byte that was written or can be asked for is searched."""
    sidecar = own()
    tokens = [sidecar.token("things.read", plan=plan) for plan in ("default", "tiny", "monthly")]
    tokens.append(sidecar.token("other.read"))
    for token in tokens:
        for _ in range(5):
            sidecar.get("/anything?x=1&token=" + token.secret)
        sidecar.get("/anything", headers={**token.bearer, "User-Agent": "plain"})
        sidecar.get("/nowhere?token=" + token.secret)
        sidecar.get("/anything", headers={"Xms-Auth-Token": token.secret, "Authorization": "Api-Token wrong"})
        sidecar.get("/anything", headers={"Authorization": f"Basic {token.secret}"})
        sidecar.get("/down?token=" + token.secret)
    shown = [sidecar.metrics(), sidecar.cli("token", "list", "--json")]
    for token in tokens:
        until(lambda t=token: len(own_info(sidecar, t, "/v1/token/activity?page_size=100").text) > 300
              or own_info(sidecar, t).status_code == 429, "activity is written")
        shown.append(own_info(sidecar, token, "/v1/token/activity?page_size=100").text)
        shown.append(sidecar.cli("token", "show", token.id, "--json"))
    rotated = objects(sidecar.cli("token", "rotate", tokens[0].id, "--json"))[0]["secret"]
    sidecar.get("/anything", headers={"Authorization": f"Bearer {rotated}"})
    secrets = [token.secret for token in tokens] + [rotated]
    shown.append(sidecar.metrics())
    assert sidecar.stop() == 0
    files = [path for path in sidecar.folder.rglob("*") if path.is_file()]
    assert len(files) >= 3, files
    for secret in secrets:
        # The random part of the secret too: a store that keeps pieces would keep this one.
        for piece in (secret, secret[-24:]):
            assert not any(piece in text for text in shown)
            for path in files:
                assert piece.encode() not in path.read_bytes(), f"{path} holds a secret"


def test_the_admin_port_speaks_tls_with_a_certificate(own, tmp_path):
    cert, key = tmp_path / "admin.crt", tmp_path / "admin.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out", cert, "-keyout", key],
                   check=True, capture_output=True)
    sidecar = own(in_admin=f'tls = {{ cert_file = "{cert}", key_file = "{key}" }}')
    token, secure = sidecar.token(), sidecar.admin.replace("http://", "https://")
    answer = requests.get(f"{secure}/v1/token", headers=token.bearer, verify=str(cert), timeout=10)
    assert answer.status_code == 200 and answer.json()["self"] == f"/v1/token/{token.id}"
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{secure}/v1/token", headers=token.bearer, timeout=10)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(f"{sidecar.admin}/v1/token", headers=token.bearer, timeout=10)
