"""schemathesis against `/openapi.json` of the admin port: what the document says is what the port does.

Each dialect is run with its own form of credential, with bounded time and a fixed seed.
"""

import re
import subprocess
import sys

import pytest

from support import Caller, ask, fresh

BEARER = "Authorization: Bearer {}"
# Paths of each dialect in the document, how its callers present a secret, and the seconds that its run takes.
DIALECTS = {
    "losant": (r"^/(me|applications/\{[^/]+\}|instances/\{[^/]+\})/tokens", BEARER, 20),
    "astra": (r"^/accounts/", BEARER, 15),
    "xms": (r"^(/api)?/v1/access-tokens", "Xms-Auth-Token: {}", 12),
    "dynatrace": (r"^(/e/\{[^/]+\}/api|/platform/classic/environment-api|/api)/v2/apiTokens", "Authorization: Api-Token {}", 20),
    "threatjammer": (r"^/(v1/token|test)", BEARER, 6),
    "native": (r"^/admin/v1", BEARER, 12),
}
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "ignored_auth", "unsupported_method")
EXAMPLES = 15


def document(vendors):
    answer = ask(vendors, "GET", "/openapi.json")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/json")
    found = answer.json()
    assert found["openapi"].startswith("3.1.")
    return found


def paths(vendors, dialect):
    return [path for path in document(vendors)["paths"] if re.search(DIALECTS[dialect][0], path)]


def test_every_path_belongs_to_one_dialect(vendors):
    """So that a path that is added is also run below; the paths of the document and of its own service aside."""
    for path in document(vendors)["paths"]:
        owners = [name for name, (pattern, *_) in DIALECTS.items() if re.search(pattern, path)]
        assert len(owners) == 1 or path.startswith(("/openapi", "/console", "/ui")) or path == "/", f"{path}: {owners}"


@pytest.mark.parametrize("dialect, operations", [
    ("losant", 15), ("astra", 10), ("xms", 7), ("dynatrace", 6), ("threatjammer", 2),
    ("native", 14)])
def test_every_operation_is_described(vendors, dialect, operations):
    methods = ("get", "post", "put", "patch", "delete")
    described = document(vendors)["paths"]
    found = [(method, path) for path in paths(vendors, dialect) for method in methods if method in described[path]]
    assert len(found) >= operations, found
    for method, path in found:
        operation = described[path][method]
        assert operation["operationId"] and operation["responses"] and (operation.get("security") or document(vendors).get("security"))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_port_does_what_the_document_says(vendors, dialect, tmp_path):
    assert paths(vendors, dialect)
    # An account of its own, so that what is made and deleted is nobody else's. The native interface takes serial numbers, which
    # are easily hit: its caller stays inside that account, behind tokens that may be.
    account = fresh("schema")
    if dialect == "native":
        for _ in range(12):
            vendors.token("things.read", account=account)
    caller = Caller(vendors, "all.User" if dialect == "native" else "all.admin", account=account)
    pattern, header, seconds = DIALECTS[dialect]
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{vendors.admin}/openapi.json", "--url", vendors.admin,
        "--include-path-regex", pattern, "--header", header.format(caller.secret), "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--max-time", seconds, "--seed", 1,
        "--generation-database", "none", "--suppress-health-check", "all", "--request-timeout", 10, "--no-shrink",
        "--continue-on-failure", "--warnings", "off", "--no-color"]
    ran = subprocess.run([str(part) for part in command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    told = (ran.stdout + ran.stderr).replace(caller.secret, "SECRET")
    assert ran.returncode == 0, told[-8000:]
    selected, tested = (re.search(rf"{word}: (\d+)", told) for word in ("Selected", "Tested"))
    assert re.search(r"[1-9]\d* generated", told) and selected and tested, f"nothing was tried:\n{told[-3000:]}"
    assert int(tested[1]) >= int(selected[1]), f"the seconds do not suffice for every operation:\n{told[-3000:]}"
    ready = vendors.get("/stream/1", headers=vendors.token("things.read", account=account).bearer)
    assert ready.status_code == 200, "the sidecar still serves"
