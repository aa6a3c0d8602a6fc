"""The vendors' published JavaScript clients, unmodified: one test per suite of js/ and store.

One suite alone, on one store: pytest tests/clients/test_js.py -k "losant and redis". The suite's own filter goes through the
environment: CLIENTS_ONLY="secret" runs the JavaScript tests whose names match that expression.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ACCOUNT, APPLICATION, INSTANCE, OTHER_APPLICATION
from harness import ROOT, binary

FOLDER = Path(__file__).resolve().parent / "js"
GENERATED = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "clients" / "threatjammer" / "client"
SUITES = sorted(path.name.removesuffix(".test.mjs") for path in FOLDER.glob("*.test.mjs"))
LIMIT = 300.0


def installed(suite):
    """Skips where setup could not install without root; anything else that is absent is a fault."""
    if not shutil.which("node"):
        pytest.skip("needs node: scripts/setup clients")
    assert (FOLDER / "node_modules" / "losant-rest").exists(), "the npm packages are missing: scripts/setup clients"
    if suite in ("threatjammer", "together") and not (GENERATED / "dist" / "index.js").exists():
        if not shutil.which("java"):
            pytest.skip("needs java, to generate the ThreatJammer client: scripts/setup clients")
        raise AssertionError("the ThreatJammer client is not generated: scripts/setup clients")


@pytest.mark.parametrize("suite", SUITES)
def test_suite(vendors, suite):
    installed(suite)
    command = ["node", "--test", "--test-reporter=spec", f"{suite}.test.mjs"]
    if only := os.environ.get("CLIENTS_ONLY"):
        command.insert(2, f"--test-name-pattern={only}")
    given = {"BIN": binary().resolve(), "CONFIG": vendors.config, "ADMIN": vendors.admin, "PROXY": vendors.proxy, "ACCOUNT": ACCOUNT,
             "APPLICATION": APPLICATION, "OTHER_APPLICATION": OTHER_APPLICATION, "INSTANCE": INSTANCE, "THREATJAMMER": GENERATED}
    # Colours and proxies of the caller's shell are not part of the tests.
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy") and name != "FORCE_COLOR"}
    ran = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=LIMIT, check=False,
                         env={**kept, **vendors.env, "NO_COLOR": "1", **{f"CLIENTS_{name}": str(value) for name, value in given.items()}})
    told = re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout + ran.stderr)
    counts = {name: int(count) for name, count in re.findall(r"^\S+ (tests|pass|fail|skipped|cancelled) (\d+)$", told, re.M)}
    if ran.returncode != 0:
        _, border, failing = told.partition("failing tests:")
        pytest.fail(f"{suite} on {vendors.store}: {counts.get('fail', '?')} of {counts.get('tests', '?')} JavaScript tests failed\n"
                    + (failing if border else told)[-20_000:], pytrace=False)
    assert counts.get("pass", 0) > 0 and not counts["skipped"] and not counts["cancelled"], told[-2000:]
