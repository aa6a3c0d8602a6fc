"""What Astra Control's SDK cannot show: races on one token, request ids, and the configured end of tokens."""

import threading
import uuid

import pytest

from harness import Redis, Sidecar, until
from support import Caller, ask, passes

TOKEN = {"type": "application/astra-token", "version": "1.0"}


def path(caller, *tail):
    return "/".join([f"/accounts/{caller.account_uuid}/core/v1/users/{caller.uuid}/tokens", *tail])


def problem(answer):
    return int(answer.json()["type"].rpartition("/")[2])


def test_of_many_changes_of_one_state_one_is_made(vendors):
    caller = Caller(vendors)
    here, bearer = path(caller, caller.record["id"]), caller.token.bearer
    for turn in range(5):
        tag = ask(vendors, "GET", here, headers=bearer).headers["ETag"]
        start, told = threading.Barrier(8), {}

        def change(number, turn=turn, tag=tag):
            start.wait()
            told[number] = ask(vendors, "PUT", here, headers={**bearer, "If-Match": tag},
                               json={**TOKEN, "name": f"{turn} by {number}"})
        threads = [threading.Thread(target=change, args=[number]) for number in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        made = [number for number, answer in told.items() if answer.status_code == 204]
        assert len(made) == 1, {number: answer.status_code for number, answer in told.items()}
        assert {problem(answer) for number, answer in told.items() if number not in made} == {38}
        assert ask(vendors, "GET", here, headers=bearer).json()["name"] == f"{turn} by {made[0]}"


def test_many_changes_at_once_are_all_made(vendors):
    """Without conditions nobody is refused because others change the token too; the fields that a call leaves out stay."""
    caller = Caller(vendors)
    here, bearer = path(caller, caller.record["id"]), caller.token.bearer
    bodies = [{**TOKEN, "name": "renamed"}, {**TOKEN, "metadata": {"labels": [{"name": "a", "value": "1"}]}}]
    told = []
    threads = [threading.Thread(target=lambda body=body: told.append(ask(vendors, "PUT", here, headers=bearer, json=body)))
               for body in bodies]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert [answer.status_code for answer in told] == [204, 204]
    found = ask(vendors, "GET", here, headers=bearer).json()
    assert (found["name"], found["metadata"]["labels"]) == ("renamed", [{"name": "a", "value": "1"}])


def test_correlation_ids_are_uuids(vendors):
    caller = Caller(vendors)
    own = str(uuid.uuid4())
    for given in (own, own.upper(), "order-7", "", None):
        headers = {**caller.token.bearer, **({} if given is None else {"X-Request-Id": given})}
        answer = ask(vendors, "GET", path(caller, "x"), headers=headers)
        told = answer.json()["correlationID"]
        assert told == answer.headers["X-Request-Id"] and (told == own) == (given == own)
        assert str(uuid.UUID(told)) == told


def test_bodies_that_are_too_long(vendors):
    caller = Caller(vendors)
    answer = ask(vendors, "POST", path(caller), headers=caller.token.bearer, data=b" " * (1 << 20) + b"{}")
    assert (answer.status_code, answer.json()["type"], answer.json()["status"]) == (413, "about:blank", "413")


@pytest.mark.parametrize("store", ["embedded", "redis"])
def test_tokens_end_when_the_configuration_says(tmp_path, httpbin, store):
    redis = Redis(tmp_path) if store == "redis" else None
    sidecar = Sidecar(tmp_path, redis and f"redis://127.0.0.1:{redis.port}", httpbin.port, extra='[astra]\nttl = "3s"\n')
    try:
        caller = Caller(sidecar, account="acme")
        made = ask(sidecar, "POST", path(caller), headers=caller.token.bearer, json={**TOKEN, "name": "short"}).json()
        assert passes(sidecar, made["token"]) == 200
        until(lambda: passes(sidecar, made["token"]) == 401, "the token ends")
        answer = ask(sidecar, "GET", path(caller), headers={"Authorization": f"Bearer {made['token']}"})
        assert (answer.status_code, problem(answer)) == (401, 4)
        assert passes(sidecar, caller.secret) == 200, "the maker's own token does not end"
    finally:
        sidecar.stop()
        if redis:
            redis.stop()


def test_a_store_that_is_away(tmp_path, httpbin):
    redis = Redis(tmp_path)
    sidecar = Sidecar(tmp_path, f"redis://127.0.0.1:{redis.port}", httpbin.port)
    try:
        caller = Caller(sidecar, account="acme")
        assert ask(sidecar, "GET", path(caller), headers=caller.token.bearer).status_code == 200
        redis.stop()
        for method, where in (("GET", path(caller)), ("DELETE", path(caller, caller.record["id"]))):
            answer = ask(sidecar, method, where, headers=caller.token.bearer)
            assert (answer.status_code, problem(answer)) == (503, 41)
            assert answer.headers["Retry-After"] == "1"
    finally:
        sidecar.stop()
        redis.stop()
