"""One token, five dialects: a random sequence of operations through random dialects leaves every view consistent with a
plain model of the tokens."""

import itertools
import os

import pytest
import requests
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

ACCOUNTS = itertools.count(1)
NAMES = st.sampled_from(["alpha", "Beta", "gamma ray", "delta-4", "alpha 2", "zz"])
TEXTS = st.sampled_from(["", "what it is for", "tök en", "a, b"])
SCOPES = st.lists(st.sampled_from(["metrics.read", "logs.ingest", "entities.read", "apiTokens.read"]), min_size=1, unique=True)
LABELS = st.dictionaries(st.sampled_from(["team", "stage"]), st.sampled_from(["a", "b c"]))
ROLES = st.sampled_from(["admin", "viewer"])


class Model:
    """What one token should be."""

    def __init__(self, record, secret, form):
        self.id, self.serial = record["id"], record["serial"]
        self.hex, self.public = record["losant_id"], record["dynatrace_id"]
        self.name, self.description, self.enabled = record["name"], record["description"], True
        self.scopes, self.labels, self.personal = record["scopes"], record["labels"], record["personal"]
        self.secret, self.form = secret, form

    @property
    def roles(self):
        return [scope.removeprefix("xms.role.") for scope in self.scopes if scope.startswith("xms.role.")]


