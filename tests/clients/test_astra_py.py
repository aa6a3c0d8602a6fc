"""NetApp's Python SDK for Astra Control, actoolkit 3.0.2 (`SDKCommon.apicall`), against the admin port."""

import base64
import hashlib
import json
import re
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from harness import until
from support import Astra, Caller, ask, fresh, known, no_secret, passes

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
NOBODY = "6f1c2e3d-4b5a-4c6d-8e9f-0a1b2c3d4e5f"
ITEM = {"type", "version", "id", "name", "userID", "metadata"}


@pytest.fixture
def mira(vendors):
    """A user of the test's own, with everything of its account."""
    return Caller(vendors)


@pytest.fixture
def sdks(vendors):
    """Makes SDK objects and ends their processes: `sdks(caller)`."""
    started = []

    def make(caller, **options):
        started.append(Astra(vendors, caller, **options))
        return started[-1]
    yield make
    for sdk in started:
        sdk.close()


@pytest.fixture
def sdk(sdks, mira):
    return sdks(mira)


def is_token(found, user, created=False):
    """Asserts the field set and forms of a token."""
    assert set(found) == ITEM | ({"token"} if created else set())
    assert (found["type"], found["version"], found["userID"]) == ("application/astra-token", "1.0", user)
    assert UUID.fullmatch(found["id"])
    metadata = found["metadata"]
    assert {"labels", "creationTimestamp", "modificationTimestamp", "createdBy"} <= set(metadata)
    assert set(metadata) <= {"labels", "creationTimestamp", "modificationTimestamp", "createdBy", "modifiedBy"}
    assert TIME.fullmatch(metadata["creationTimestamp"]) and TIME.fullmatch(metadata["modificationTimestamp"])
    assert UUID.fullmatch(metadata["createdBy"])
    return found


def make(sdk, name=None, **members):
    answer = sdk.create(name or fresh("token"), **members)
    assert answer.status == 201, answer.text
    return answer.json


def items(answer):
    assert answer.status == 200, answer.text
    found = answer.json
    assert set(found) == {"type", "version", "items", "metadata"}
    assert (found["type"], found["version"]) == ("application/astra-tokens", "1.0")
    return found["items"]


def names(answer):
    return [item["name"] for item in items(answer)]


def test_a_token_from_create_to_delete(vendors, mira, sdk):
    labels = [{"name": "team", "value": "build"}, {"name": "tier", "value": "1"}]
    name = fresh("nightly")
    answer = sdk.create(name, metadata={"labels": labels, "creationTimestamp": "2001-01-01T00:00:00Z"})
    assert answer.status == 201, answer.text
    made = is_token(answer.json, mira.uuid, created=True)
    assert answer.headers["Location"] == f"{sdk.base}{sdk.path(made['id'])}"
    assert answer.headers["Content-Type"].split(";")[0] == "application/astra-token+json"
    assert made["name"] == name and made["metadata"]["labels"] == labels
    assert not made["metadata"]["creationTimestamp"].startswith("2001"), "a client's times are ignored"
    assert made["metadata"]["createdBy"] == mira.uuid and "modifiedBy" not in made["metadata"]
    assert len(base64.b64decode(made["token"], validate=True)) == 33 and len(made["token"]) == 44
    assert passes(vendors, made["token"]) == 200

    got = sdk.get(made["id"])
    assert got.status == 200
    assert is_token(got.json, mira.uuid) == {key: value for key, value in made.items() if key != "token"}
    assert got.headers["Content-Type"].split(";")[0] == "application/json"
    assert names(sdk.list(filter=f"name eq '{name}'")) == [name]
    no_secret(sdk.list().text, made["token"])

    put = sdk.put(made["id"], name=name + "2")
    assert (put.status, put.text) == (204, "")
    changed = sdk.get(made["id"]).json
    assert changed["name"] == name + "2" and changed["metadata"]["labels"] == labels, "PUT without metadata keeps the labels"
    assert changed["metadata"]["modifiedBy"] == mira.uuid
    assert changed["metadata"]["creationTimestamp"] == made["metadata"]["creationTimestamp"]
    assert changed["metadata"]["modificationTimestamp"] >= made["metadata"]["modificationTimestamp"]

    gone = sdk.delete(made["id"])
    assert (gone.status, gone.text) == (204, "")
    assert passes(vendors, made["token"]) == 401
    sdk.get(made["id"]).problem(2, 404)
    sdk.put(made["id"], name="x").problem(1, 404)
    sdk.delete(made["id"]).problem(1, 404)


