"""Dynatrace's Python client, dt 1.2.2, against the admin port."""

import json
import re
from datetime import datetime, timedelta, timezone

import pytest
from dynatrace.environment_v2.tokens_api import ApiTokenUpdate

from harness import until
from support import DYNATRACE_SECRET, MILLIS, Caller, ask, dynatrace, fresh, known, no_secret, passes

ID = re.compile(r"dt0c01\.[A-Z2-7]{24}")
ALL = {"id", "name", "enabled", "owner", "creationDate", "personalAccessToken", "expirationDate", "lastUsedDate",
       "lastUsedIpAddress", "modifiedDate", "scopes", "additionalMetadata"}
DEFAULT = {"id", "name", "enabled", "owner", "creationDate"}


@pytest.fixture
def mira(vendors):
    """An owner in an account of the test's own, since lists show the whole account."""
    return Caller(vendors, account=fresh("account"))


@pytest.fixture
def client(vendors, mira):
    return dynatrace(vendors, mira.secret)


def refused(call, status, *texts):
    """Asserts that the client raises with the vendor's envelope of `status`; dt hands it on as text only."""
    with pytest.raises(Exception, match="Error making request to") as caught:
        call()
    text = str(caught.value)
    assert f"<Response [{status}]>" in text, text
    error = json.loads(text.split("Response: ", 1)[1])
    assert set(error) == {"error"} and error["error"]["code"] == status
    assert isinstance(error["error"]["message"], str) and error["error"]["message"]
    assert set(error["error"]) <= {"code", "message", "constraintViolations"}
    for part in texts:
        assert part in text
    return error["error"]


def violated(call, path, location):
    """Asserts a 400 that names where the fault is."""
    error = refused(call, 400)
    assert error["message"] == "Constraints violated."
    found = error["constraintViolations"]
    assert any(one["path"].startswith(path) and one["parameterLocation"] == location and one["message"] for one in found), found
    for one in found:
        assert set(one) <= {"path", "message", "parameterLocation", "location"}


def near(date, expected, seconds=60):
    return abs((date - expected.replace(tzinfo=None)).total_seconds()) < seconds


def now():
    return datetime.now(timezone.utc)


def forms(account):
    """The base URLs of forms A and B; B only where an environment is configured."""
    return ["", "/", *[f"/e/{name}" for name in account.get("environments", [])]]


def test_a_token_from_create_to_delete(vendors, mira, client):
    name = fresh("café")
    made = client.tokens.create(name, ["metrics.read", "logs.ingest"])
    assert DYNATRACE_SECRET.fullmatch(made.token) and made.token.rpartition(".")[0] == made.id
    assert ID.fullmatch(made.id) and made.expiration_date is None
    assert set(made.json()) == {"id", "token"}

    got = client.tokens.get(made.id)
    assert set(got.json()) <= ALL and DEFAULT | {"scopes", "personalAccessToken"} <= set(got.json())
    assert (got.name, got.owner, got.enabled, got.personal_access_token) == (name, mira.owner, True, False)
    assert got.scopes == ["metrics.read", "logs.ingest"]
    assert near(got.creation_date, now()) and MILLIS.fullmatch(got.json()["creationDate"])
    assert got.last_used_date is None and got.last_used_ip_address is None and got.expiration_date is None
    no_secret(json.dumps(got.json()), made.token)

    answer = client.tokens.put(made.id, ApiTokenUpdate(name=name + "2", scopes=["logs.ingest", "events.read"]))
    assert (answer.status_code, answer.content) == (204, b"")
    changed = client.tokens.get(made.id)
    assert (changed.name, changed.scopes) == (name + "2", ["logs.ingest", "events.read"]), "scopes replace the list"
    assert MILLIS.fullmatch(changed.json()["modifiedDate"]) and changed.creation_date == got.creation_date

    gone = client.tokens.delete(made.id)
    assert (gone.status_code, gone.content) == (204, b"")
    for call in (lambda: client.tokens.get(made.id), lambda: client.tokens.delete(made.id),
                 lambda: client.tokens.put(made.id, ApiTokenUpdate(name="x")), lambda: client.tokens.lookup(made.token)):
        refused(call, 404)
    assert made.id not in [one.id for one in client.tokens.list()]
    refused(lambda: dynatrace(vendors, made.token).tokens.list(), 401)
    assert passes(vendors, made.token) == 401


