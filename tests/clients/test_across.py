"""One record, four vendors' clients: what one makes the others see, change and revoke."""

import json
from datetime import datetime, timedelta, timezone

import pytest
from dynatrace.environment_v2.tokens_api import ApiTokenUpdate

from harness import objects
from support import Astra, Caller, ask, dynatrace, fresh, losant, passes, show, xms, xms_token

ORG_ROLES = [{"orgId": "sandbox", "role": "view", "applicationRoles": [], "dashboardRoles": []}]
LABELS = [{"name": "team", "value": "build"}]
KEPT = ("id", "serial", "losant_id", "dynatrace_id", "description", "owner", "account", "scopes", "plan", "status", "personal", "region",
        "networks", "labels", "form", "created_at", "expires_at", "created_by")
VENDORS = ("losant", "dynatrace", "astra", "xms")


class All:
    """The four clients of one caller, and the same questions put to each."""

    def __init__(self, vendors):
        self.vendors = vendors
        self.caller = Caller(vendors, account=fresh("account"))
        secret = self.caller.secret
        self.losant, self.dynatrace = losant(vendors, secret), dynatrace(vendors, secret)
        self.astra, self.xms = Astra(vendors, self.caller), xms(vendors, secret)

    def make(self, vendor, name):
        """Makes a token and returns its secret and, by the command line, its record with the ids of all dialects."""
        if vendor == "losant":
            made = self.losant.user_api_tokens.post(apiToken={"name": name, "scope": ["things.read"]})
            secret, field, identity = made["token"], "losant_id", made["id"]
        elif vendor == "dynatrace":
            made = self.dynatrace.tokens.create(name, ["metrics.read"])
            secret, field, identity = made.token, "dynatrace_id", made.id
        elif vendor == "astra":
            made = self.astra.create(name).json
            secret, field, identity = made["token"], "id", made["id"]
        else:
            made = self.xms.create_access_token(xms_token(name)).access_token
            secret, field, identity = made.uuid, "serial", made.id
        record = self.record(field, identity)
        assert record["name"] == name
        return secret, record

    def record(self, field, value):
        """The record as the command line lists it, by the id of any dialect."""
        listed = objects(self.vendors.cli("token", "list", "--json", "--account", self.caller.account))
        return next(one for one in listed if one[field] == value)

    def names(self, record):
        """The record's name as each dialect lists it; None where it is in no list."""
        number = record["serial"]
        return {
            "losant": next((one["name"] for one in self.losant.user_api_tokens.get()["items"] if one["id"] == record["losant_id"]), None),
            "dynatrace": next((one.name for one in self.dynatrace.tokens.list() if one.id == record["dynatrace_id"]), None),
            "astra": next((one["name"] for one in self.astra.list().json["items"] if one["id"] == record["id"]), None),
            "xms": next((one.name for one in self.xms.list_access_tokens().access_tokens if one.id == number), None),
        }

    def rename(self, vendor, record, name):
        if vendor == "losant":
            self.losant.user_api_token.patch(apiTokenId=record["losant_id"], apiToken={"name": name})
        elif vendor == "dynatrace":
            self.dynatrace.tokens.put(record["dynatrace_id"], ApiTokenUpdate(name=name))
        elif vendor == "astra":
            assert self.astra.put(record["id"], name=name).status == 204
        else:
            changed = ask(self.vendors, "PATCH", f"/v1/access-tokens/{record['serial']}", json={"access_token": {"name": name}},
                          headers={"Xms-Auth-Token": self.caller.secret})
            assert changed.status_code == 200

    def delete(self, vendor, record):
        if vendor == "losant":
            self.losant.user_api_token.delete(apiTokenId=record["losant_id"])
        elif vendor == "dynatrace":
            self.dynatrace.tokens.delete(record["dynatrace_id"])
        elif vendor == "astra":
            assert self.astra.delete(record["id"]).status == 204
        else:
            self.xms.delete_access_token(record["serial"])