def test_put_changes_what_it_names(sdk):
    made = make(sdk, metadata={"labels": [{"name": "a", "value": "1"}]})
    assert sdk.put(made["id"], id=made["id"], userID=made["userID"]).status == 204
    assert sdk.get(made["id"]).json["name"] == made["name"]
    assert sdk.put(made["id"], metadata={"labels": [{"name": "b", "value": "2"}]}).status == 204
    found = sdk.get(made["id"]).json
    assert (found["name"], found["metadata"]["labels"]) == (made["name"], [{"name": "b", "value": "2"}])
    assert sdk.put(made["id"], metadata={"labels": []}).status == 204
    assert sdk.get(made["id"]).json["metadata"]["labels"] == []


# The list.

def test_a_list_in_its_defaults(mira, sdk):
    made = [make(sdk, name=name) for name in ("beta", "alpha", "gamma")]
    answer = sdk.list()
    assert [item["id"] for item in items(answer)] == [mira.record["id"], *(one["id"] for one in made)], "by creation"
    for item in items(answer):
        is_token(item, mira.uuid)
    metadata = answer.json["metadata"]
    assert set(metadata) == {"labels", "creationTimestamp", "modificationTimestamp", "createdBy"}
    assert metadata["labels"] == [] and metadata["createdBy"] == mira.uuid and TIME.fullmatch(metadata["creationTimestamp"])
    assert answer.headers["Content-Type"].split(";")[0] == "application/json"
    table = sdk.say({"table": [["name", "made"], ["name", "metadata.creationTimestamp"], answer.json]})
    assert "beta" in table["table"] and made[0]["metadata"]["creationTimestamp"] in table["table"]


def test_include_gives_arrays(mira, sdk):
    made = make(sdk, name="included")
    asked = {"filter": "name eq 'included'"}
    assert items(sdk.list(include="id,name", **asked)) == [[made["id"], "included"]]
    assert items(sdk.list(include="name,id", **asked)) == [["included", made["id"]]]
    assert items(sdk.list(include="name", **asked)) == [["included"]], "an array also for a single field"
    everything = items(sdk.list(include="type,version,id,name,userID,metadata", **asked))
    assert everything == [["application/astra-token", "1.0", made["id"], "included", mira.uuid, made["metadata"]]]
    for wrong in ("token", "metadata.labels", "id,", ",id", "id,colour", "id, name", ""):
        problem = sdk.list(include=wrong).problem(5, 400)
        assert problem["invalidParams"][0]["name"] == "include" and problem["invalidParams"][0]["reason"]


@pytest.mark.parametrize("filters, found", [
    (["name eq 'b,1'"], ["b,1"]), (["name lt 'b'"], ["a 1", "a 2"]), (["name lte 'b,1'"], ["a 1", "a 2", "b,1"]),
    (["name gt 'b,1'"], ["c 1"]), (["name gte 'b,1'"], ["b,1", "c 1"]), (["name in '1'"], ["a 1", "b,1", "c 1"]),
    (["name in 'a'", "name in '2'"], ["a 2"]), (["name in 'a',name in '2'"], ["a 2"]), (["name in 'a'", "name in 'c'"], []),
    (["name in '1',name gt 'a 1'", "name lt 'c'"], ["b,1"]), (["name eq 'A 1'"], []), (["name in ','"], ["b,1"]),
    (["userID eq '{user}'", "name in 'c'"], ["c 1"]), (["type eq 'application/astra-token'", "name in 'b'"], ["b,1"]),
    (["version eq '1.0'", "name eq 'c 1'"], ["c 1"]), (["id eq '{id}'"], ["a 1"]),
    (["metadata.creationTimestamp gte '{created}'", "name in '1'"], ["a 1", "b,1", "c 1"]),
    (["metadata.createdBy eq '{user}'", "name lt 'b'"], ["a 1", "a 2"]),
    (["metadata.modificationTimestamp lt '{created}'", "name in '1'"], [])])
