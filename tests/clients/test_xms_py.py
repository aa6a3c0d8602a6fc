"""XSKY's Python client, xms-client 3.2.14 (imported through xms_hook), against the admin port."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest

import xms_hook  # noqa: F401
from xms_client.rest import ApiException

from harness import until
from support import XMS_SECRET, Caller, ask, fresh, known, no_secret, passes, xms, xms_token

RECORD = {"id", "name", "description", "roles", "user", "create", "update", "used"}
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
CODES = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed", 409: "Conflict"}


@pytest.fixture
def mira(vendors):
    """A user of the test's own, with everything of its account."""
    return Caller(vendors)


@pytest.fixture
def api(vendors, mira):
    return xms(vendors, mira.secret)


def refused(call, status):
    """Asserts that the client raises, and that the body is the error record."""
    with pytest.raises(ApiException) as caught:
        call()
    assert caught.value.status == status, caught.value.body
    error = json.loads(caught.value.body)
    assert set(error) == {"code", "message"} and error["code"] == CODES[status]
    assert isinstance(error["message"], str) and error["message"]
    assert caught.value.headers["Content-Type"].split(";")[0] == "application/json"
    return error


def raw(answer):
    """The JSON of a call made with `_preload_content=False`, which the models would trim."""
    return json.loads(answer.data)


def is_record(found, user, secret=False):
    """Asserts the exact field set: other generations of the client refuse any further member."""
    assert set(found) == RECORD | ({"uuid"} if secret else set())
    assert isinstance(found["id"], int) and isinstance(found["used"], bool) and isinstance(found["description"], str)
    assert all(isinstance(role, str) for role in found["roles"])
    assert found["user"] == {"id": user.number, "name": user.owner}
    assert RFC3339.fullmatch(found["create"]) and RFC3339.fullmatch(found["update"])
    if secret:
        assert XMS_SECRET.fullmatch(found["uuid"])
    return found


def make(api, name=None, **members):
    return api.create_access_token(xms_token(name or fresh("token"), **members)).access_token


def patch(vendors, caller, number, body, base="/v1"):
    """PATCH with a body, which later releases send and this one cannot."""
    return ask(vendors, "PATCH", f"{base}/access-tokens/{number}", headers={"Xms-Auth-Token": caller.secret}, json=body)


def ids(api, **parameters):
    return [one.id for one in api.list_access_tokens(**parameters).access_tokens]


def test_a_token_from_create_to_delete(vendors, mira, api):
    name = fresh("备份 robot")
    made = make(api, name, description="nightly")
    assert (made.name, made.description, made.roles, made.user.id, made.user.name) == (
        name, "nightly", ["viewer"], mira.number, mira.owner)
    assert XMS_SECRET.fullmatch(made.uuid) and made.create == made.update
    assert abs(datetime.now(timezone.utc) - made.create) < timedelta(minutes=1)
    assert isinstance(made.id, int)

    got = api.get_access_token(made.id).access_token
    assert {key: value for key, value in made.to_dict().items() if key in got.to_dict()} == got.to_dict()
    assert got.id in ids(api) and passes(vendors, made.uuid, "/post") != 401

    changed = patch(vendors, mira, made.id, {"access_token": {"name": name + "2"}})
    assert changed.status_code == 200 and is_record(changed.json()["access_token"], mira)["name"] == name + "2"
    after = api.get_access_token(made.id).access_token
    assert (after.name, after.description, after.create) == (name + "2", "nightly", made.create) and after.update >= made.update

    again = api.regenerate_access_token(made.id).access_token
    assert again.id == made.id and XMS_SECRET.fullmatch(again.uuid) and again.uuid != made.uuid
    assert passes(vendors, made.uuid, "/post") == 401 and passes(vendors, again.uuid, "/post") != 401, "at once, without overlap"

    answer = api.delete_access_token_with_http_info(made.id)
    assert answer[:2] == (None, 204)
    refused(lambda: xms(vendors, again.uuid).list_access_tokens(), 401)
    for call in (api.get_access_token, api.delete_access_token, api.regenerate_access_token, api.update_access_token):
        refused(lambda: call(made.id), 404)
    assert made.id not in ids(api)
    assert make(api).id > made.id, "a number is never used again"