def machine(sidecar):
    class Dialects(RuleBasedStateMachine):
        @initialize()
        def begin(self):
            self.account = f"model-{os.getpid()}-{next(ACCOUNTS)}"
            admin = sidecar.token("all.User", name="admin", owner="mira", account=self.account)
            other = sidecar.token("all.User", name="other", owner="tom", account=self.account)
            self.admin, self.other, self.tokens, self.gone = admin, other, {}, []
            record = admin.record
            self.users = f"/accounts/{record['account']['uuid']}/core/v1/users/{record['owner']['uuid']}/tokens"
            self.web = requests.Session()
            self.web.trust_env = False

        def teardown(self):
            if hasattr(self, "web"):
                self.web.close()

        # -- the five dialects, on the wire -----------------------------------------------------------------------------

        def call(self, method, path, expect, scheme="Bearer", secret=None, **options):
            secret = secret or self.admin.secret
            headers = {"Xms-Auth-Token": secret} if scheme == "xms" else {"Authorization": f"{scheme} {secret}"}
            answer = self.web.request(method, sidecar.admin + path, headers=headers, timeout=20, **options)
            assert answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
            return answer.json() if answer.content else None

        def record(self, name):
            """The native view, found by any id."""
            return self.call("GET", f"/admin/v1/tokens/{name}", 200)

        def keep(self, name, secret, form):
            made = Model(self.record(name), secret, form)
            assert made.id not in self.tokens
            self.tokens[made.id] = made
            return made

        def pick(self, data):
            return self.tokens[data.draw(st.sampled_from(list(self.tokens)))]

        # -- creating ---------------------------------------------------------------------------------------------------

        @rule(name=NAMES, description=TEXTS, scopes=SCOPES)
        def create_native(self, name, description, scopes):
            body = {"name": name, "description": description, "scopes": scopes}
            made = self.call("POST", "/admin/v1/tokens", 201, json=body)
            token = self.keep(made["id"], made["secret"], "tg")
            assert (token.name, token.description, token.scopes) == (name, description, scopes)

        @rule(name=NAMES, description=TEXTS, scopes=SCOPES)
        def create_losant(self, name, description, scopes):
            body = {"name": name, "description": description, "scope": scopes}
            made = self.call("POST", "/me/tokens", 201, json=body)
            token = self.keep(made["id"], made["token"], "tg")
            assert (token.name, token.description, token.scopes) == (name, description, scopes)

        @rule(name=NAMES, labels=LABELS)
        def create_astra(self, name, labels):
            body = {"type": "application/astra-token", "version": "1.0", "name": name,
                    "metadata": {"labels": [{"name": key, "value": value} for key, value in labels.items()]}}
            made = self.call("POST", self.users, 201, json=body)
            token = self.keep(made["id"], made["token"], "astra")
            assert (token.name, token.labels, token.scopes) == (name, labels, ["all.User"]), "the caller's own scopes"

        @rule(name=NAMES, description=TEXTS, role=ROLES)
        def create_xms(self, name, description, role):
            taken = name in [token.name for token in self.tokens.values()] + ["admin"]
            body = {"access_token": {"name": name, "description": description, "roles": [role]}}
            made = self.call("POST", "/v1/access-tokens/", 409 if taken else 201, "xms", json=body)
            if not taken:
                token = self.keep(made["access_token"]["id"], made["access_token"]["uuid"], "xms")
                assert (token.name, token.description, token.scopes) == (name, description, [f"xms.role.{role}"])

        @rule(name=NAMES, scopes=SCOPES, personal=st.booleans())
        def create_dynatrace(self, name, scopes, personal):
            body = {"name": name, "scopes": scopes, "personalAccessToken": personal}
            made = self.call("POST", "/api/v2/apiTokens", 201, "Api-Token", json=body)
            token = self.keep(made["id"], made["token"], "dynatrace")
            assert (token.name, token.scopes, token.personal) == (name, scopes, personal)

        # -- changing ---------------------------------------------------------------------------------------------------

        @precondition(lambda self: self.tokens)
        @rule(data=st.data(), name=NAMES, way=st.sampled_from("NLAXD"))
        def rename(self, data, name, way):
            token = self.pick(data)
            # Only XMS keeps names apart, and only where it gives them.
            taken = name in [other.name for other in self.tokens.values() if other is not token]
            if way == "N":
                self.call("PATCH", f"/admin/v1/tokens/{token.id}", 200, json={"name": name})
            elif way == "L":
                self.call("PATCH", f"/me/tokens/{token.hex}", 200, json={"name": name})
            elif way == "A":
                body = {"type": "application/astra-token", "version": "1.0", "name": name}
                self.call("PUT", f"{self.users}/{token.id}", 204, json=body)
            elif way == "X":
                expect = 400 if taken else 200
                self.call("PATCH", f"/v1/access-tokens/{token.serial}", expect, "xms", json={"access_token": {"name": name}})
                name = token.name if taken else name
            else:
                self.call("PUT", f"/api/v2/apiTokens/{token.public}", 204, "Api-Token", json={"name": name})
            token.name = name

        @precondition(lambda self: self.tokens)
        @rule(data=st.data(), enabled=st.booleans(), way=st.sampled_from("NLD"))
        def switch(self, data, enabled, way):
            token = self.pick(data)
            if way == "N":
                self.call("POST", f"/admin/v1/tokens/{token.public}/{'enable' if enabled else 'disable'}", 200)
            elif way == "L":
                status = "active" if enabled else "inactive"
                self.call("PATCH", f"/me/tokens/{token.hex}", 200, json={"status": status})
            else:
                self.call("PUT", f"/api/v2/apiTokens/{token.public}", 204, "Api-Token", json={"enabled": enabled})
            token.enabled = enabled

        @precondition(lambda self: self.tokens)
        @rule(data=st.data(), description=TEXTS, way=st.sampled_from("NL"))
        def describe(self, data, description, way):
            token = self.pick(data)
            path = f"/me/tokens/{token.hex}" if way == "L" else f"/admin/v1/tokens/{token.hex}"
            self.call("PATCH", path, 200, json={"description": description})
            token.description = description

        @precondition(lambda self: self.tokens)
        @rule(data=st.data(), labels=LABELS, way=st.sampled_from("NA"))
        def label(self, data, labels, way):
            token = self.pick(data)
            if way == "N":
                # A merge patch (RFC 7396): null takes a label away.
                patch = {**dict.fromkeys(token.labels), **labels}
                self.call("PATCH", f"/admin/v1/tokens/{token.serial}", 200, json={"labels": patch})
            else:
                listed = [{"name": key, "value": value} for key, value in labels.items()]
                body = {"type": "application/astra-token", "version": "1.0", "metadata": {"labels": listed}}
                self.call("PUT", f"{self.users}/{token.id}", 204, json=body)
            token.labels = labels

        @precondition(lambda self: self.tokens)
        @rule(data=st.data(), scopes=SCOPES, way=st.sampled_from("ND"))
        def grant(self, data, scopes, way):
            token = self.pick(data)
            if way == "N":
                self.call("PATCH", f"/admin/v1/tokens/{token.id}", 200, json={"scopes": scopes})
            else:
                self.call("PUT", f"/api/v2/apiTokens/{token.public}", 204, "Api-Token", json={"scopes": scopes})
            token.scopes = scopes

        @precondition(lambda self: self.tokens)
        @rule(data=st.data(), way=st.sampled_from("NX"))
        def rotate(self, data, way):
            token = self.pick(data)
            before = token.secret
            if way == "N":
                made = self.call("POST", f"/admin/v1/tokens/{token.id}/rotate", 200, json={"overlap_seconds": 0})
                token.secret = made["secret"]
            else:
                made = self.call("POST", f"/v1/access-tokens/{token.serial}:regenerate", 200, "xms")
                token.secret = made["access_token"]["uuid"]
                assert len(token.secret) == 32
            self.dead(before)

        @precondition(lambda self: self.tokens)
        @rule(data=st.data(), way=st.sampled_from("NLAXD"))
        def delete(self, data, way):
            token = self.pick(data)
            if way == "N":
                self.call("DELETE", f"/admin/v1/tokens/{token.hex}", 204)
            elif way == "L":
                assert self.call("DELETE", f"/me/tokens/{token.hex}", 200) == {"success": True}
            elif way == "A":
                self.call("DELETE", f"{self.users}/{token.id}", 204)
            elif way == "X":
                self.call("DELETE", f"/v1/access-tokens/{token.serial}", 204, "xms")
            else:
                self.call("DELETE", f"/api/v2/apiTokens/{token.public}", 204, "Api-Token")
            del self.tokens[token.id]
            self.gone.append(token)
            self.dead(token.secret)

        # -- what must hold ---------------------------------------------------------------------------------------------

        def dead(self, secret):
            self.call("GET", "/v1/token", 401, secret=secret)
            self.call("POST", "/api/v2/apiTokens/lookup", 404, "Api-Token", json={"token": secret})

        @precondition(lambda self: self.tokens)
        @rule(data=st.data())
        def found_by_secret_everywhere(self, data):
            token = self.pick(data)
            found = self.call("POST", "/api/v2/apiTokens/lookup", 200, "Api-Token", json={"token": token.secret})
            assert (found["id"], found["enabled"]) == (token.public, token.enabled)
            if token.enabled:
                path = "/v1/access-tokens:validate"
                found = self.call("POST", path, 200, "xms", params={"subject_access_token": token.secret})
                assert found["access_token"]["id"] == token.serial
                mine = self.call("GET", "/v1/token", 200, secret=token.secret)
                assert (mine["self"], mine["status"]) == (f"/v1/token/{token.id}", "ENABLED")
            else:
                self.call("GET", "/v1/token", 401, secret=token.secret)

        @precondition(lambda self: self.gone)
        @rule(data=st.data())
        def the_gone_are_gone(self, data):
            token = data.draw(st.sampled_from(self.gone))
            self.call("GET", f"/admin/v1/tokens/{token.id}", 404)
            self.call("GET", f"/me/tokens/{token.hex}", 404)
            self.call("GET", f"{self.users}/{token.id}", 404)
            self.call("GET", f"/v1/access-tokens/{token.serial}", 404, "xms")
            self.call("GET", f"/api/v2/apiTokens/{token.public}", 404, "Api-Token")

        @precondition(lambda self: self.tokens)
        @rule(data=st.data())
        def another_owner_sees_nothing(self, data):
            token, secret = self.pick(data), self.other.secret
            self.call("GET", f"/me/tokens/{token.hex}", 404, secret=secret)
            self.call("DELETE", f"/me/tokens/{token.hex}", 404, secret=secret)
            assert self.call("GET", "/me/tokens", 200, secret=secret)["totalCount"] == 1

        @invariant()
        def every_view_shows_the_model(self):
            if not hasattr(self, "tokens"):
                return
            tokens, own = self.tokens.values(), self.admin.record

            listed = self.call("GET", "/me/tokens?perPage=1000", 200)
            assert listed["totalCount"] == len(tokens) + 1
            losant = {item["id"]: item for item in listed["items"] if item["id"] != own["losant_id"]}
            assert {key: (item["name"], item.get("description", ""), item["status"], item["scope"])
                    for key, item in losant.items()} == {
                        token.hex: (token.name, token.description, "active" if token.enabled else "inactive", token.scopes)
                        for token in tokens}

            listed = self.call("GET", f"{self.users}?count=true", 200)
            assert listed["metadata"]["count"] == len(tokens) + 1
            astra = {item["id"]: item for item in listed["items"] if item["id"] != own["id"]}
            assert {key: (item["name"], {label["name"]: label["value"] for label in item["metadata"]["labels"]})
                    for key, item in astra.items()} == {token.id: (token.name, token.labels) for token in tokens}

            listed = self.call("GET", "/v1/access-tokens/", 200, "xms")["access_tokens"]
            assert [item["id"] for item in listed] == sorted(item["id"] for item in listed)
            xms = {item["id"]: item for item in listed if item["id"] != own["serial"]}
            assert {key: (item["name"], item["description"], item["roles"]) for key, item in xms.items()} == {
                token.serial: (token.name, token.description, token.roles) for token in tokens}

            fields = "%2Bscopes,%2BpersonalAccessToken"
            listed = self.call("GET", f"/api/v2/apiTokens?fields={fields}", 200, "Api-Token")
            assert listed["totalCount"] == len(tokens) + 2, "the account's, tom's among them"
            dates = [item["creationDate"] for item in listed["apiTokens"]]
            assert dates == sorted(dates, reverse=True)
            dynatrace = {item["id"]: item for item in listed["apiTokens"] if item["id"] != own["dynatrace_id"]}
            assert dynatrace.pop(self.other.record["dynatrace_id"])["owner"] == "tom"
            assert {key: (item["name"], item["enabled"], item["scopes"], item["personalAccessToken"], item["owner"])
                    for key, item in dynatrace.items()} == {
                        token.public: (token.name, token.enabled, token.scopes, token.personal, "mira") for token in tokens}

            listed = self.call("GET", "/admin/v1/tokens?owner=mira&limit=1000", 200)["tokens"]
            native = {item["id"]: item for item in listed if item["id"] != own["id"]}
            assert {key: (item["name"], item["description"], item["status"], item["scopes"], item["labels"],
                          item["personal"]) for key, item in native.items()} == {
                              token.id: (token.name, token.description, "enabled" if token.enabled else "disabled",
                                         token.scopes, token.labels, token.personal) for token in tokens}

    return Dialects


@pytest.mark.parametrize("steps", [40])
def test_every_view_agrees_with_the_model(vendors, steps):
    """HYPOTHESIS_EXAMPLES=200 looks further; the sequences of a plain run are the same each time."""
    examples = int(os.environ.get("HYPOTHESIS_EXAMPLES", "8"))
    run_state_machine_as_test(machine(vendors), settings=settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=examples <= 8, database=None,
        suppress_health_check=list(HealthCheck)))