def test_filters(mira, sdk, filters, found):
    """The SDK repeats the parameter, and writes blanks as +."""
    made = [make(sdk, name=name) for name in ("a 1", "a 2", "b,1", "c 1")]
    words = {"user": mira.uuid, "id": made[0]["id"], "created": made[0]["metadata"]["creationTimestamp"]}
    answer = names(sdk.list(filter=[text.format(**words) for text in filters]))
    assert [name for name in answer if name != mira.record["name"]] == found


@pytest.mark.parametrize("wrong", [
    "name", "name eq", "name eq x", "name eq 'x", "name like 'x'", "name neq 'x'", "colour eq 'x'", "name eq 'x' or name eq 'y'",
    "name eq ''", "name eq 'x',", "name eq 'a!b'", ""])
def test_filters_that_are_none(sdk, wrong):
    problem = sdk.list(filter=wrong).problem(5, 400)
    assert [one["name"] for one in problem["invalidParams"]] == ["filter"]
    assert problem["invalidParams"][0]["reason"]


def test_a_bad_filter_is_told_with_its_place(sdk):
    def reason(*filters):
        return sdk.list(filter=list(filters)).problem(5, 400)["invalidParams"][0]["reason"]
    assert reason("name like 'x'") != reason("name eq 'a',name like 'x'"), "the reason names the place"


def test_both_writings_of_a_blank(vendors, mira, sdk):
    make(sdk, name="two words")
    for blank in ("+", "%20"):
        path = sdk.base.removeprefix(vendors.admin) + sdk.path()
        found = ask(vendors, "GET", f"{path}?filter=name{blank}eq{blank}%27two{blank}words%27&include=name", headers=mira.token.bearer)
        assert found.json()["items"] == [["two words"]]
        assert ask(vendors, "GET", f"{path}?orderBy=name{blank}desc", headers=mira.token.bearer).status_code == 200


def test_order(mira, sdk):
    for name in ("b", "C", "a"):
        make(sdk, name="o " + name)
    asked = {"filter": "name in 'o '"}
    assert names(sdk.list(orderBy="name", **asked)) == ["o C", "o a", "o b"], "byte by byte"
    assert names(sdk.list(orderBy="name desc", **asked)) == ["o b", "o a", "o C"]
    ids = [item["id"] for item in items(sdk.list(orderBy="id", **asked))]
    assert ids == sorted(ids) and [item["id"] for item in items(sdk.list(orderBy="id desc", **asked))] == ids[::-1]
    for field in ("userID", "type", "version"):
        assert len(items(sdk.list(orderBy=field, **asked))) == 3
    for wrong in ("name asc", "colour", "metadata", "name,id", "name  desc", "-name", ""):
        assert sdk.list(orderBy=wrong).problem(5, 400)["invalidParams"][0]["name"] == "orderBy"