def test_the_exact_fields_of_every_answer(vendors, mira, api):
    body = xms_token(fresh("exact"))
    created = raw(api.create_access_token(body, _preload_content=False))
    assert set(created) == {"access_token"}
    made = is_record(created["access_token"], mira, secret=True)
    assert (made["description"], made["used"]) == ("", False)
    shown = {key: value for key, value in made.items() if key != "uuid"}
    for answer in (api.get_access_token(made["id"], _preload_content=False), api.update_access_token(made["id"], _preload_content=False),
                   api.validate_access_token(made["uuid"], _preload_content=False)):
        assert answer.status == 200 and raw(answer) == {"access_token": shown}
        assert answer.headers["Content-Type"].split(";")[0] == "application/json"
        no_secret(answer.data.decode(), made["uuid"])
    listed = raw(api.list_access_tokens(_preload_content=False))
    assert set(listed) == {"access_tokens"} and shown in listed["access_tokens"]
    for one in listed["access_tokens"]:
        is_record(one, mira)
    again = raw(api.regenerate_access_token(made["id"], _preload_content=False))
    assert set(again) == {"access_token"}
    assert is_record(again["access_token"], mira, secret=True) | {"uuid": "", "update": ""} == made | {"uuid": "", "update": ""}
    gone = api.delete_access_token(made["id"], _preload_content=False)
    assert (gone.status, gone.data) == (204, b"")


def test_used(vendors, mira, api):
    made = make(api)

    def used():
        return raw(api.get_access_token(made.id, _preload_content=False))["access_token"]["used"]
    assert used() is False
    api.validate_access_token(made.uuid)
    assert used() is False, "being validated is not authenticating"
    xms(vendors, made.uuid).list_access_tokens()
    until(used, "the use on the admin port is recorded", 30)
    again = api.regenerate_access_token(made.id).access_token
    assert used() is False, "since it was made or regenerated"
    passes(vendors, again.uuid, "/post")
    until(used, "the use on the proxy port is recorded", 30)


def test_an_update_without_a_body_does_nothing(vendors, mira, api):
    made = make(api, description="kept")
    before = raw(api.get_access_token(made.id, _preload_content=False))
    assert api.update_access_token(made.id).access_token.name == made.name
    assert patch(vendors, mira, made.id, {}).json() == before
    assert raw(api.get_access_token(made.id, _preload_content=False)) == before


@pytest.mark.parametrize("body", [
    {"access_token": {}}, {"access_token": {"name": ""}}, {"access_token": {"name": " \t"}}, {"access_token": {"name": None}},
    {"access_token": {"name": 7}}, {"access_token": {"name": "x" * 256}}, {"access_token": {"name": "a\nb"}},
    {"access_token": {"description": "x"}}, {"access_token": []}])
def test_bad_updates(vendors, mira, api, body):
    made = make(api)
    found = patch(vendors, mira, made.id, body)
    assert (found.status_code, found.json()["code"]) == (400, "BadRequest"), found.text
    assert api.get_access_token(made.id).access_token.name == made.name


def test_an_update_changes_the_name_alone(vendors, mira, api):
    made = make(api, description="kept")
    sent = {"name": "n" * 255, "description": "other", "roles": ["admin"], "more": 1}
    found = patch(vendors, mira, made.id, {"access_token": sent, "x": 1})
    record = found.json()["access_token"]
    assert (found.status_code, record["name"], record["description"], record["roles"]) == (200, "n" * 255, "kept", ["viewer"])


# Lists.

def test_a_list_by_number_with_limit_and_offset(mira, api):
    made = [make(api).id for _ in range(4)]
    everything = [mira.record["serial"], *made]
    assert ids(api) == everything == sorted(everything)
    assert ids(api, limit=2) == everything[:2] and ids(api, limit=2, offset=3) == everything[3:]
    assert ids(api, offset=4) == everything[4:] and ids(api, offset=5) == [] and ids(api, offset=0, limit=10000) == everything
    assert ids(api, limit=None, offset=None, user_id=None, role=None, all=None) == everything, "the text None counts as absent"
    assert ids(api, limit="", offset="", user_id="", role="", all="") == everything, "so does nothing"
    for wrong in ({"limit": 0}, {"limit": -1}, {"limit": 10001}, {"limit": "x"}, {"limit": 1.5}, {"offset": -1}, {"offset": "x"},
                  {"user_id": "x"}, {"all": "yes"}, {"all": 2}):
        refused(lambda: api.list_access_tokens(**wrong), 400)