def test_every_base_url(vendors):
    users, account = known(vendors)
    caller = Caller(vendors, account=account["name"])
    for base in forms(account):
        client = dynatrace(vendors, caller.secret, base)
        made = client.tokens.create(fresh("form"), ["metrics.read"])
        for other in forms(account):
            assert dynatrace(vendors, caller.secret, other).tokens.get(made.id).id == made.id
        assert client.tokens.lookup(made.token).id == made.id
        assert made.id in [one.id for one in client.tokens.list()]
        client.tokens.put(made.id, ApiTokenUpdate(enabled=False))
        client.tokens.delete(made.id)
    platform = "/platform/classic/environment-api/v2/apiTokens"
    assert ask(vendors, "GET", platform, headers=caller.token.bearer).status_code == 200
    refused(lambda: dynatrace(vendors, caller.secret, "/e/nowhere").tokens.list(), 404)
    outside = Caller(vendors, account=fresh("account"))
    with pytest.raises(Exception, match=r"<Response \[40[34]\]>"):
        dynatrace(vendors, outside.secret, f"/e/{account['environments'][0]}").tokens.list()


@pytest.mark.parametrize("text, expected", [
    ("now+14d", lambda: now() + timedelta(days=14)), ("now+90m", lambda: now() + timedelta(minutes=90)),
    ("now+2h", lambda: now() + timedelta(hours=2)), ("now+1w", lambda: now() + timedelta(weeks=1)),
    ("2091-05-01T10:20:30.456Z", lambda: datetime(2091, 5, 1, 10, 20, 30, 456000)),
    ("2091-05-01 10:20", lambda: datetime(2091, 5, 1, 10, 20)), ("2091-05-01T10:20:30", lambda: datetime(2091, 5, 1, 10, 20, 30)),
    ("2091-05-01T12:20:30+02:00", lambda: datetime(2091, 5, 1, 10, 20, 30)),
    (str(int(datetime(2091, 5, 1, tzinfo=timezone.utc).timestamp() * 1000)), lambda: datetime(2091, 5, 1)),
    (datetime(2091, 5, 1, 10, 20, 30).isoformat(timespec="milliseconds"), lambda: datetime(2091, 5, 1, 10, 20, 30))])
def test_expiration_in_every_format(client, text, expected):
    made = client.tokens.create(fresh("dated"), ["metrics.read"], expiration_date=text)
    assert MILLIS.fullmatch(made.json()["expirationDate"]) and near(made.expiration_date, expected())
    assert client.tokens.get(made.id).expiration_date == made.expiration_date


def test_expiration_rounded_down(client):
    made = client.tokens.create(fresh("dated"), ["metrics.read"], expiration_date="now+14d/d")
    assert made.expiration_date.time() == datetime.min.time() and near(made.expiration_date, now() + timedelta(days=14), 86460)
    week = client.tokens.create(fresh("dated"), ["metrics.read"], expiration_date="now+3w/w").expiration_date
    assert week.weekday() == 0 and week.time() == datetime.min.time(), "weeks start on Monday"


def test_expiration_in_calendar_months_and_years(client):
    for text, months in (("now+1M", 1), ("now+2y", 24)):
        made = client.tokens.create(fresh("dated"), ["metrics.read"], expiration_date=text).expiration_date
        today = now()
        assert (made.year * 12 + made.month) - (today.year * 12 + today.month) == months
        assert made.day == today.day or made.day >= 28