def test_limit_skip_continue_and_count(sdk):
    for number in range(5):
        make(sdk, name=f"p {number}")
    asked = {"filter": "name in 'p '", "orderBy": "name", "include": "name"}
    first = sdk.list(limit=2, count="true", **asked)
    assert items(first) == [["p 0"], ["p 1"]] and first.json["metadata"]["count"] == 5
    key = first.json["metadata"]["continue"]
    base64.b64decode(key, validate=True)
    second = sdk.list(limit=2, **{**asked, "continue": key})
    assert items(second) == [["p 2"], ["p 3"]] and "count" not in second.json["metadata"]
    third = sdk.list(limit=2, **{**asked, "continue": second.json["metadata"]["continue"]})
    assert items(third) == [["p 4"]] and "continue" not in third.json["metadata"], "only when limit cut something off"
    assert "continue" not in sdk.list(limit=5, **asked).json["metadata"]
    assert items(sdk.list(skip=3, **asked)) == [["p 3"], ["p 4"]]
    assert items(sdk.list(skip=1, limit=1, **asked)) == [["p 1"]] and items(sdk.list(skip=9, **asked)) == []
    assert items(sdk.list(skip=1, limit=2, **{**asked, "continue": key})) == [["p 2"], ["p 3"]], "continue wins over skip"
    assert len(items(sdk.list(limit=10000, **asked))) == 5
    counted = sdk.list(count="true", skip=4, **asked)
    assert len(items(counted)) == 1 and counted.json["metadata"]["count"] == 5, "before skip and limit"
    for name, values in (("limit", ("0", "-1", "x", "01", "")), ("skip", ("0", "-1", "x")), ("count", ("false", "1", "TRUE")),
                         ("continue", ("???", "bm9uc2Vuc2U="))):
        for wrong in values:
            assert sdk.list(**{name: wrong}).problem(5, 400)["invalidParams"][0]["name"] == name, wrong


def test_unknown_parameters(sdk):
    made = make(sdk)
    for answer in (sdk.list(colour="red"), sdk.get(made["id"], include="id"), sdk.delete(made["id"], force="true"),
                   sdk.put(made["id"], params={"dry": "1"}, name="x"),
                   sdk.call("post", sdk.path(), {**sdk.BODY, "name": "x"}, {"dry": "1"}, sdk.JSON)):
        problem = answer.problem(6, 400)
        assert problem["invalidParams"][0]["name"] in ("colour", "include", "force", "dry")
    assert sdk.get(made["id"]).json["name"] == made["name"]


# Groups.

def test_the_group_form(vendors, sdks):
    users, account = known(vendors)
    name, user = next((name, user) for name, user in users.items() if user.get("groups"))
    caller = Caller(vendors, owner=name, account=account["name"])
    sdk, group = sdks(caller), user["groups"][0]
    assert (caller.uuid, sdk.account) == (user["uuid"], account["uuid"])
    made = sdk.create(fresh("group"), group=group)
    assert made.status == 201, made.text
    token = is_token(made.json, caller.uuid, created=True)
    assert made.headers["Location"] == f"{sdk.base}{sdk.path(token['id'], group=group)}"
    assert sdk.get(token["id"]).json == sdk.get(token["id"], group=group).json, "one token below both paths"
    assert names(sdk.list(group=group, filter=f"name eq '{token['name']}'")) == [token["name"]]
    assert sdk.put(token["id"], group=group, name="renamed").status == 204
    assert sdk.delete(token["id"], group=group).status == 204
    sdk.list(group=NOBODY).problem(2, 404)
    sdk.list(group="x").problem(2, 404)
    outside = next((user["uuid"] for user in users.values() if not user.get("groups") and user.get("uuid")), None)
    sdk.list(group=group, user=outside).problem(2, 404)


# Headers.

def test_etag_and_if_match(sdk):
    made = make(sdk)
    got = sdk.get(made["id"])
    tag = got.headers["ETag"]
    assert tag == '"' + hashlib.md5(got.text.encode()).hexdigest() + '"', "the MD5 of the JSON, quoted"
    assert sdk.put(made["id"], headers={"If-Match": tag}, name="one").status == 204
    sdk.put(made["id"], headers={"If-Match": tag}, name="two").problem(38, 412)
    assert sdk.get(made["id"]).json["name"] == "one"
    bare = sdk.get(made["id"]).headers["ETag"].strip('"')
    assert sdk.put(made["id"], headers={"If-Match": bare}, name="three").status == 204, "bare hexadecimal too"
    assert sdk.put(made["id"], headers={"If-Match": "*"}, name="four").status == 204
    past, future = "Mon, 01 Jan 2001 00:00:00 GMT", "Tue, 01 May 2091 00:00:00 GMT"
    assert sdk.put(made["id"], headers={"If-Unmodified-Since": future}, name="five").status == 204
    sdk.put(made["id"], headers={"If-Unmodified-Since": past}, name="six").problem(38, 412)
    assert sdk.put(made["id"], headers={"If-Modified-Since": past}, name="seven").status == 204
    later = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(seconds=1)
    until(lambda: datetime.now(timezone.utc) >= later, "the second after the change is over")
    since = format_datetime(later, usegmt=True)
    sdk.put(made["id"], headers={"If-Modified-Since": since}, name="eight").problem(38, 412)
    assert sdk.get(made["id"]).json["name"] == "seven"