def test_filters_by_role(vendors, mira):
    whole = xms(vendors, mira.peer("all.admin").secret)
    viewer, admin = make(whole), make(whole, roles=["admin"])
    both = make(whole, roles=["viewer", "admin", "viewer"])
    assert both.roles == ["viewer", "admin"], "doubles are dropped"
    assert ids(whole, role="viewer") == [viewer.id, both.id] and ids(whole, role="admin") == [admin.id, both.id]
    assert ids(whole, role="view") == [] and ids(whole, role="viewer", offset=1) == [both.id], "filters come before offset"
    assert ids(whole, role="viewer", limit=1) == [viewer.id]


@pytest.mark.parametrize("everything", [True, "true", 1, "True"])
def test_all_shows_the_account(vendors, mira, api, everything):
    other, outside = Caller(vendors), Caller(vendors, account=fresh("account"))
    found = ids(api, all=everything)
    assert {mira.record["serial"], other.record["serial"]} <= set(found) and outside.record["serial"] not in found
    assert ids(api, user_id=other.number, all=everything) == [other.record["serial"]]


@pytest.mark.parametrize("own", [False, "false", 0])
def test_without_all_the_list_is_ones_own(vendors, mira, api, own):
    Caller(vendors)
    assert ids(api, all=own) == [mira.record["serial"]] == ids(api, user_id=mira.number, all=own)


def test_a_users_number_is_the_configured_one(vendors):
    users, account = known(vendors)
    name, user = next((name, user) for name, user in users.items() if user.get("number"))
    caller = Caller(vendors, owner=name, account=account["name"])
    made = make(xms(vendors, caller.secret))
    assert (made.user.id, made.user.name) == (user["number"], name)
    assert made.id in ids(xms(vendors, Caller(vendors).secret), user_id=user["number"])


def test_rights(vendors, mira):
    """Own: anybody. Others': xms.tokens.read_all. Changes: xms.tokens.write."""
    other = Caller(vendors)
    foreign = make(xms(vendors, other.secret))
    reader, writer = xms(vendors, mira.peer("things.read").secret), xms(vendors, mira.peer("xms.tokens.write", "xms.role.viewer").secret)
    seer = xms(vendors, mira.peer("xms.tokens.read_all").secret)
    own = make(writer)

    for api in (reader, writer, seer):
        assert own.id in ids(api) and own.id in ids(api, user_id=mira.number)
        assert api.get_access_token(own.id).access_token.name == own.name
        assert api.validate_access_token(own.uuid).access_token.id == own.id
    for api in (reader, writer):
        refused(lambda: api.list_access_tokens(all=True), 403)
        refused(lambda: api.list_access_tokens(user_id=other.number), 403)
        refused(lambda: api.get_access_token(foreign.id), 403)
        refused(lambda: api.validate_access_token(foreign.uuid), 403)
    assert foreign.id in ids(seer, all=True) and foreign.id in ids(seer, user_id=other.number)
    assert seer.get_access_token(foreign.id).access_token.user.id == other.number
    assert seer.validate_access_token(foreign.uuid).access_token.id == foreign.id
    for api in (reader, seer):
        refused(lambda: make(api), 403)
        refused(lambda: api.regenerate_access_token(own.id), 403)
        refused(lambda: api.delete_access_token(own.id), 403)
    stopped = ask(vendors, "PATCH", f"/v1/access-tokens/{own.id}", headers={"Xms-Auth-Token": mira.peer("things.read").secret},
                  json={"access_token": {"name": "x"}})
    assert (stopped.status_code, stopped.json()["code"]) == (403, "Forbidden")
    refused(lambda: make(writer, roles=["admin"]), 403)
    for call in (writer.regenerate_access_token, writer.delete_access_token):
        with pytest.raises(ApiException) as caught:
            call(foreign.id)
        assert caught.value.status in (403, 404)
    assert xms(vendors, other.secret).validate_access_token(foreign.uuid).access_token.id == foreign.id
    writer.delete_access_token(own.id)


def test_another_account_is_behind_a_wall(vendors, mira, api):
    outside = Caller(vendors, account=fresh("account"), owner=mira.owner)
    foreign = make(xms(vendors, outside.secret))
    refused(lambda: api.get_access_token(foreign.id), 404)
    refused(lambda: api.delete_access_token(foreign.id), 404)
    refused(lambda: api.validate_access_token(foreign.uuid), 400)
    assert xms(vendors, outside.secret).get_access_token(foreign.id).access_token.id == foreign.id


# Faults.

