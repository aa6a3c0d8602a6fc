"""schemathesis against `/openapi.json` of the admin port: what the document says is what the port does.

Each dialect is run with its own form of credential, with bounded time and a fixed seed.
"""

import re
import subprocess
import sys

import pytest

from support import Caller, ask, fresh

# Paths of each dialect in the document, and how its callers present a secret.
DIALECTS = {
    "losant": (r"^/(me|applications/\{[^/]+\}|instances/\{[^/]+\})/tokens", "Authorization: Bearer {}"),
    "astra": r"^/accounts/",
    "xms": (r"^(/api)?/v1/access-tokens", "Xms-Auth-Token: {}"),
    "dynatrace": (r"^(/e/\{[^/]+\}|/platform/classic/environment-api|/api)(/api)?/v2/apiTokens", "Authorization: Api-Token {}"),
    "threatjammer": r"^/v1/(token|test)",
    "native": r"^/admin/v1",
}
DIALECTS = {name: row if isinstance(row, tuple) else (row, "Authorization: Bearer {}") for name, row in DIALECTS.items()}
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "ignored_auth", "unsupported_method")
SECONDS, EXAMPLES = 12, 15


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
        owners = [name for name, (pattern, _) in DIALECTS.items() if re.search(pattern, path)]
        assert len(owners) == 1 or path.startswith(("/openapi", "/console", "/ui")) or path == "/", f"{path}: {owners}"


@pytest.mark.parametrize("dialect, operations", [
    ("losant", 15), ("astra", 10), ("xms", 7), ("dynatrace", 6), ("threatjammer", 2)])
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
    if dialect == "native" and not paths(vendors, dialect):
        pytest.skip("the document has no native interface")
    assert paths(vendors, dialect)
    # An account of its own: what the run makes and deletes is nobody else's.
    caller = Caller(vendors, "all.admin", account=fresh("schema"))
    pattern, header = DIALECTS[dialect]
    command = [
        sys.executable, "-m", "schemathesis.cli", "run", f"{vendors.admin}/openapi.json", "--url", vendors.admin,
        "--include-path-regex", pattern, "--header", header.format(caller.secret), "--checks", ",".join(CHECKS),
        "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--max-time", SECONDS, "--seed", 1,
        "--generation-database", "none", "--suppress-health-check", "all", "--request-timeout", 10, "--no-shrink",
        "--continue-on-failure", "--warnings", "off", "--no-color"]
    ran = subprocess.run([str(part) for part in command], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    told = (ran.stdout + ran.stderr).replace(caller.secret, "SECRET")
    assert ran.returncode == 0, told[-8000:]
    assert re.search(r"[1-9]\d* (generated|passed|cases?)", told) or "No issues found" in told, f"nothing was tried:\n{told[-3000:]}"
    ready = vendors.get("/stream/1", headers={"Authorization": f"Bearer {caller.secret}"})
    assert ready.status_code == 200, "the sidecar still serves"