def test_accept(sdk):
    made = make(sdk)
    for accept, answered in (("application/astra-token+json", "application/astra-token+json"), ("*/*", "application/json"),
                             ("application/astra-token", "application/astra-token"), ("application/json", "application/json")):
        got = sdk.get(made["id"], headers={"Accept": accept})
        assert (got.status, got.headers["Content-Type"].split(";")[0]) == (200, answered)
        listed = sdk.call("get", headers={"Accept": accept if "astra" not in accept else "application/json"})
        assert listed.headers["Content-Type"].split(";")[0] == "application/json"
    for accept in ("text/html", "application/xml", "application/astra-user+json"):
        sdk.get(made["id"], headers={"Accept": accept}).problem(32, 406)


def test_content_types(vendors, mira, sdk):
    for kind in ("application/astra-token+json", "application/json"):
        answer = sdk.call("post", sdk.path(), {**sdk.BODY, "name": "typed"}, {}, {"Content-Type": kind})
        assert answer.status == 201, answer.text


# Faults.

@pytest.mark.parametrize("members, number", [
    ({"name": None}, 8), ({"name": 7}, 8), ({"name": ""}, 8), ({"name": "x" * 64}, 8), ({"type": "application/astra-user"}, 8),
    ({"version": "1.1"}, 8), ({"version": 1.0}, 8), ({"extra": 1}, 8), ({"id": NOBODY}, 8), ({"userID": NOBODY}, 8),
    ({"token": "eHh4"}, 8), ({"metadata": []}, 8), ({"metadata": {"labels": {}}}, 8), ({"metadata": {"labels": [{"name": "a"}]}}, 8),
    ({"metadata": {"labels": [{"name": "a", "value": "1"}] * 2}}, 8), ({"metadata": {"colour": "red"}}, 8),
    ({"name": "<script>"}, 9), ({"name": "a;b"}, 9), ({"name": "it's"}, 9), ({"name": 'a"b'}, 9), ({"name": "a\\b"}, 9),
    ({"name": "a`b"}, 9), ({"name": "../etc"}, 9), ({"name": "ä"}, 9), ({"name": "a\nb"}, 9)])
def test_bad_creates(sdk, members, number):
    before = len(items(sdk.list()))
    answer = sdk.call("post", sdk.path(), {**sdk.BODY, "name": "x", **members}, {}, sdk.JSON)
    problem = answer.problem(number, 400)
    if number == 8:
        assert isinstance(problem["schemaValidationFailure"], str) and problem["schemaValidationFailure"]
    else:
        assert problem["invalidFields"][0]["name"] == "name" and problem["invalidFields"][0]["reason"]
    assert len(items(sdk.list())) == before


def test_members_that_are_missing(sdk):
    made = make(sdk)
    for left in ({"type": "application/astra-token", "name": "x"}, {"version": "1.0", "name": "x"}):
        sdk.call("post", sdk.path(), left, {}, sdk.JSON).problem(8, 400)
        sdk.call("put", sdk.path(made["id"]), left, {}, sdk.JSON).problem(8, 400)
    sdk.call("post", sdk.path(), dict(sdk.BODY), {}, sdk.JSON).problem(8, 400)


