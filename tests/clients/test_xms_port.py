"""What XSKY's client cannot show of the XMS dialect: its settings, and calls in the same moment."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

import conftest
from harness import Redis, Sidecar, until

SETTINGS = conftest.PEOPLE + """
[xms]
ttl = "3s"
emit_paging = true
"""


@pytest.fixture(scope="module", params=["embedded", "redis"])
def sidecar(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    redis = Redis(folder) if request.param == "redis" else None
    process = Sidecar(folder, redis and f"redis://127.0.0.1:{redis.port}", 9, extra=SETTINGS)
    yield process
    process.stop()
    if redis:
        redis.stop()


@pytest.fixture
def ask(sidecar, request):
    """Calls as a user of the test's own."""
    caller = sidecar.token("all.User", account="acme", owner=request.node.name[:200])

    def send(method, path, secret=caller.secret, **options):
        return requests.request(method, sidecar.admin + path, headers={"Xms-Auth-Token": secret}, timeout=20, **options)
    return send


def create(ask, name):
    return ask("POST", "/v1/access-tokens/", json={"access_token": {"name": name, "roles": ["viewer"]}})


def test_ttl_ends_the_tokens_made_here(ask):
    made = create(ask, "short").json()["access_token"]
    path, validate = f"/v1/access-tokens/{made['id']}", f"/v1/access-tokens:validate?subject_access_token={made['uuid']}"
    assert ask("GET", path, secret=made["uuid"]).status_code == 200
    until(lambda: ask("GET", path, secret=made["uuid"]).status_code == 401, "the token has ended")
    assert ask("POST", validate).status_code == 400
    assert ask("GET", path).status_code == 200, "it is still there to be seen"


def test_paging_tells_where_an_answer_lies(ask):
    made = [create(ask, f"t{number}").json()["access_token"]["id"] for number in range(3)]
    whole = ask("GET", "/v1/access-tokens/").json()
    assert whole["paging"] == {"count": 4, "limit": 0, "offset": 0, "total_count": 4}
    part = ask("GET", "/v1/access-tokens/?role=viewer&limit=2&offset=1").json()
    assert [token["id"] for token in part["access_tokens"]] == made[1:]
    assert part["paging"] == {"count": 2, "limit": 2, "offset": 1, "total_count": 3}


def test_of_creations_with_one_name_in_the_same_moment_one_succeeds(ask):
    with ThreadPoolExecutor(16) as pool:
        for number in range(5):
            answers = list(pool.map(lambda _, name=f"robot{number}": create(ask, name), range(16)))
            assert sorted(answer.status_code for answer in answers) == [201] + [409] * 15


def test_regenerations_in_the_same_moment_leave_one_secret(ask):
    made = create(ask, "robot").json()["access_token"]
    path = f"/v1/access-tokens/{made['id']}:regenerate"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask("POST", path), range(40)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    secrets = [made["uuid"]] + [answer.json()["access_token"]["uuid"] for answer in answers if answer.status_code == 200]
    assert len(secrets) > 1 and len(set(secrets)) == len(secrets)
    live = [secret for secret in secrets
            if ask("POST", f"/v1/access-tokens:validate?subject_access_token={secret}").status_code == 200]
    assert len(live) == 1


def test_a_token_that_regenerated_itself_is_unused(ask, sidecar):
    """The call that regenerates is a use of the old secret."""
    watcher = sidecar.token("xms.tokens.read_all", account="acme", owner="watcher")

    def used(number):
        return ask("GET", f"/v1/access-tokens/{number}", secret=watcher.secret).json()["access_token"]["used"]
    own = ask("GET", "/v1/access-tokens/").json()["access_tokens"][0]["id"]
    again = ask("POST", f"/v1/access-tokens/{own}:regenerate").json()["access_token"]["uuid"]
    until(lambda: used(watcher.record["serial"]), "a later use of another token is recorded")
    assert used(own) is False
    assert ask("GET", f"/v1/access-tokens/{own}", secret=again).status_code == 200
    until(lambda: used(own), "the use of the new secret is recorded")
