"""What the suites of the vendors' Python clients share: who calls, and how each client is pointed at the sidecar."""

import json
import os
import re
import subprocess
import threading
import tomllib
import uuid

import requests

from harness import ROOT

MILLIS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
XMS_SECRET = re.compile(r"[0-9a-f]{32}")
DYNATRACE_SECRET = re.compile(r"dt0c01\.[A-Z2-7]{24}\.[A-Z2-7]{64}")


def fresh(word):
    """A name that no other test has."""
    return f"{word}-{uuid.uuid4().hex[:12]}"


def known(vendors):
    """The configured users by name, each with the fields of its table, and `account` of the one account with environments."""
    config = tomllib.loads(vendors.config.read_text())
    users = {user["name"]: user for user in config["user"]}
    account = next(one for one in config["account"] if one.get("environments"))
    return users, account


class Caller:
    """A token made by the command line, and the names that the dialects have for its owner and account."""

    def __init__(self, vendors, *scopes, owner=None, account=None, **options):
        options.setdefault("name", fresh("caller"))
        account = account or known(vendors)[1]["name"]
        self.token = vendors.token(*(scopes or ("all.User",)), owner=owner or fresh("owner"), account=account, **options)
        self.vendors, self.secret, self.record = vendors, self.token.secret, self.token.record
        self.owner, self.account = self.record["owner"]["name"], self.record["account"]["name"]
        self.uuid, self.number, self.hex = (self.record["owner"][name] for name in ("uuid", "number", "hex"))
        self.account_uuid = self.record["account"]["uuid"]

    def peer(self, *scopes, **options):
        """Another token of the same owner."""
        return Caller(self.vendors, *scopes, **{"owner": self.owner, "account": self.account, **options})


def show(vendors, identity):
    """The record as the command line tells it."""
    return json.loads(vendors.cli("token", "show", identity, "--json"))


def passes(vendors, secret, path="/anything"):
    """The status that the proxy port gives to a bearer of `secret`."""
    return vendors.get(path, headers={"Authorization": f"Bearer {secret}"}).status_code


def ask(vendors, method, path, **options):
    """A request below the clients' level, for headers and shapes that they hide or cannot send."""
    options.setdefault("timeout", 20)
    return requests.request(method, vendors.admin + path, **options)


def no_secret(text, *secrets):
    for secret in secrets:
        assert secret not in text, "a secret is in the text"