@pytest.mark.parametrize("members, number", [
    ({"id": NOBODY}, None), ({"userID": NOBODY}, None), ({"token": "eHh4"}, 8), ({"extra": 1}, 8), ({"name": ""}, 8),
    ({"name": "a<b"}, 9)])
def test_bad_puts(sdk, members, number):
    made = make(sdk)
    answer = sdk.put(made["id"], **members)
    if number:
        answer.problem(number, 400)
    else:  # An id that is not this one's: the page leaves the number open.
        told = int(answer.json["type"].rpartition("/")[2])
        assert (told, answer.status) in ((8, 400), (9, 400), (10, 409)), answer.text
    assert sdk.get(made["id"]).json["name"] == made["name"]


def test_bounds_that_pass(sdk):
    assert make(sdk, name="x" * 63)["name"] == "x" * 63
    twins = [make(sdk, name="twin")["id"] for _ in range(2)]
    assert len(set(twins)) == 2, "names may repeat"


def test_bodies_that_are_no_json(vendors, mira, sdk):
    path = sdk.base.removeprefix(vendors.admin) + sdk.path()
    for text in ("{", "", "name=x"):
        found = ask(vendors, "POST", path, headers={**mira.token.bearer, **sdk.JSON}, data=text)
        assert (found.status_code, found.json()["type"]) == (400, "https://astra.netapp.io/problems/7"), text
    array = ask(vendors, "POST", path, headers={**mira.token.bearer, **sdk.JSON}, data="[]")
    assert array.json()["type"] == "https://astra.netapp.io/problems/8"


def test_places_that_are_none(mira, sdks, sdk):
    made = make(sdk)
    for user in (NOBODY, "x", mira.uuid.upper()):
        sdk.list(user=user).problem(2, 404)
        sdk.create("x", user=user).problem(2, 404)
    for token in (NOBODY, "x", made["id"].upper()):
        sdk.get(token).problem(2, 404)
        sdk.put(token, name="x").problem(1, 404)
        sdk.delete(token).problem(1, 404)
    elsewhere = sdks(mira, account=NOBODY)
    assert elsewhere.list().status in (403, 404)
    assert elsewhere.get(made["id"]).status in (403, 404)
    other = make(sdks(Caller(mira.vendors)))
    sdk.get(other["id"]).problem(2, 404)
    sdk.delete(other["id"]).problem(1, 404)


def test_credentials_that_are_none(vendors, mira, sdks, sdk):
    no_header = sdks(mira, secret="")
    no_header.list().problem(3, 401)
    typo = mira.secret[:-1] + ("A" if mira.secret[-1] != "A" else "B")
    gone = make(sdk)
    sdk.delete(gone["id"])
    for secret in ("YWRtaW4tc2VjcmV0", typo, gone["token"]):
        answer = sdks(mira, secret=secret).list()
        answer.problem(4, 401)
        no_secret(answer.text, secret)
    basic = ask(vendors, "GET", sdk.base.removeprefix(vendors.admin) + sdk.path(), headers={"Authorization": f"Api-Token {mira.secret}"})
    assert basic.json()["type"] == "https://astra.netapp.io/problems/3", "another scheme counts as missing"


def test_a_correlation_id_is_the_request_id(vendors, mira, sdk):
    path = sdk.base.removeprefix(vendors.admin) + sdk.path(NOBODY)
    found = ask(vendors, "GET", path, headers=mira.token.bearer)
    assert found.json()["correlationID"] == found.headers["X-Request-Id"]
    assert found.json()["correlationID"] != ask(vendors, "GET", path, headers=mira.token.bearer).json()["correlationID"]


# Rights.

@pytest.mark.parametrize("scopes, write, others", [
    (("things.read",), False, False), (("astra.tokens.write",), True, False), (("astra.tokens.write", "astra.tokens.admin"), True, True),
    (("all.User",), True, True), (("astra.role.viewer",), False, False), (("astra.role.member",), True, False),
    (("astra.role.admin",), True, True), (("astra.role.owner",), True, True)])
