"""One sidecar per store for the vendors' published clients, on the harness of the end-to-end tests."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import Httpbin, Redis, Sidecar  # noqa: E402

ACCOUNT, ENVIRONMENT = "acme", "abc12345"
ACCOUNT_UUID = "3f0c7a52-6d1e-4b8a-9c55-0a1b2c3d4e5f"
MIRA_UUID = "8d4e2b16-70f3-4c59-a1de-53b7c0e9f264"
TOM_UUID = "c51b9f07-2a84-4e3d-b6f0-19d8e7a4c302"
ROOT_UUID = "1e7a5c90-84bd-4f26-93ca-d05f6b2e8a71"
GROUP_UUID = "5b2d8e44-1f9c-4a07-8e63-7c0a9d3f6b15"
MIRA_HEX, TOM_HEX, ROOT_HEX = "5e9f10aa44c0de0011223344", "5e9f10aa44c0de0011223355", "5e9f10aa44c0de0011223366"
MIRA_NUMBER, TOM_NUMBER, ROOT_NUMBER = 3, 4, 1
APPLICATION, INSTANCE = "575ec8687ae143cd83dc4a97", "59a1c0f3b2d4e67788990011"
OTHER_APPLICATION = "575ec8687ae143cd83dc4a98"

# What the vendors call a user, a group, an application or an environment is pinned to names of ours.
PEOPLE = f"""
[plan.vendor]
minute = {{ size = 3_000, refill_per_second = 10 }}
month = {{ size = 5_000, anchor = "token-start" }}

[plan.single]
minute = {{ size = 1, refill_per_second = 0.05 }}

[[route]]
name = "own-token"
path = "/v1/token"
serve = "token-self"

[[account]]
name = "{ACCOUNT}"
uuid = "{ACCOUNT_UUID}"
environments = ["{ENVIRONMENT}"]

[[user]]
name = "mira"
account = "{ACCOUNT}"
number = {MIRA_NUMBER}
hex = "{MIRA_HEX}"
uuid = "{MIRA_UUID}"
groups = ["{GROUP_UUID}"]
scopes = ["things.read"]

[[user]]
name = "tom"
account = "{ACCOUNT}"
number = {TOM_NUMBER}
hex = "{TOM_HEX}"
uuid = "{TOM_UUID}"
groups = ["{GROUP_UUID}"]
scopes = ["things.read", "extras.*"]

[[user]]
name = "root"
account = "{ACCOUNT}"
number = {ROOT_NUMBER}
hex = "{ROOT_HEX}"
uuid = "{ROOT_UUID}"
scopes = ["all.User"]

[[user]]
name = "application:{APPLICATION}"
account = "{ACCOUNT}"
hex = "{APPLICATION}"

[[user]]
name = "application:{OTHER_APPLICATION}"
account = "{ACCOUNT}"
hex = "{OTHER_APPLICATION}"

[[user]]
name = "instance:{INSTANCE}"
account = "{ACCOUNT}"
hex = "{INSTANCE}"
"""


# How long a request waits for the store is not the matter of these tests, and their machine may be busy.
PATIENT = {"TOLLGATE_STORE__TIMEOUT": "10s"}


@pytest.fixture(scope="session")
def httpbin(tmp_path_factory):
    process = Httpbin(tmp_path_factory.mktemp("httpbin"))
    yield process
    process.stop()


@pytest.fixture(scope="session", params=["embedded", "redis"])
def vendors(request, tmp_path_factory, httpbin):
    """A sidecar that knows PEOPLE, its limits out of the way; `.token(...)` mints by the command line. Each test makes its
    own tokens, and its own account (`account="..."`) where it counts what is there."""
    folder = tmp_path_factory.mktemp(request.param)
    redis = Redis(folder) if request.param == "redis" else None
    process = Sidecar(folder, redis and f"redis://127.0.0.1:{redis.port}", httpbin.port,
                      throttle="{ size = 1_000_000, refill_per_second = 1_000_000 }",
                      in_admin="limit = { size = 1_000_000, refill_per_second = 1_000_000 }", extra=PEOPLE, env=PATIENT)
    process.store = request.param
    yield process
    process.stop()
    if redis:
        redis.stop()