@pytest.mark.parametrize("body", [
    {}, {"access_token": {}}, {"access_token": {"name": "x"}}, {"access_token": {"roles": ["viewer"]}},
    {"access_token": {"name": "x", "roles": []}}, {"access_token": {"name": "x", "roles": ["king"]}},
    {"access_token": {"name": "x", "roles": "viewer"}}, {"access_token": {"name": "x", "roles": [7]}},
    {"access_token": {"name": " ", "roles": ["viewer"]}}, {"access_token": {"name": "x" * 256, "roles": ["viewer"]}},
    {"access_token": {"name": "a\u0007b", "roles": ["viewer"]}},
    {"access_token": {"name": "x", "roles": ["viewer"], "description": "d" * 1025}},
    {"access_token": {"name": "x", "roles": ["viewer"], "description": 7}}, {"name": "x", "roles": ["viewer"]}])
def test_bad_creates(api, body):
    before = ids(api)
    refused(lambda: api.create_access_token(body), 400)
    assert ids(api) == before


def test_bounds_and_further_members_pass(api):
    made = api.create_access_token({"access_token": {"name": "ä" * 255, "roles": ["viewer"], "description": "d" * 1024, "colour": 1}})
    assert len(made.access_token.name) == 255 and len(made.access_token.description) == 1024


def test_a_name_once_per_user(vendors, mira, api):
    made = make(api)
    refused(lambda: make(api, made.name), 409)
    assert make(xms(vendors, Caller(vendors).secret), made.name).name == made.name
    api.delete_access_token(made.id)
    assert make(api, made.name).id != made.id


def test_ids_that_are_none(vendors, mira, api):
    for number in (2**53 + 1, 999_999_999_999, 0, -1, "x", "1.5", "0" * 31, 2**64):
        for call in (api.get_access_token, api.delete_access_token, api.regenerate_access_token, api.update_access_token):
            refused(lambda: call(number), 404)


def test_validate(vendors, mira, api):
    made = make(api)
    assert api.validate_access_token(made.uuid).access_token.id == made.id
    assert xms(vendors, made.uuid).validate_access_token(made.uuid).access_token.id == made.id, "itself"
    other_form = api.validate_access_token(mira.secret).access_token
    assert other_form.id == mira.record["serial"], "secrets of every form"
    gone = make(api)
    api.delete_access_token(gone.id)
    for unknown in ("f" * 32, "x", " a b&c=d/%e", gone.uuid, made.uuid.upper() + "0", ""):
        error = refused(lambda: api.validate_access_token(unknown), 400)
        assert len(unknown) < 20 or unknown not in error["message"]
    for path in ("/v1/access-tokens:validate", "/v1/access-tokens:validate?subject_access_token="):
        assert ask(vendors, "POST", path, headers={"Xms-Auth-Token": mira.secret}).status_code == 400
    no_secret(vendors.text(), made.uuid, gone.uuid)


def test_the_form_by_uuid(vendors, mira, api):
    """Release 6.4 reads a token by its value; this client's path parameter carries it as well."""
    made = make(api)
    assert api.get_access_token(made.uuid).access_token.id == made.id
    for unknown in ("0" * 32, "f" * 32):
        refused(lambda: api.get_access_token(unknown), 404)
    refused(lambda: api.delete_access_token(made.uuid), 404)
    reader = xms(vendors, Caller(vendors, "things.read").secret)
    refused(lambda: reader.get_access_token(made.uuid), 403)
    no_secret(vendors.text(), made.uuid)


# Credentials.

PLACES = ("Xms-Auth-Token", "token", "XMS_AUTH_TOKEN", "cookie")


def placed(vendors, **values):
    """A client with a value in each of the named places."""
    cookie = values.pop("cookie", None)
    return xms(vendors, cookie=cookie and f"session=x; XMS_AUTH_TOKEN={cookie}; other=y", **values)


@pytest.mark.parametrize("place", PLACES)
def test_each_place_alone(vendors, mira, place):
    key = place.replace("-", "__")
    api = placed(vendors, **{key: mira.secret})
    assert ids(api) == [mira.record["serial"]]
    made = make(api)
    own = placed(vendors, **{key: made.uuid})
    assert own.get_access_token(made.id).access_token.id == made.id
    assert own.validate_access_token(made.uuid).access_token.id == made.id
    refused(lambda: placed(vendors, **{key: "f" * 32}).list_access_tokens(), 401)
    if place != "cookie":
        assert ids(xms(vendors, prefix="Bearer", **{key: mira.secret})) == ids(api), "a leading Bearer is dropped"