def test_roles(vendors, sdks, scopes, write, others):
    """viewer, member, admin and owner, by the scopes that make them and by the bundles that name them."""
    caller, other = Caller(vendors, *scopes), Caller(vendors)
    sdk = sdks(caller)
    foreign = make(sdks(other), name="foreign")
    assert [item["id"] for item in items(sdk.list())] == [caller.record["id"]]
    assert sdk.get(caller.record["id"]).status == 200
    if write:
        made = make(sdk)
        assert sdk.put(made["id"], name="mine").status == 204
        assert sdk.delete(made["id"]).status == 204
    else:
        sdk.create("x").problem(11, 403)
        sdk.put(caller.record["id"], name="x").problem(11, 403)
        sdk.delete(caller.record["id"]).problem(11, 403)
    calls = {"list": lambda: sdk.list(user=other.uuid), "get": lambda: sdk.get(foreign["id"], user=other.uuid),
             "put": lambda: sdk.put(foreign["id"], user=other.uuid, name="renamed"),
             "create": lambda: sdk.create("for them", user=other.uuid), "delete": lambda: sdk.delete(foreign["id"], user=other.uuid)}
    expected = {"list": 200, "get": 200, "put": 204, "create": 201, "delete": 204}
    for name, call in calls.items():
        answer = call()
        if others:
            assert answer.status == expected[name], f"{name}: {answer.text}"
        else:
            answer.problem(11, 403)


def test_what_a_token_made_for_another_may_do(vendors, sdks, mira):
    """Own tokens get their maker's scopes, another user's those that the configuration gives that user."""
    users, account = known(vendors)
    name, user = next((name, user) for name, user in users.items() if user.get("uuid") and "things.read" in user.get("scopes", []))
    sdk = sdks(mira)
    assert passes(vendors, make(sdk)["token"], "/anything/narrow") == 200
    theirs = sdk.create("for " + name, user=user["uuid"])
    assert theirs.status == 201, theirs.text
    assert theirs.json["userID"] == user["uuid"] and theirs.json["metadata"]["createdBy"] == mira.uuid
    shown = json.loads(vendors.cli("token", "show", theirs.json["id"], "--json"))
    assert shown["owner"]["name"] == name and shown["scopes"] == user["scopes"]
    assert passes(vendors, theirs.json["token"]) == 200


def test_the_token_in_use_may_delete_itself(sdks, mira):
    sdk = sdks(mira)
    assert sdk.delete(mira.record["id"]).status == 204
    sdk.list().problem(4, 401)


# The SDK's habits.

def test_bodies_on_get_and_delete_keep_the_connection(sdk):
    for _ in range(3):
        made = make(sdk)
        got = sdk.get(made["id"])
        assert got.sent[0]["body"] == 2, "the SDK sends {} with a GET"
        gone = sdk.delete(made["id"])
        assert gone.sent[0]["body"] > 2 and gone.status == 204
        with_empty = sdk.call("delete", sdk.path(made["id"]), {}, {}, {})
        with_empty.problem(1, 404)
        assert with_empty.connections == 1, "one connection serves them all"


def test_the_look_at_the_clouds_after_a_failure(sdk):
    answer = sdk.get(NOBODY)
    answer.problem(2, 404)
    assert [(one["method"], one["url"]) for one in answer.sent[1:]] == [("GET", sdk.base + "topology/v1/clouds")]
    clouds = answer.sent[1]
    assert (clouds["status"], clouds["type"].split(";")[0]) == (404, "application/problem+json")
    assert json.loads(clouds["text"])["type"] == "https://astra.netapp.io/problems/2"
    assert "x-pcloud-accountid" not in answer.printed and "check uid" not in answer.printed
    for _ in range(50):
        last = sdk.get(NOBODY)
        assert [one["status"] for one in last.sent] == [404, 404], "a failure is never slowed down for it"
    assert last.connections == 1
    assert sdk.list().status == 200
