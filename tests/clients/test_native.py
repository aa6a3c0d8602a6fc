"""The native API on a real sidecar: paging in every order, concurrent edits, activity, and explanations that hold on the proxy
port."""

import itertools
import json
import re
import threading

import pytest
import requests

from harness import Sidecar, until

API = "/admin/v1"


class Api:
    """Calls as one token's holder."""

    def __init__(self, sidecar, token):
        self.sidecar, self.token = sidecar, token

    def call(self, method, path, status=200, **options):
        headers = {**self.token.bearer, **options.pop("headers", {})}
        answer = requests.request(method, self.sidecar.admin + API + path, headers=headers, timeout=20, **options)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def get(self, path, **query):
        return self.call("GET", path, params=query).json()

    def pages(self, **query):
        tokens, cursors = [], set()
        while True:
            page = self.get("/tokens", **query)
            assert len(page["tokens"]) <= int(query.get("limit", 100))
            tokens += page["tokens"]
            if page["next_cursor"] is None:
                return tokens
            assert page["next_cursor"] not in cursors
            cursors.add(page["next_cursor"])
            query["cursor"] = page["next_cursor"]


@pytest.fixture
def account(request):
    return f"native-{request.node.name}"


@pytest.fixture
def admin(vendors, account):
    return Api(vendors, vendors.token("all.User", name="admin", account=account, owner="admin"))


KEYS = {
    "name": lambda token: (token["name"], token["id"]),
    "created": lambda token: token["created_at"],
    "updated": lambda token: token["updated_at"],
    "expires": lambda token: token["expires_at"] or "9",
}


def test_every_order_and_page_size_shows_each_token_once(admin):
    made = []
    for number in range(23):
        expires = f"209{number % 7}-01-01T00:00:00Z" if number % 3 else None
        body = {"name": f"{'Job' if number % 2 else 'task'}-{number * 7 % 23:02}", "owner": "tom", "scopes": [], "expires_at": expires}
        made.append(admin.call("POST", "/tokens", 201, json=body).json())
    for token in made[::4]:
        admin.call("PATCH", f"/tokens/{token['id']}", json={"description": "edited"})
    admin.call("POST", "/tokens", 201, json={"name": "job-of-another", "owner": "mira", "scopes": []})
    for (field, key), down, limit, q in itertools.product(KEYS.items(), ("", "-"), (1, 4, 23, 1000), (None, "job", "t*-?2")):
        found = admin.pages(owner="tom", sort=down + field, limit=limit, **({"q": q} if q else {}))
        fits = {None: lambda name: True, "job": lambda name: name.startswith("Job"),
                "t*-?2": lambda name: name.startswith("task") and name.endswith("2")}[q]
        wanted = [token["id"] for token in made if fits(token["name"])]
        assert sorted(token["id"] for token in found) == sorted(wanted), (field, down, limit, q)
        values = [key(token) for token in found]
        assert values == sorted(values, reverse=down == "-"), (field, down, limit, q)
    everything = admin.pages(limit=5)
    assert len(everything) == 25 and [t["created_at"] for t in everything] == sorted((t["created_at"] for t in everything), reverse=True)
    assert len(admin.pages(limit=2, q="of-another", sort="name")) == 1


def test_a_cursor_of_another_listing_is_refused(admin):
    for number in range(3):
        admin.call("POST", "/tokens", 201, json={"name": f"t{number}", "scopes": []})
    cursor = admin.get("/tokens", limit=1)["next_cursor"]
    assert admin.get("/tokens", limit=2, cursor=cursor)["tokens"]
    for query in ({"sort": "name"}, {"owner": "admin"}, {"q": "t"}):
        problem = admin.call("GET", "/tokens", 400, params={"cursor": cursor, **query}).json()
        assert [error["field"] for error in problem["errors"]] == ["cursor"]


def test_of_edits_at_one_generation_exactly_one_is_made(admin):
    made = admin.call("POST", "/tokens", 201, json={"name": "contended", "scopes": []})
    path, tag = f"/tokens/{made.json()['id']}", made.headers["ETag"]
    statuses, start = [], threading.Barrier(8)

    def edit(number):
        start.wait()
        answer = requests.patch(admin.sidecar.admin + API + path, json={"labels": {f"by-{number}": "x"}}, timeout=20,
                                headers={**admin.token.bearer, "If-Match": tag})
        statuses.append(answer.status_code)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [412] * 7
    assert len(admin.get(path)["labels"]) == 1