def test_one_value_in_several_places_and_two_values(vendors, mira):
    other = mira.peer()
    keys = [place.replace("-", "__") for place in PLACES]
    everything = placed(vendors, **{key: mira.secret for key in keys})
    assert len(ids(everything)) == 2
    for key in keys[1:]:
        pair = placed(vendors, **{keys[0]: mira.secret, key: mira.secret})
        assert len(ids(pair)) == 2
        refused(lambda: placed(vendors, **{keys[0]: mira.secret, key: other.secret}).list_access_tokens(), 401)
        refused(lambda: placed(vendors, **{keys[0]: other.secret, key: "f" * 32}).list_access_tokens(), 401)
    refused(lambda: placed(vendors, token=mira.secret, cookie=other.secret).list_access_tokens(), 401)


def test_credentials_that_are_none(vendors, mira, api):
    made = make(api)
    api.delete_access_token(made.id)
    typo = mira.secret[:-1] + ("A" if mira.secret[-1] != "A" else "B")
    refused(lambda: xms(vendors).list_access_tokens(), 401)
    for secret in ("f" * 32, "x", typo, made.uuid):
        error = refused(lambda: xms(vendors, secret).list_access_tokens(), 401)
        if len(secret) > 5:
            no_secret(error["message"], secret)


# Paths.

@pytest.mark.parametrize("base", ["/v1", "/api/v1"])
def test_both_bases(vendors, mira, base):
    api = xms(vendors, mira.secret, base=base)
    made = make(api)
    assert made.id in ids(api) and api.get_access_token(made.id).access_token.id == made.id
    assert api.validate_access_token(made.uuid).access_token.id == made.id
    again = api.regenerate_access_token(made.id).access_token
    assert patch(vendors, mira, made.id, {"access_token": {"name": fresh("x")}}, base).status_code == 200
    assert xms(vendors, again.uuid, base=base).get_access_token(made.id)
    api.delete_access_token(made.id)


def test_spellings_of_a_path(vendors, mira, api):
    made = make(api)
    headers = {"Xms-Auth-Token": mira.secret}
    for path in ("/v1/access-tokens", "/v1/access-tokens/"):
        assert ask(vendors, "GET", path, headers=headers).status_code == 200
        body = {"access_token": {"name": fresh("path"), "roles": ["viewer"]}}
        assert ask(vendors, "POST", path, headers=headers, json=body).status_code == 201
    for colon in (":", "%3A", "%3a"):
        found = ask(vendors, "POST", f"/v1/access-tokens/{made.id}{colon}regenerate", headers=headers)
        assert found.status_code == 200, colon
        secret = found.json()["access_token"]["uuid"]
        valid = ask(vendors, "POST", f"/v1/access-tokens{colon}validate?subject_access_token={secret}", headers=headers)
        assert valid.json()["access_token"]["id"] == made.id, colon
    for method, path, status in (("PUT", "/v1/access-tokens/", 405), ("PUT", f"/v1/access-tokens/{made.id}", 405),
                                 ("GET", f"/v1/access-tokens/{made.id}:regenerate", 405), ("GET", "/v1/access-tokens:validate", 405),
                                 ("POST", f"/v1/access-tokens/{made.id}:rotate", 404), ("GET", f"/v1/access-tokens/{made.id}/x", 404)):
        found = ask(vendors, method, path, headers=headers)
        assert (found.status_code, found.json()["code"]) == (status, CODES[status]), path
        assert status != 405 or found.headers["Allow"]
    plain = ask(vendors, "GET", "/v1/access-tokens/", headers={**headers, "Accept": "text/html"})
    assert plain.headers["Content-Type"].split(";")[0] == "application/json", "JSON whatever the Accept header says"


def test_bodies_that_are_no_json(vendors, mira, api):
    headers = {"Xms-Auth-Token": mira.secret, "Content-Type": "application/json"}
    made = make(api)
    for text in ("{", "[]", '"x"', "name=x"):
        for method, path in (("POST", "/v1/access-tokens/"), ("PATCH", f"/v1/access-tokens/{made.id}")):
            found = ask(vendors, method, path, headers=headers, data=text)
            assert (found.status_code, found.json()["code"]) == (400, "BadRequest"), (method, text)
    assert ask(vendors, "POST", "/v1/access-tokens/", headers=headers, data="").status_code == 400


def test_a_connection_is_kept(vendors, mira, api):
    manager = api.api_client.rest_client.pool_manager
    for _ in range(5):
        made = make(api)
        api.delete_access_token(made.id)
        refused(lambda: api.get_access_token(made.id), 404)
    assert sum(manager.pools[key].num_connections for key in manager.pools.keys()) == 1