@pytest.fixture
def everyone(vendors):
    made = All(vendors)
    yield made
    made.astra.close()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_token_of_one_is_found_by_all(everyone, vendor):
    name = fresh("seen")
    secret, record = everyone.make(vendor, name)
    assert everyone.names(record) == dict.fromkeys(VENDORS, name)
    assert everyone.losant.user_api_token.get(apiTokenId=record["losant_id"])["name"] == name
    assert everyone.dynatrace.tokens.get(record["dynatrace_id"]).name == name
    assert everyone.astra.get(record["id"]).json["name"] == name
    assert everyone.xms.get_access_token(record["serial"]).access_token.name == name
    assert everyone.dynatrace.tokens.lookup(secret).id == record["dynatrace_id"], "by its secret, whatever its form"
    assert everyone.xms.validate_access_token(secret).access_token.id == record["serial"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_secret_of_one_opens_every_dialect(vendors, everyone, vendor):
    secret, record = everyone.make(vendor, fresh("key"))
    assert dynatrace(vendors, secret).tokens.lookup(secret).id == record["dynatrace_id"]
    assert xms(vendors, secret).get_access_token(record["serial"]).access_token.id == record["serial"]
    viewer = Astra(vendors, everyone.caller, secret=secret)
    assert viewer.get(record["id"]).json["id"] == record["id"]
    viewer.close()
    known = ask(vendors, "GET", "/me/tokens", headers={"Authorization": f"Bearer {secret}"})
    assert known.status_code in (200, 403), "known, whether or not its scopes allow the list"
    assert passes(vendors, secret, "/post") != 401


@pytest.mark.parametrize("changer", VENDORS)
@pytest.mark.parametrize("maker", VENDORS)
def test_a_change_and_a_revocation_through_another(vendors, everyone, maker, changer):
    secret, record = everyone.make(maker, fresh("before"))
    name = fresh("after")
    assert passes(vendors, secret, "/post") != 401
    everyone.rename(changer, record, name)
    assert everyone.names(record) == dict.fromkeys(VENDORS, name)
    after = show(vendors, record["id"])
    assert {key: after[key] for key in KEPT} == {key: record[key] for key in KEPT}, "nothing else changes"
    everyone.delete(changer, record)
    assert everyone.names(record) == dict.fromkeys(VENDORS)
    assert passes(vendors, secret, "/post") == 401
    assert ask(vendors, "GET", "/v1/access-tokens/", headers={"Xms-Auth-Token": secret}).status_code == 401


@pytest.mark.parametrize("stop, go", [
    (lambda all_, record: all_.losant.user_api_token.patch(apiTokenId=record["losant_id"], apiToken={"status": "inactive"}),
     lambda all_, record: all_.dynatrace.tokens.put(record["dynatrace_id"], ApiTokenUpdate(enabled=True))),
    (lambda all_, record: all_.dynatrace.tokens.put(record["dynatrace_id"], ApiTokenUpdate(enabled=False)),
     lambda all_, record: all_.losant.user_api_token.patch(apiTokenId=record["losant_id"], apiToken={"status": "active"}))])
@pytest.mark.parametrize("vendor", VENDORS)
def test_disabled_by_one_and_enabled_by_another(vendors, everyone, vendor, stop, go):
    secret, record = everyone.make(vendor, fresh("switch"))

    def seen():
        return (everyone.losant.user_api_token.get(apiTokenId=record["losant_id"])["status"],
                everyone.dynatrace.tokens.get(record["dynatrace_id"]).enabled, passes(vendors, secret, "/post") != 401)
    assert seen() == ("active", True, True)
    stop(everyone, record)
    assert seen() == ("inactive", False, False)
    assert everyone.xms.get_access_token(record["serial"]).access_token.id == record["serial"]
    assert everyone.astra.get(record["id"]).status == 200
    go(everyone, record)
    assert seen() == ("active", True, True)


@pytest.mark.parametrize("changer", VENDORS)
def test_fields_that_others_lack_survive(vendors, everyone, changer):
    """Losant's roles, description and expiry, Astra's labels, Dynatrace's personal flag."""
    expires = (datetime.now(timezone.utc) + timedelta(days=9)).strftime("%Y-%m-%dT00:00:00.000Z")
    rich = everyone.losant.user_api_tokens.post(apiToken={
        "name": fresh("rich"), "description": "kept", "expirationDate": expires, "scope": ["things.read"], "defaultRole": "view",
        "orgRoles": ORG_ROLES})
    record = everyone.record("losant_id", rich["id"])
    assert everyone.astra.put(record["id"], metadata={"labels": LABELS}).status == 204
    personal = everyone.dynatrace.tokens.create(fresh("personal"), ["metrics.read"], personal_access_token=True)
    other = everyone.record("dynatrace_id", personal.id)

    for one in (record, other):
        everyone.rename(changer, one, fresh("renamed"))
    found = everyone.losant.user_api_token.get(apiTokenId=record["losant_id"])
    assert {key: found[key] for key in ("description", "expirationDate", "defaultRole", "orgRoles", "scope")} == {
        "description": "kept", "expirationDate": expires, "defaultRole": "view", "orgRoles": ORG_ROLES, "scope": ["things.read"]}
    assert everyone.astra.get(record["id"]).json["metadata"]["labels"] == LABELS
    assert everyone.xms.get_access_token(record["serial"]).access_token.description == "kept"
    assert everyone.dynatrace.tokens.get(record["dynatrace_id"]).json()["expirationDate"] == expires
    assert everyone.dynatrace.tokens.get(personal.id).personal_access_token is True
    assert show(vendors, other["id"])["personal"] is True


def test_roles_go_when_scopes_are_replaced(vendors, everyone):
    _, record = everyone.make("xms", fresh("role"))
    assert everyone.losant.user_api_token.get(apiTokenId=record["losant_id"])["scope"] == ["xms.role.viewer"], "by its name elsewhere"
    assert everyone.dynatrace.tokens.get(record["dynatrace_id"]).scopes == ["xms.role.viewer"]
    everyone.dynatrace.tokens.put(record["dynatrace_id"], ApiTokenUpdate(scopes=["xms.role.viewer", "metrics.read"]))
    assert everyone.xms.get_access_token(record["serial"]).access_token.roles == ["viewer"], "names on a token are accepted back"
    everyone.dynatrace.tokens.put(record["dynatrace_id"], ApiTokenUpdate(scopes=["metrics.read"]))
    assert everyone.xms.get_access_token(record["serial"]).access_token.roles == []
    assert everyone.losant.user_api_token.get(apiTokenId=record["losant_id"])["scope"] == ["metrics.read"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_regenerated_by_xms(vendors, everyone, vendor):
    """The one rotation that a vendor has: always 32 hexadecimal digits, at once; the ids stay."""
    secret, record = everyone.make(vendor, fresh("rotate"))
    again = everyone.xms.regenerate_access_token(record["serial"]).access_token
    assert everyone.dynatrace.tokens.lookup(again.uuid).id == record["dynatrace_id"]
    assert passes(vendors, again.uuid, "/post") != 401 and passes(vendors, secret, "/post") == 401
    with pytest.raises(Exception, match="404"):
        everyone.dynatrace.tokens.lookup(secret)
    after = show(vendors, record["id"])
    assert [after[key] for key in ("id", "serial", "losant_id", "dynatrace_id", "scopes")] == \
        [record[key] for key in ("id", "serial", "losant_id", "dynatrace_id", "scopes")]


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_proxy_and_the_token_pair_know_it(vendors, everyone, vendor):
    secret, record = everyone.make(vendor, fresh("proxy"))
    seen = vendors.get("/stream/1", headers={"Authorization": f"Bearer {secret}"}).json()["headers"]
    assert (seen["X-Auth-Token-Id"], seen["X-Auth-User"]) == (record["id"], everyone.caller.owner)
    assert secret not in json.dumps(seen)
    assert ask(vendors, "GET", "/v1/token", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