class Astra:
    """actoolkit's SDKCommon in its own environment, one process for one SDK object and so for one session."""

    def __init__(self, vendors, caller, account=None, secret=None):
        self.account, self.user = account or caller.account_uuid, caller.uuid
        self.base = f"{vendors.admin}/accounts/{self.account}/"
        secret = caller.secret if secret is None else secret
        python = os.environ.get("ASTRA_PYTHON") or ROOT / ".venv-astra" / "bin" / "python"
        assert os.path.exists(python), f"{python} does not exist; run: scripts/setup clients"
        self.child = subprocess.Popen(
            [str(python), str(ROOT / "tests" / "clients" / "astra_worker.py"), self.base,
             vendors.admin.removeprefix("http://"), self.account],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.say({"headers": {"Authorization": f"Bearer {secret}"} if secret else {}})

    def say(self, order):
        watchdog = threading.Timer(60, self.child.kill)
        watchdog.start()
        try:
            self.child.stdin.write(json.dumps(order) + "\n")
            self.child.stdin.flush()
            line = self.child.stdout.readline()
        finally:
            watchdog.cancel()
        assert line, f"the worker ended while it did {order}"
        return json.loads(line)

    def close(self):
        self.child.stdin.close()
        self.child.stdout.close()
        self.child.wait(20)

    def path(self, *tail, user=None, group=None):
        middle = f"groups/{group}/" if group else ""
        return "/".join([f"core/v1/{middle}users/{user or self.user}/tokens", *tail])

    def call(self, method, path=None, data=None, params=None, headers=None, **options):
        """`apicall`: an answer with status, headers, text, json and the calls that went out for it."""
        told = self.say({"call": {"method": method, "url": self.base + (path or self.path()), "data": data or {},
                                  "params": params or {}, "headers": headers or {}, **options}})
        assert "exit" not in told, f"the SDK gave up: {told['exit']}"
        return Answer(told)

    JSON = {"accept": "application/astra-token+json", "Content-Type": "application/astra-token+json"}
    BODY = {"type": "application/astra-token", "version": "1.0"}

    def create(self, name, /, user=None, group=None, **members):
        return self.call("post", self.path(user=user, group=group), {**self.BODY, "name": name, **members}, {}, self.JSON)

    def list(self, user=None, group=None, **params):
        return self.call("get", self.path(user=user, group=group), {}, params)

    def get(self, token, /, user=None, group=None, headers=None, **params):
        return self.call("get", self.path(token, user=user, group=group), {}, params, headers)

    def put(self, token, /, user=None, group=None, headers=None, params=None, **members):
        return self.call("put", self.path(token, user=user, group=group), {**self.BODY, **members}, params,
                         {**self.JSON, **(headers or {})})

    def delete(self, token, /, user=None, group=None, **params):
        return self.call("delete", self.path(token, user=user, group=group), dict(self.BODY), params, self.JSON)


class Answer:
    """What `apicall` returned."""

    def __init__(self, told):
        self.status, self.text, self.printed = told["status"], told["text"], told["printed"]
        self.sent, self.connections = told["sent"], told["connections"]
        self.headers = requests.structures.CaseInsensitiveDict(told["headers"])

    @property
    def json(self):
        return json.loads(self.text)

    def problem(self, number, status):
        """Asserts that this is problem `number` in its whole form, and returns it."""
        assert self.status == status, self.text
        assert self.headers["Content-Type"].split(";")[0] == "application/problem+json"
        found = self.json
        assert found["type"] == f"https://astra.netapp.io/problems/{number}", self.text
        assert found["status"] == str(status)
        assert found["title"] == TITLES[number]
        assert isinstance(found["detail"], str) and found["detail"]
        assert found["correlationID"]
        return found


TITLES = {
    1: "Resource not found", 2: "Collection not found", 3: "Missing bearer token", 4: "Invalid bearer token",
    5: "Invalid query parameters", 6: "Query parameters not supported", 7: "Invalid JSON payload",
    8: "Invalid JSON resource", 9: "Invalid JSON resource", 10: "JSON resource conflict", 11: "Operation not permitted",
    12: "Invalid headers", 14: "Unauthorized access", 32: "Unsupported content type", 38: "Precondition not met",
}


def losant(vendors, secret, base=""):
    """losant-rest's client."""
    from losant_rest import Client
    return Client(auth_token=secret, url=vendors.admin + base)


def dynatrace(vendors, secret, base="", **options):
    """dt's client."""
    from dynatrace import Dynatrace
    return Dynatrace(vendors.admin + base, secret, timeout=20, **options)


def xms(vendors, secret=None, base="/v1", cookie=None, prefix=None, **keys):
    """xms-client's AccessTokensApi; `secret` goes into the usual header, `keys` name the other places."""
    import xms_hook  # noqa: F401
    import xms_client
    configuration = xms_client.Configuration()
    configuration.host = vendors.admin + base
    configuration.api_key = {key.replace("__", "-"): value for key, value in keys.items()}
    configuration.api_key_prefix = {}
    if secret is not None:
        configuration.api_key["Xms-Auth-Token"] = secret
    if prefix:
        configuration.api_key_prefix = {key: prefix for key in configuration.api_key}
    return xms_client.AccessTokensApi(xms_client.ApiClient(configuration, cookie=cookie))


def xms_token(name, roles=("viewer",), description=None):
    """The body of create_access_token."""
    import xms_hook  # noqa: F401
    import xms_client
    record = xms_client.AccessTokenCreateReqAccessToken(name=name, roles=list(roles), description=description)
    return xms_client.AccessTokenCreateReq(access_token=record)
