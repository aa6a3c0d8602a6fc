"""Losant's Python client, losant-rest 2.3.0, against the admin port."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from losant_rest import LosantError

from harness import until
from support import MILLIS, Caller, ask, fresh, known, losant, no_secret, passes

HEX = re.compile(r"[0-9a-f]{24}")
ALWAYS = {"id", "apiTokenId", "ownerId", "ownerType", "creatorId", "creatorType", "creatorName", "name", "creationDate",
          "lastUpdated", "scope", "status", "_type"}
SOMETIMES = {"description", "expirationDate", "defaultRole", "orgRoles", "_links", "_actions", "_embedded"}
ORG_ROLES = [{"orgId": "sandbox", "role": "view", "applicationRoles": [],
              "dashboardRoles": [{"resourceId": "5e9f10aa44c0de0011223344", "role": "view"}]}]


@pytest.fixture
def mira(vendors):
    """An owner of the test's own, with everything of its account."""
    return Caller(vendors)


@pytest.fixture
def client(vendors, mira):
    return losant(vendors, mira.secret)


def later(**span):
    return (datetime.now(timezone.utc) + timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def refused(call, status, kind, message=None):
    """Asserts that the client raises what the vendor's error schema says, and returns the data."""
    with pytest.raises(LosantError) as caught:
        call()
    assert caught.value.status == status, caught.value.data
    assert isinstance(caught.value.data, dict), f"an error is a JSON object: {caught.value.data!r}"
    assert set(caught.value.data) == {"type", "message"}
    assert caught.value.data["type"] == kind
    assert isinstance(caught.value.data["message"], str) and caught.value.data["message"]
    if message:
        assert message in caught.value.data["message"]
    return caught.value.data


def is_token(found, created=False):
    """Asserts the field set and forms of an API Token."""
    assert ALWAYS <= set(found) <= ALWAYS | SOMETIMES | ({"token"} if created else set())
    assert ("token" in found) == created
    assert HEX.fullmatch(found["id"]) and found["apiTokenId"] == found["id"]
    assert HEX.fullmatch(found["ownerId"]) and HEX.fullmatch(found["creatorId"])
    assert found["creatorType"] in ("apiToken", "user", "flow")
    assert found["status"] in ("active", "inactive")
    for date in ("creationDate", "lastUpdated", "expirationDate"):
        assert date not in found or MILLIS.fullmatch(found[date]), f"{date}: {found[date]}"
    return found


def make(client, **members):
    return is_token(client.user_api_tokens.post(apiToken={"name": fresh("token"), **members}), created=True)


def test_a_token_from_post_to_delete(vendors, mira, client):
    name = fresh("nächtlich \N{ROCKET}")
    made = make(client, name=name, scope=["things.read"])
    assert made["name"] == name and made["scope"] == ["things.read"] and made["status"] == "active"
    assert made["ownerId"] == mira.hex and made["ownerType"] == "user"
    assert made["creatorType"] == "apiToken" and made["creatorId"] == mira.record["losant_id"]
    assert made["creatorName"] == mira.record["name"]
    assert made["token"].startswith("tg_")
    assert made["_type"] == "userApiToken" and made["creationDate"] == made["lastUpdated"]
    assert made["_links"] == {"self": {"href": f"/me/tokens/{made['id']}"}, "userApiTokens": {"href": "/me/tokens"}}
    assert "_actions" not in made and "_embedded" not in made and "expirationDate" not in made
    assert passes(vendors, made["token"]) == 200

    got = is_token(client.user_api_token.get(apiTokenId=made["id"]))
    assert got == {key: value for key, value in made.items() if key != "token"}
    assert client.user_api_token.get(apiTokenId=made["id"].upper())["id"] == made["id"]

    patched = is_token(client.user_api_token.patch(apiTokenId=made["id"], apiToken={"name": name + "2", "description": "d"}))
    assert (patched["name"], patched["description"]) == (name + "2", "d")
    assert patched["creationDate"] == made["creationDate"] and patched["scope"] == ["things.read"]
    assert client.user_api_token.get(apiTokenId=made["id"]) == patched

    assert client.user_api_token.delete(apiTokenId=made["id"]) == {"success": True}
    assert passes(vendors, made["token"]) == 401
    for again in (client.user_api_token.get, client.user_api_token.delete):
        refused(lambda ask=again: ask(apiTokenId=made["id"]), 404, "NotFound", "API Token was not found")
    refused(lambda: client.user_api_token.patch(apiTokenId=made["id"], apiToken={}), 404, "NotFound")
    assert client.user_api_tokens.get(filterField="name", filter=name + "*")["count"] == 0
    refused(lambda: losant(vendors, made["token"]).user_api_tokens.get(), 401, "Unauthorized", "Invalid access token")


def test_a_post_keeps_every_field(client):
    expires = later(days=30)
    sent = {"description": "d" * 32767, "expirationDate": expires, "scope": ["things.read", "userApiTokens.get", "devices.*"],
            "status": "inactive", "defaultRole": "collaborate", "orgRoles": ORG_ROLES}
    made = make(client, **sent)
    assert {key: made[key] for key in sent} == {**sent, "expirationDate": expires.replace("Z", ".000Z")}
    got = client.user_api_token.get(apiTokenId=made["id"])
    assert {key: got[key] for key in sent} == {key: made[key] for key in sent}


@pytest.mark.parametrize("date, shown", [
    ("2091-05-01T00:00:00Z", "2091-05-01T00:00:00.000Z"), ("2091-05-01T02:00:00.5+02:00", "2091-05-01T00:00:00.500Z"),
    ("2091-05-01T00:00:00.123Z", "2091-05-01T00:00:00.123Z")])
def test_dates_with_an_offset_or_without_milliseconds_pass(client, date, shown):
    assert make(client, expirationDate=date)["expirationDate"] == shown


def test_a_patch_changes_what_it_names_and_nothing_else(vendors, client):
    made = make(client, scope=["things.read"], description="first", defaultRole="view", orgRoles=ORG_ROLES)
    del made["token"]
    same = client.user_api_token.patch(apiTokenId=made["id"], apiToken={})
    assert same == made, "an empty patch changes nothing, not even lastUpdated"
    changed = client.user_api_token.patch(apiTokenId=made["id"], apiToken={"defaultRole": "edit", "status": "inactive"})
    assert changed["lastUpdated"] >= made["lastUpdated"]
    expected = {**made, "defaultRole": "edit", "status": "inactive", "lastUpdated": changed["lastUpdated"]}
    assert changed == expected
    for member, value in (("scope", ["things.read"]), ("expirationDate", later(days=1)), ("token", "tg_x"), ("id", made["id"])):
        refused(lambda body={member: value}: client.user_api_token.patch(apiTokenId=made["id"], apiToken=body),
                400, "Validation", "apiToken has additional properties")
    refused(lambda: client.user_api_token.patch(apiTokenId=made["id"], apiToken={"name": ""}), 400, "Validation",
            "apiToken.name has less length than allowed")
    assert client.user_api_token.get(apiTokenId=made["id"]) == expected


def test_inactive_is_useless_at_once_and_active_again(vendors, client):
    made = make(client, scope=["all.User"])
    own = losant(vendors, made["token"])
    assert own.user_api_tokens.get(perPage=1)["count"] == 1 and passes(vendors, made["token"]) == 200
    client.user_api_token.patch(apiTokenId=made["id"], apiToken={"status": "inactive"})
    refused(own.user_api_tokens.get, 401, "Unauthorized", "Invalid access token")
    assert passes(vendors, made["token"]) == 401
    client.user_api_token.patch(apiTokenId=made["id"], apiToken={"status": "active"})
    assert own.user_api_tokens.get(perPage=1)["count"] == 1 and passes(vendors, made["token"]) == 200


def test_an_expired_credential_says_so(vendors, client):
    soon = (datetime.now(timezone.utc) + timedelta(seconds=2)).isoformat(timespec="milliseconds")
    made = make(client, expirationDate=soon, scope=["all.User"])
    own = losant(vendors, made["token"])
    assert own.user_api_tokens.get(perPage=1)["count"] == 1

    def expired():
        try:
            own.user_api_tokens.get(perPage=1)
        except LosantError as error:
            return error
        return None
    error = until(expired, "the token expires")
    assert (error.status, error.data) == (401, {"type": "Unauthorized", "message": "Access token has expired"})
    assert client.user_api_token.get(apiTokenId=made["id"])["status"] == "active", "the status stays as set"


def test_without_a_scope_the_callers_own_is_given(vendors, mira, client):
    assert make(client)["scope"] == ["all.User"]
    narrow = mira.peer("userApiTokens.*", "things.read")
    assert make(losant(vendors, narrow.secret))["scope"] == ["userApiTokens.*", "things.read"]


# The list.

def names(answer):
    return [item["name"] for item in answer["items"]]


def test_a_list_in_its_defaults(mira, client):
    made = [make(client, name=name) for name in ("beta", "Alpha", "gamma")]
    answer = client.user_api_tokens.get()
    assert set(answer) == {"items", "count", "totalCount", "page", "perPage", "sortField", "sortDirection", "ownerId",
                           "ownerType", "_type", "_links"}
    assert (answer["count"], answer["totalCount"], answer["page"], answer["perPage"]) == (4, 4, 0, 100)
    assert (answer["sortField"], answer["sortDirection"]) == ("name", "asc")
    assert (answer["ownerId"], answer["ownerType"], answer["_type"]) == (mira.hex, "user", "userApiTokens")
    assert answer["_links"]["self"] == {"href": "/me/tokens"}
    assert names(answer) == ["Alpha", "beta", mira.record["name"], "gamma"]
    for item in answer["items"]:
        is_token(item)
        assert item["_type"] == "userApiToken" and item["_links"]["self"] == {"href": f"/me/tokens/{item['id']}"}
    assert {item["id"] for item in answer["items"]} == {one["id"] for one in made} | {mira.record["losant_id"]}


def test_a_list_in_every_order(client):
    for name, members in (("b", {"expirationDate": later(days=2)}), ("A", {"status": "inactive"}),
                          ("c", {"expirationDate": later(days=1)}), ("a", {})):
        make(client, name="sort " + name, **members)
    changed = client.user_api_tokens.get(filterField="name", filter="sort c")["items"][0]
    client.user_api_token.patch(apiTokenId=changed["id"], apiToken={"description": "last touched"})
    asked = {"filterField": "name", "filter": "sort *"}

    for field, key in (("name", lambda item: item["name"].lower()), ("status", lambda item: item["status"]),
                       ("id", lambda item: item["id"]), ("creationDate", lambda item: item["creationDate"]),
                       ("lastUpdated", lambda item: item["lastUpdated"])):
        for direction in ("asc", "desc"):
            answer = client.user_api_tokens.get(sortField=field, sortDirection=direction, **asked)
            found = [key(item) for item in answer["items"]]
            assert found == sorted(found, reverse=direction == "desc"), f"{field} {direction}"
            assert (answer["sortField"], answer["sortDirection"], answer["count"]) == (field, direction, 4)
    rising = names(client.user_api_tokens.get(sortField="expirationDate", **asked))
    falling = names(client.user_api_tokens.get(sortField="expirationDate", sortDirection="DESC", **asked))
    assert rising[:2] == ["sort c", "sort b"] and falling[:2] == ["sort b", "sort c"], "no date comes last, both ways"
    assert set(rising[2:]) == set(falling[2:]) == {"sort A", "sort a"}


def test_a_list_in_pages(client):
    for number in range(5):
        make(client, name=f"page {number}")
    asked = {"filterField": "name", "filter": "page ?"}
    seen = []
    for page in range(4):
        answer = client.user_api_tokens.get(page=page, perPage=2, **asked)
        assert (answer["page"], answer["perPage"], answer["totalCount"]) == (page, 2, 5)
        assert answer["count"] == len(answer["items"])
        seen.append(names(answer))
    assert seen == [["page 0", "page 1"], ["page 2", "page 3"], ["page 4"], []]
    assert client.user_api_tokens.get(perPage=1000, **asked)["perPage"] == 1000


@pytest.mark.parametrize("glob, found", [
    ("GLOB *", ["glob (x)", "glob a*b", "glob a+b", "glob ab", "glob Ä"]), ("glob a?b", ["glob a*b", "glob a+b"]),
    ("glob ä", ["glob Ä"]), ("glob", []), ("*x)", ["glob (x)"]), ("glob a+b", ["glob a+b"]), ("glob [a]b", []),
    ("glob *b", ["glob a*b", "glob a+b", "glob ab"]), ("lob*", [])])
def test_a_filter_is_a_glob_over_the_whole_name(client, glob, found):
    for name in ("glob ab", "glob a*b", "glob a+b", "glob (x)", "glob Ä"):
        make(client, name=name)
    answer = client.user_api_tokens.get(filterField="name", filter=glob)
    assert sorted(names(answer)) == sorted(found)
    assert (answer["filterField"], answer["filter"], answer["totalCount"]) == ("name", glob, len(found))


def test_a_filter_by_status_and_filters_that_say_nothing(client):
    made = make(client, name="off", status="inactive")
    assert [item["id"] for item in client.user_api_tokens.get(filterField="status", filter="inactive")["items"]] == [made["id"]]
    assert client.user_api_tokens.get(filterField="status", filter="active")["count"] == 1
    for nothing in ({"filter": "off"}, {"filterField": "name"}, {"filterField": "name", "filter": ""},
                    {"filterField": "", "filter": "x"}, {"filterField": "name", "filter": ["off", "x"]}, {"page": "", "perPage": ""},
                    {"page": None}, {"losantdomain": "example.com"}):
        assert client.user_api_tokens.get(**nothing)["count"] == 2, nothing


@pytest.mark.parametrize("parameters, message", [
    ({"sortField": "owner"}, "sortField must be an enum value"), ({"sortDirection": "up"}, "sortDirection must be an enum value"),
    ({"filterField": "id", "filter": "x"}, "filterField must be an enum value"), ({"perPage": 0}, "perPage"),
    ({"perPage": 1001}, "perPage"), ({"perPage": "many"}, "perPage"), ({"perPage": 1.5}, "perPage"), ({"page": -1}, "page"),
    ({"page": "one"}, "page")])
def test_bad_parameters(client, parameters, message):
    refused(lambda: client.user_api_tokens.get(**parameters), 400, "Validation", message)


@pytest.mark.parametrize("given, on", [(True, True), (False, False), ("true", True), ("1", True), ("YES", True), ("no", False)])
def test_the_hypermedia_switches(client, given, on):
    """The client writes a caller's booleans with a capital."""
    made = make(client)
    switches = {"_actions": given, "_links": given, "_embedded": given}
    for found in (client.user_api_token.get(apiTokenId=made["id"], **switches),
                  client.user_api_token.patch(apiTokenId=made["id"], apiToken={}, **switches),
                  client.user_api_tokens.get(**switches), client.user_api_tokens.get(**switches)["items"][0],
                  client.user_api_tokens.post(apiToken={"name": fresh("switch")}, **switches)):
        assert ("_links" in found) == ("_actions" in found) == on
        assert found["_type"] in ("userApiToken", "userApiTokens")
        if on:
            assert all({"href", "method"} <= set(action) for action in found["_actions"].values())
    assert client.user_api_token.delete(apiTokenId=made["id"], **switches) == {"success": True}


# Errors.

@pytest.mark.parametrize("body, message", [
    (None, "apiToken is required"), ({}, "apiToken.name is required"), ([], "apiToken is the wrong type"),
    ({"name": "x", "extra": 1}, "apiToken has additional properties"), ({"name": ""}, "apiToken.name has less length than allowed"),
    ({"name": "x" * 256}, "apiToken.name has longer length than allowed"), ({"name": 7}, "apiToken.name is the wrong type"),
    ({"name": "x", "description": "d" * 32768}, "apiToken.description has longer length than allowed"),
    ({"name": "x", "status": "off"}, "apiToken.status must be an enum value"),
    ({"name": "x", "scope": ["things.read", "things.read"]}, "apiToken.scope must be unique"),
    ({"name": "x", "scope": ["no blanks please"]}, "apiToken.scope.0 no (or more than one) schemas match"),
    ({"name": "x", "scope": "things.read"}, "apiToken.scope is the wrong type"),
    ({"name": "x", "expirationDate": "2091-05-01"}, "apiToken.expirationDate must be date-time format"),
    ({"name": "x", "expirationDate": None}, "apiToken.expirationDate is the wrong type"),
    ({"name": "x", "expirationDate": "2001-05-01T00:00:00Z"}, "apiToken.expirationDate"),
    ({"name": "x", "defaultRole": "king"}, "apiToken.defaultRole must be an enum value"),
    ({"name": "x", "orgRoles": ORG_ROLES * 26}, "apiToken.orgRoles has more items than allowed"),
    ({"name": "x", "orgRoles": [{"role": "view", "applicationRoles": [], "dashboardRoles": []}]},
     "apiToken.orgRoles.0.orgId is required"),
    ({"name": "x", "orgRoles": [{**ORG_ROLES[0], "extra": 1}]}, "apiToken.orgRoles.0 has additional properties")])
def test_bad_bodies(client, body, message):
    before = client.user_api_tokens.get()["totalCount"]
    refused(lambda: client.user_api_tokens.post(**({} if body is None else {"apiToken": body})), 400, "Validation", message)
    assert client.user_api_tokens.get()["totalCount"] == before


def test_lengths_at_the_bounds_pass(client):
    assert len(make(client, name="ä" * 255)["name"]) == 255


def test_ids_that_are_none(client):
    for wrong in ("x", "0" * 23, "0" * 25, "g" * 24, "a%2Fb%20c"):
        for call in (client.user_api_token.get, client.user_api_token.delete):
            refused(lambda ask=call: ask(apiTokenId=wrong), 400, "Validation", "apiTokenId pattern mismatch")
    refused(lambda: client.user_api_token.get(apiTokenId="0" * 24), 404, "NotFound", "API Token was not found")


def test_credentials_that_are_none(vendors, mira, client):
    refused(losant(vendors, None).user_api_tokens.get, 403, "Forbidden", "Access is forbidden")
    typo = mira.secret[:-1] + ("A" if mira.secret[-1] != "A" else "B")
    for secret in ("adm-secret", typo, "x" * 300):
        data = refused(losant(vendors, secret).user_api_tokens.get, 401, "Unauthorized", "Invalid access token")
        no_secret(json.dumps(data), secret)


def test_each_scope_opens_its_own_calls(vendors, mira, client):
    made = make(client)
    body = {"name": fresh("scoped")}
    calls = {
        "userApiTokens.get": lambda own: own.user_api_tokens.get(),
        "userApiTokens.post": lambda own: own.user_api_tokens.post(apiToken=body),
        "userApiToken.get": lambda own: own.user_api_token.get(apiTokenId=made["id"]),
        "userApiToken.patch": lambda own: own.user_api_token.patch(apiTokenId=made["id"], apiToken={"description": "x"}),
    }
    read, everything = {"userApiTokens.get", "userApiToken.get"}, set(calls)
    opens = {"all.User": everything, "only.User": everything, "all.User.read": read, "all.User.bounded": read,
             "only.User.read": read, "only.User.bounded": read, "userApiTokens.*": {"userApiTokens.get", "userApiTokens.post"},
             "userApiToken.*": {"userApiToken.get", "userApiToken.patch"}, "things.read": set(),
             **{name: {name} for name in everything}}
    for scope, allowed in opens.items():
        own = losant(vendors, mira.peer(scope).secret)
        for name, call in calls.items():
            if name in allowed:
                call(own)
            else:
                refused(lambda: call(own), 403, "Forbidden", "Access is forbidden")
    deleter = losant(vendors, mira.peer("userApiToken.delete").secret)
    assert deleter.user_api_token.delete(apiTokenId=made["id"]) == {"success": True}


def test_nobody_mints_more_than_they_hold(vendors, mira):
    own = losant(vendors, mira.peer("userApiTokens.*", "things.*", "all.Device").secret)
    for held in ("userApiTokens.get", "things.read", "things.*", "all.Device", "all.Device.read", "all.Device.bounded"):
        assert own.user_api_tokens.post(apiToken={"name": "ok", "scope": [held]})["scope"] == [held]
    for more in ("userApiToken.get", "all.User", "all.admin", "other.read", "all.Application"):
        refused(lambda: own.user_api_tokens.post(apiToken={"name": "no", "scope": ["things.read", more]}), 403, "Forbidden")
    limited = losant(vendors, mira.peer("only.User").secret)
    assert limited.user_api_tokens.post(apiToken={"name": "ok", "scope": ["userApiTokens.get", "me.get"]})
    refused(lambda: limited.user_api_tokens.post(apiToken={"name": "no", "scope": ["devices.get"]}), 403, "Forbidden")
    refused(lambda: losant(vendors, mira.secret).user_api_tokens.post(apiToken={"name": "no", "scope": ["all.admin"]}),
            403, "Forbidden")


def test_another_owners_tokens_are_unknown(vendors, mira, client):
    made = make(client)
    for other in (Caller(vendors), Caller(vendors, account=fresh("account"), owner=mira.owner)):
        stranger = losant(vendors, other.secret)
        for call in (lambda: stranger.user_api_token.get(apiTokenId=made["id"]),
                     lambda: stranger.user_api_token.patch(apiTokenId=made["id"], apiToken={"name": "mine"}),
                     lambda: stranger.user_api_token.delete(apiTokenId=made["id"])):
            refused(call, 404, "NotFound")
        assert stranger.user_api_tokens.get()["totalCount"] == 1
    assert client.user_api_token.get(apiTokenId=made["id"])["name"] == made["name"]


# Applications and instances.

@pytest.mark.parametrize("kind", ["application", "instance"])
def test_tokens_of_an_application_and_of_an_instance(vendors, kind):
    parent = next(name.split(":")[1] for name in known(vendors)[0] if name.startswith(kind + ":"))
    caller = Caller(vendors, "all.User")
    client, word = losant(vendors, caller.secret), kind.capitalize()
    many, one = (getattr(client, f"{kind}_api_token{plural}") for plural in ("s", ""))
    owner = {f"{kind}Id": parent}
    made = is_token(many.post(apiToken={"name": fresh(kind), "scope": ["things.read"]}, **owner), created=True)
    assert (made["ownerType"], made["ownerId"], made["_type"]) == ("application", parent, f"{kind}ApiToken")
    assert made["_links"]["self"] == {"href": f"/{kind}s/{parent}/tokens/{made['id']}"}
    assert passes(vendors, made["token"]) == 200

    answer = many.get(filterField="name", filter=made["name"], **owner)
    assert [item["id"] for item in answer["items"]] == [made["id"]]
    assert (answer["ownerType"], answer["ownerId"], answer["_type"]) == ("application", parent, f"{kind}ApiTokens")
    assert one.get(apiTokenId=made["id"], **owner)["name"] == made["name"]
    assert one.patch(apiTokenId=made["id"], apiToken={"status": "inactive"}, **owner)["status"] == "inactive"
    refused(lambda: client.user_api_token.get(apiTokenId=made["id"]), 404, "NotFound")
    assert client.user_api_tokens.get(filterField="name", filter=made["name"])["count"] == 0

    for scope, allowed in ((f"{kind}ApiTokens.get", True), (f"all.{word}", True), (f"all.{word}.read", True),
                           ("userApiTokens.get", False), ("only.User", False)):
        reader = getattr(losant(vendors, Caller(vendors, scope).secret), f"{kind}_api_tokens")
        if allowed:
            assert reader.get(perPage=1, **owner)["totalCount"] >= 1
        else:
            refused(lambda: reader.get(**owner), 403, "Forbidden")
    foreign = getattr(losant(vendors, Caller(vendors, account=fresh("account")).secret), f"{kind}_api_token")
    refused(lambda: foreign.get(apiTokenId=made["id"], **owner), 404, "NotFound")
    assert one.delete(apiTokenId=made["id"], **owner) == {"success": True}
    refused(lambda: one.get(apiTokenId=made["id"], **owner), 404, "NotFound")
    refused(lambda: many.get(**{f"{kind}Id": "x"}), 400, "Validation", f"{kind}Id")


# Below the client's level.

def test_the_heads_of_answers(vendors, mira):
    found = ask(vendors, "GET", "/me/tokens", headers=mira.token.bearer)
    assert found.headers["Content-Type"].split(";")[0] == "application/json" and "Content-Length" in found.headers
    assert {"_links", "_actions"} <= set(found.json()), "the three switches are on when nothing is said"
    assert ask(vendors, "GET", "/me/tokens", headers={"Authorization": f"JWT {mira.secret}"}).status_code == 200
    assert ask(vendors, "GET", "/me/tokens", headers={"Authorization": f"bearer {mira.secret}"}).status_code == 200


@pytest.mark.parametrize("method, path, status, kind", [
    ("GET", "/me/tokens/", 200, None), ("DELETE", "/me/tokens/", 405, "MethodNotAllowed"),
    ("PATCH", "/me/tokens/", 405, "MethodNotAllowed"), ("PUT", "/me/tokens", 405, "MethodNotAllowed"),
    ("PUT", "/me/tokens/0123456789abcdef01234567", 405, "MethodNotAllowed"), ("GET", "//me/tokens", 200, None),
    ("GET", "/me/tokens/0123456789abcdef01234567/more", 404, "NotFound"), ("GET", "/me/tokens/a%2Fb%20c", 400, "Validation"),
    ("GET", "/me/tokens?filterField=name&filter=%2a&filter=no-such-name", 200, None)])
def test_odd_paths(vendors, mira, method, path, status, kind):
    found = ask(vendors, method, path, headers=mira.token.bearer)
    assert found.status_code == status, found.text
    if kind:
        assert found.json()["type"] == kind and found.json()["message"]
        assert found.headers["Content-Type"].split(";")[0] == "application/json"
    if status == 405:
        assert "GET" in found.headers["Allow"]
    if "filter=" in path:
        assert found.json()["count"] == 0, "of repeated parameters the last wins"


def test_bodies_that_are_no_json(vendors, mira):
    headers = {**mira.token.bearer, "Content-Type": "application/json"}
    for text in ("{", '{"name": "x"', "name=x"):
        found = ask(vendors, "POST", "/me/tokens", headers=headers, data=text)
        assert (found.status_code, found.json()["type"]) == (400, "InvalidContent")
    made = ask(vendors, "POST", "/me/tokens", headers=headers, data='{"name": "x"}').json()
    gone = ask(vendors, "DELETE", f"/me/tokens/{made['id']}", headers=headers, data="{}")
    assert (gone.status_code, gone.json()) == (200, {"success": True})


def test_blanks_and_pluses_in_a_query(vendors, mira, client):
    make(client, name="one two")
    make(client, name="one+two")
    for text, name in (("one+two", "one two"), ("one%20two", "one two"), ("one%2Btwo", "one+two")):
        found = ask(vendors, "GET", f"/me/tokens?filterField=name&filter={text}", headers=mira.token.bearer).json()
        assert names(found) == [name]