def test_of_an_edit_and_a_revocation_at_one_generation_one_is_made(admin):
    for _ in range(10):
        made = admin.call("POST", "/tokens", 201, json={"name": "contended", "scopes": []})
        url = f"{admin.sidecar.admin}{API}/tokens/{made.json()['id']}"
        headers, statuses, start = {**admin.token.bearer, "If-Match": made.headers["ETag"]}, {}, threading.Barrier(2)

        def ask(method, **options):
            start.wait()
            statuses[method] = requests.request(method, url, headers=headers, timeout=20, **options).status_code

        threads = [threading.Thread(target=ask, args=("PATCH",), kwargs={"json": {"name": "kept"}}),
                   threading.Thread(target=ask, args=("DELETE",))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses in ({"PATCH": 200, "DELETE": 412}, {"PATCH": 412, "DELETE": 204}, {"PATCH": 404, "DELETE": 204})


def test_merges_without_a_condition_lose_nothing(admin):
    path = "/tokens/" + admin.call("POST", "/tokens", 201, json={"name": "merged", "scopes": []}).json()["id"]
    statuses = {}

    def merge(number):
        answer = requests.patch(admin.sidecar.admin + API + path, json={"labels": {f"by-{number}": "x"}}, timeout=20,
                                headers=admin.token.bearer)
        statuses[number] = answer.status_code

    threads = [threading.Thread(target=merge, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = {f"by-{number}" for number, status in statuses.items() if status == 200}
    assert set(admin.get(path)["labels"]) == made and set(statuses.values()) <= {200, 409} and made


def test_activity_tells_of_requests_and_changes_and_of_no_secret(vendors, admin, account):
    made = admin.call("POST", "/tokens", 201, json={"name": "busy", "owner": "tom", "scopes": ["things.read"]}).json()
    path = f"/tokens/{made['id']}"
    assert vendors.get(f"/anything/x?token={made['secret']}").status_code == 200
    admin.call("POST", "/tokens/lookup", json={"secret": made["secret"]})
    secret = admin.call("POST", path + "/rotate", json={"overlap_seconds": 0}).json()["secret"]
    admin.call("POST", path + "/disable")
    kinds = {"API_REQUEST", "TOKEN_CREATED", "TOKEN_UPDATED", "TOKEN_DISABLED"}
    seen = until(lambda: (lambda events: events if {e["kind"] for e in events} == kinds else None)(
        admin.get(path + "/activity")["events"]), "every event is in")
    assert len(seen) == 4 and seen[0]["at"] >= seen[-1]["at"]
    first = admin.get(path + "/activity", limit=3)
    assert first["events"] == seen[:3] and first["next_skip"] == 3
    assert admin.get(path + "/activity", limit=3, skip=3) == {"events": seen[3:], "next_skip": None}
    own = until(lambda: admin.get(f"/tokens/{admin.token.id}/activity", limit=1000)["events"], "the caller's own")
    for text in (json.dumps(seen), json.dumps(own), vendors.text()):
        assert made["secret"] not in text and secret not in text


def test_the_fleet_is_who_shares_the_store(vendors, admin):
    def fleet():
        return admin.get("/fleet")

    alone = fleet()
    (own,) = alone["sidecars"]
    assert own["answering"] is True and alone["store"] == {"embedded": "file", "redis": "redis"}[vendors.store]
    assert own["address"] == f"127.0.0.1:{vendors.port}"
    assert fleet()["sidecars"][0]["id"] == own["id"], "the id lasts as long as the process"
    if vendors.store == "embedded":
        return
    folder = vendors.folder / "second"
    folder.mkdir()
    (folder / "data").mkdir()
    (folder / "data" / "hash.key").write_bytes((vendors.data / "hash.key").read_bytes())
    url = re.search(r'url = "(redis://[^"]+)"', vendors.config.read_text()).group(1)
    second = Sidecar(folder, url, 9)
    try:
        both = until(lambda: (lambda told: told if len(told) == 2 else None)(fleet()["sidecars"]), "the second one is seen")
    finally:
        second.stop()
    assert [sidecar["answering"] for sidecar in both if sidecar["id"] == own["id"]] == [True]
    (other,) = [sidecar for sidecar in both if sidecar["id"] != own["id"]]
    assert other["answering"] is False and other["address"] == f"127.0.0.1:{second.port}"


def test_explanations_are_what_the_proxy_port_does(vendors, admin, account):
    """Every token on every request: the explained verdict is the status that the request then gets."""
    def token(name, *scopes, **options):
        return vendors.token(*scopes, name=name, account=account, owner="tom", **options)

    tokens = {
        "reader": token("reader", "things.read"),
        "bundle": token("bundle", "team.reader"),
        "wild": token("wild", "extras.*", "things.write"),
        "none": token("none", "nothing.much"),
        "admin": token("admin", "all.User"),
        "away": token("away", "things.read", network="10.0.0.0/8"),
        "here": token("here", "things.read", network="127.0.0.0/8"),
        "mars": token("mars", "things.read"),
        "off": token("off", "all.User"),
        "spent": token("spent", "things.read", plan="monthly"),
        "drained": token("drained", "things.read", plan="single"),
    }
    vendors.cli("token", "disable", tokens["off"].id)
    admin.call("PATCH", f"/tokens/{tokens['mars'].id}", json={"region": "mars"})
    for _ in range(3):
        assert vendors.get("/anything", headers=tokens["spent"].bearer).status_code == 200
    assert vendors.get("/anything", headers=tokens["drained"].bearer).status_code == 200
    rotated = token("rotated", "things.read")
    vendors.cli("token", "rotate", rotated.id, "--overlap", "0", "--json")
    secrets = {name: made.secret for name, made in tokens.items()}
    secrets |= {"rotated": rotated.secret, "unknown": "nobody-has-this-secret", "mistyped": "tg_0123456789_x"}
    targets = [("GET", "/anything"), ("POST", "/anything/x"), ("GET", "/anything/open"), ("GET", "/anything/narrow/y"),
               ("GET", "/anything/either"), ("GET", "/get"), ("DELETE", "/get"), ("GET", "/nowhere"), ("GET", "/anything/%2f"),
               ("GET", "/x/../anything/narrow")]
    compared = set()
    for (name, secret), (method, path) in itertools.product(secrets.items(), targets):
        body = {"method": method, "path": path, "host": "127.0.0.1", "address": "127.0.0.1", "secret": secret}
        told = admin.call("POST", "/explain", json=body)
        story = told.json()
        assert secret not in told.text
        request = requests.Request(method, vendors.proxy, headers={"Authorization": f"Bearer {secret}"}).prepare()
        request.url = vendors.proxy + path
        got = requests.Session().send(request, timeout=20).status_code
        assert got == (story["status"] or 200), f"{name} {method} {path}: {got}\n{json.dumps(story, indent=1)}"
        compared.add(story["reason"])
    assert compared >= {"scope", "network", "region", "disabled", "month", "minute", "unknown", "malformed", "no-route",
                        "method-not-allowed", "bad-request", "upstream httpbin"}