def test_an_expired_token_is_refused_and_still_described(vendors, client):
    soon = (now() + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    made = client.tokens.create(fresh("short"), ["apiTokens.read"], expiration_date=soon)
    assert passes(vendors, made.token) == 403

    def expired():
        return passes(vendors, made.token) == 401
    until(expired, "the token expires")
    refused(lambda: dynatrace(vendors, made.token).tokens.list(), 401)
    assert client.tokens.lookup(made.token).id == made.id


def test_a_personal_token(client):
    made = client.tokens.create(fresh("own"), ["metrics.read"], personal_access_token=True)
    assert client.tokens.get(made.id).personal_access_token is True
    personal = client.tokens.list("personalAccessToken(true)", fields="+personalAccessToken")
    assert [(one.id, one.personal_access_token) for one in personal] == [(made.id, True)]
    assert made.id not in [one.id for one in client.tokens.list("personalAccessToken(false)")]


# The list.

def test_a_list_in_its_defaults(vendors, mira, client):
    first = client.tokens.create("first", ["metrics.read"])
    second = client.tokens.create("second", ["metrics.read"])
    answer = client.tokens.list()
    assert len(answer) == 3
    found = list(answer)
    assert [one.id for one in found] == [second.id, first.id, mira.record["dynatrace_id"]], "newest first"
    for one in found:
        assert set(one.json()) == DEFAULT
    raw = ask(vendors, "GET", "/api/v2/apiTokens", headers={"Authorization": f"Api-Token {mira.secret}"})
    assert raw.headers["Content-Type"].replace(" ", "").lower() == "application/json;charset=utf-8"
    assert {key: raw.json()[key] for key in ("totalCount", "pageSize", "nextPageKey")} == {
        "totalCount": 3, "pageSize": 200, "nextPageKey": None}
    assert "dynatrace-response-source" not in raw.headers


def test_more_than_one_page(vendors, mira, client):
    """dt asks for no page size, so that 200 is what it pages by."""
    vendors.cli("token", "create", "--json", "--name", "many", "--count", 210, "--account", mira.account, "--owner", mira.owner)
    answer = client.tokens.list(sort="+name")
    assert len(answer) == 211
    found = [one.name for one in answer]
    assert len(found) == len(set(found)) == 211 and found == sorted(found)
    filtered = client.tokens.list('scope("all.User")', sort="name")
    assert [one.id for one in filtered] == [mira.record["dynatrace_id"]]

    headers = {"Authorization": f"Api-Token {mira.secret}"}

    def page(**parameters):
        return ask(vendors, "GET", "/api/v2/apiTokens", headers=headers, params=parameters)
    first = page(pageSize=100, fields="+scopes", sort="name").json()
    assert (first["totalCount"], first["pageSize"], len(first["apiTokens"])) == (211, 100, 100)
    second = page(nextPageKey=first["nextPageKey"]).json()
    third = page(nextPageKey=second["nextPageKey"]).json()
    assert (len(second["apiTokens"]), len(third["apiTokens"]), third["nextPageKey"]) == (100, 11, None)
    ids = [one["id"] for part in (first, second, third) for one in part["apiTokens"]]
    assert len(set(ids)) == 211 and all("scopes" in one for one in third["apiTokens"]), "the key holds fields and order"
    assert page(pageSize=10000).json()["nextPageKey"] is None
    for wrong in ({"pageSize": 99}, {"pageSize": 10001}, {"pageSize": "x"}, {"nextPageKey": "nonsense"},
                  {"nextPageKey": first["nextPageKey"], "pageSize": 100}, {"nextPageKey": first["nextPageKey"], "sort": "name"}):
        refused_page = page(**wrong)
        assert (refused_page.status_code, refused_page.json()["error"]["code"]) == (400, 400), wrong


@pytest.mark.parametrize("fields, expected", [
    ("+scopes", DEFAULT | {"scopes"}), ("+scopes,-owner", DEFAULT - {"owner"} | {"scopes"}), ("-name,-id", DEFAULT - {"name"}),
    ("scopes,expirationDate", {"id", "scopes", "expirationDate"}), ("name", {"id", "name"}),
    ("+personalAccessToken,+expirationDate,+modifiedDate", DEFAULT | {"personalAccessToken", "expirationDate"}),
    ("+lastUsedDate,+lastUsedIpAddress,+additionalMetadata", DEFAULT), ("name,+scopes,-id", {"id", "name"}),
    (" scopes", DEFAULT | {"scopes"})])
def test_fields(client, fields, expected):
    made = client.tokens.create("fields", ["metrics.read"], expiration_date="now+1d")
    found = next(one for one in client.tokens.list(fields=fields) if one.id == made.id)
    assert set(found.json()) - {"modifiedDate"} == expected


def test_selectors(vendors, mira, client):
    tom = mira.peer("things.read", owner="tom")
    both = client.tokens.create("both", ["metrics.read", "logs.ingest"])
    one = client.tokens.create("one", ["logs.ingest"], personal_access_token=True)
    for selector, expected in (
            ('scope("metrics.read")', {both.id}), ('scope("metrics.read","logs.ingest")', {both.id, one.id}),
            (f'owner("{mira.owner}"),scope("logs.ingest"),personalAccessToken(true)', {one.id}),
            ('owner("tom")', {tom.record["dynatrace_id"]}),
            ('owner("TOM")', set()), ('owner("nobody")', set()), ('personalAccessToken(true)', {one.id}),
            ('owner("tom"),scope("logs.ingest")', set())):
        found = client.tokens.list(selector)
        assert {token.id for token in found} == expected, selector
    for wrong in ("owner(tom)", 'owner("tom"', "name(\"x\")", "personalAccessToken(maybe)", 'scope()', 'owner("a")owner("b")', ","):
        violated(lambda: client.tokens.list(wrong), "apiTokenSelector", "QUERY")


def test_sorting(client):
    for name, when in (("sort b", "now+2d"), ("sort a", None), ("sort c", "now+1d")):
        client.tokens.create(name, ["metrics.ingest"], expiration_date=when)
    changed = client.tokens.create("sort d", ["metrics.ingest"], expiration_date="now+3d")
    client.tokens.put(changed.id, ApiTokenUpdate(name="sort e"))

    def order(sort):
        return [one.name.removeprefix("sort ") for one in client.tokens.list('scope("metrics.ingest")', sort=sort)]
    assert order("name") == order("+name") == order(" name") == ["a", "b", "c", "e"]
    assert order("-name") == ["e", "c", "b", "a"]
    assert order("creationDate") == ["b", "a", "c", "e"] and order("-creationDate") == order(None) == ["e", "c", "a", "b"]
    assert order("+expirationDate") == ["c", "b", "e", "a"] and order("-expirationDate") == ["a", "e", "b", "c"], \
        "no expiry is the latest"
    assert order("+modifiedDate")[-1] == "e" and order("-modifiedDate")[0] == "e", "never modified is the earliest"
    for wrong in ("owner", "+", "name,creationDate", "~name"):
        violated(lambda: client.tokens.list(sort=wrong), "sort", "QUERY")


def test_last_use_and_its_bounds(vendors, client):
    used = client.tokens.create("used", ["apiTokens.read"])
    client.tokens.create("never", ["metrics.read"])
    before = now() - timedelta(seconds=5)
    dynatrace(vendors, used.token).tokens.list()

    def seen():
        found = client.tokens.get(used.id)
        return found if found.last_used_date else None
    found = until(seen, "the use is recorded", 30)
    assert near(found.last_used_date, now()) and found.last_used_ip_address == "127.0.0.1"
    assert MILLIS.fullmatch(found.json()["lastUsedDate"])

    def ids(**bounds):
        return {one.id for one in client.tokens.list('scope("apiTokens.read","metrics.read")', **bounds)}
    for bound in (before, before.replace(tzinfo=None), "now-1h", "now-1d/d", str(int(before.timestamp() * 1000)),
                  before.strftime("%Y-%m-%d %H:%M")):
        assert ids(time_from=bound) == {used.id}, f"from {bound}; never used falls out"
    assert ids(time_from="now-2h", time_to="now-1h") == set()
    assert ids(time_to=datetime(2020, 1, 2, 3, 4, 5)) == set() and ids(time_to="now") == {used.id}
    descending = [one.name for one in client.tokens.list('scope("apiTokens.read","metrics.read")', sort="-lastUsedDate")]
    assert descending == ["used", "never"]
    for wrong in ("yesterday", "now-1q", "2020-13-01", "now-1d/x"):
        violated(lambda: client.tokens.list(time_from=wrong), "from", "QUERY")
        violated(lambda: client.tokens.list(time_to=wrong), "to", "QUERY")


def test_unknown_fields_and_parameters(vendors, mira, client):
    violated(lambda: client.tokens.list(fields="+secret"), "fields", "QUERY")
    found = ask(vendors, "GET", "/api/v2/apiTokens?colour=red", headers={"Authorization": f"Api-Token {mira.secret}"})
    assert found.status_code == 200, "unknown parameters are ignored"


# Bodies.

@pytest.mark.parametrize("arguments, path", [
    ({"name": "", "scopes": ["metrics.read"]}, "name"), ({"name": "  ", "scopes": ["metrics.read"]}, "name"),
    ({"name": None, "scopes": ["metrics.read"]}, "name"), ({"name": "x", "scopes": []}, "scopes"),
    ({"name": "x", "scopes": None}, "scopes"), ({"name": "x", "scopes": ["metrics.read", "no.such scope"]}, "scopes[1]"),
    ({"name": "x", "scopes": ["metrics.read"], "expiration_date": "2001-01-01T00:00:00Z"}, "expirationDate"),
    ({"name": "x", "scopes": ["metrics.read"], "expiration_date": "now-1d"}, "expirationDate"),
    ({"name": "x", "scopes": ["metrics.read"], "expiration_date": "soon"}, "expirationDate")])
def test_bad_creates(client, arguments, path):
    violated(lambda: client.tokens.create(**arguments), path, "PAYLOAD_BODY")
    assert len(client.tokens.list()) == 1


def test_updates(client):
    made = client.tokens.create("update", ["metrics.read"])
    before = client.tokens.get(made.id).json()
    client.tokens.put(made.id, ApiTokenUpdate(enabled=False))
    disabled = client.tokens.get(made.id).json()
    assert disabled == {**before, "enabled": False}, "modifiedDate does not move with enabling"
    client.tokens.put(made.id, ApiTokenUpdate())
    assert client.tokens.get(made.id).json() == disabled, "nothing set, nothing changed"
    client.tokens.put(made.id, ApiTokenUpdate(name="renamed", enabled=True))
    renamed = client.tokens.get(made.id).json()
    assert renamed == {**before, "name": "renamed", "modifiedDate": renamed["modifiedDate"]}
    violated(lambda: client.tokens.put(made.id, ApiTokenUpdate(name=" ")), "name", "PAYLOAD_BODY")
    violated(lambda: client.tokens.put(made.id, ApiTokenUpdate(scopes=["no such"])), "scopes[0]", "PAYLOAD_BODY")
    violated(lambda: client.tokens.put(made.id, ApiTokenUpdate(scopes=[])), "scopes", "PAYLOAD_BODY")
    assert client.tokens.get(made.id).json() == renamed


def test_disabled_is_useless_at_once_and_described(vendors, client):
    made = client.tokens.create("switch", ["apiTokens.read"])
    own = dynatrace(vendors, made.token)
    assert len(own.tokens.list()) == 2
    client.tokens.put(made.id, ApiTokenUpdate(enabled=False))
    refused(own.tokens.list, 401)
    assert client.tokens.lookup(made.token).enabled is False
    client.tokens.put(made.id, ApiTokenUpdate(enabled=True))
    assert len(own.tokens.list()) == 2


def test_lookup(vendors, mira, client):
    made = client.tokens.create("lookup", ["logs.ingest"], expiration_date="now+1d")
    found = client.tokens.lookup(made.token)
    assert found.json() == client.tokens.get(made.id).json()
    itself = dynatrace(vendors, made.token).tokens.lookup(made.token)
    assert itself.id == made.id and '"logs.ingest"' in json.dumps(itself.json()), "any valid token may look up"
    typo = made.token[:-1] + ("A" if made.token[-1] != "A" else "B")
    for unknown in (typo, "dt0c01." + "A" * 24 + "." + "A" * 64, "x", made.id):
        no_secret(json.dumps(refused(lambda: client.tokens.lookup(unknown), 404)), unknown)
    for nothing in (None, ""):
        violated(lambda: client.tokens.lookup(nothing), "token", "PAYLOAD_BODY")
    stranger = dynatrace(vendors, Caller(vendors, account=fresh("account")).secret)
    refused(lambda: stranger.tokens.lookup(made.token), 404)
    refused(lambda: stranger.tokens.get(made.id), 404)
    refused(lambda: stranger.tokens.delete(made.id), 404)


# Rights.

def test_credentials_that_are_none(vendors, mira, client):
    typo = mira.secret[:-1] + ("A" if mira.secret[-1] != "A" else "B")
    disabled = client.tokens.create("disabled", ["apiTokens.read"])
    client.tokens.put(disabled.id, ApiTokenUpdate(enabled=False))
    gone = client.tokens.create("gone", ["apiTokens.read"])
    client.tokens.delete(gone.id)
    told = set()
    for secret in ("nonsense", typo, "dt0c01." + "A" * 24 + "." + "A" * 64, disabled.token, gone.token):
        error = refused(lambda: dynatrace(vendors, secret).tokens.list(), 401)
        no_secret(json.dumps(error), secret)
        told.add(json.dumps(error))
    assert len(told) == 1, "a fault never says which of these it was"
    none = ask(vendors, "GET", "/api/v2/apiTokens")
    assert (none.status_code, none.json()["error"]["code"]) == (401, 401)


def test_credentials_in_every_place(vendors, mira):
    path = "/api/v2/apiTokens"
    for options in ({"headers": {"Authorization": f"Api-Token {mira.secret}"}}, {"headers": {"Authorization": f"api-token {mira.secret}"}},
                    {"headers": mira.token.bearer}, {"params": {"api-token": mira.secret}},
                    {"headers": {"Authorization": f"Api-Token {mira.secret}"}, "params": {"api-token": "another"}}):
        assert ask(vendors, "GET", path, **options).status_code == 200, "the header counts"
    assert ask(vendors, "GET", path, headers={"Authorization": "Api-Token wrong"}, params={"api-token": mira.secret}).status_code == 401


def test_scopes(vendors, mira, client):
    made = client.tokens.create("scoped", ["metrics.read"])
    reader = dynatrace(vendors, mira.peer("apiTokens.read").secret)
    writer = dynatrace(vendors, mira.peer("apiTokens.write", "metrics.read").secret)
    assert len(reader.tokens.list()) and reader.tokens.get(made.id) and reader.tokens.lookup(made.token)
    missing = "Token is missing required scope. Use one of: apiTokens."
    for call, scope in ((lambda: reader.tokens.create("x", ["metrics.read"]), "write (Write API tokens)"),
                        (lambda: reader.tokens.put(made.id, ApiTokenUpdate(name="x")), "write (Write API tokens)"),
                        (lambda: reader.tokens.delete(made.id), "write (Write API tokens)"),
                        (lambda: writer.tokens.list(), "read (Read API tokens)"),
                        (lambda: writer.tokens.get(made.id), "read (Read API tokens)")):
        assert refused(call, 403)["message"].startswith(missing + scope)
    mine = writer.tokens.create("mine", ["metrics.read"])
    writer.tokens.put(mine.id, ApiTokenUpdate(name="still mine"))
    refused(lambda: writer.tokens.create("more", ["metrics.read", "logs.ingest"]), 403)
    refused(lambda: writer.tokens.put(mine.id, ApiTokenUpdate(scopes=["logs.ingest"])), 403)
    assert client.tokens.get(mine.id).scopes == ["metrics.read"]
    writer.tokens.delete(mine.id)


def test_the_token_in_use_is_not_cut_off(vendors, mira, client):
    own = mira.record["dynatrace_id"]
    refused(lambda: client.tokens.delete(own), 400)
    refused(lambda: client.tokens.put(own, ApiTokenUpdate(enabled=False)), 400)
    client.tokens.put(own, ApiTokenUpdate(name="renamed"))
    made = client.tokens.create("self", ["apiTokens.read", "apiTokens.write"])
    itself = dynatrace(vendors, made.token)
    refused(lambda: itself.tokens.delete(made.id), 400)
    no_secret(json.dumps(refused(lambda: itself.tokens.delete(made.token), 400)), made.token)
    assert itself.tokens.get(made.id).enabled is True
    other = client.tokens.create("by secret", ["metrics.read"])
    assert client.tokens.delete(other.token).status_code == 204, "a DELETE may name the secret"
    no_secret(vendors.text(), other.token.rpartition(".")[2], made.token.rpartition(".")[2])


# Below the client's level.

def test_bodies_that_are_odd(vendors, mira):
    headers = {"Authorization": f"Api-Token {mira.secret}", "Content-Type": "application/json"}

    def post(text, path=""):
        return ask(vendors, "POST", f"/api/v2/apiTokens{path}", headers=headers, data=text)
    for text in ("{", "", "[]", '"x"', "name=x"):
        for path in ("", "/lookup"):
            found = post(text, path)
            assert (found.status_code, found.json()["error"]["code"]) == (400, 400), text
    made = post('{"name": "tf", "scopes": ["metrics.read"], "enabled": false, "owner": "root", "creationDate": "x", "more": {}}')
    assert made.status_code == 201, "unknown members are ignored"
    path = f"/api/v2/apiTokens/{made.json()['id']}"
    found = ask(vendors, "GET", path, headers=headers).json()
    assert (found["enabled"], found["owner"]) == (True, mira.owner)
    changed = ask(vendors, "PUT", path, headers=headers, data='{"name": null, "scopes": null, "enabled": null, "owner": "root"}')
    assert (changed.status_code, changed.content) == (204, b""), "null counts as absent"
    assert ask(vendors, "GET", path, headers=headers).json() == found
    assert post(json.dumps({"name": "x" * 1_100_000, "scopes": ["metrics.read"]})).status_code in (400, 413)


def test_paths_and_methods(vendors, mira):
    headers = {"Authorization": f"Api-Token {mira.secret}"}
    for method, path, status in (("PATCH", "/api/v2/apiTokens", 405), ("PATCH", "/api/v2/apiTokens/dt0c01.AAAA", 405),
                                 ("GET", "/api/v2/apiTokens/dt0c01.AAAA", 404), ("GET", "/api/v2/apiTokens/x/y", 404)):
        found = ask(vendors, method, path, headers=headers)
        assert (found.status_code, found.json()["error"]["code"]) == (status, status), path
        assert found.headers["Content-Type"].startswith("application/json")
        assert status != 405 or "GET" in found.headers["Allow"]
