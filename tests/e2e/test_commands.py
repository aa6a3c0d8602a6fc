"""The token commands while `run` holds the store, and `check`."""

import json
import os
import stat
import subprocess

import pytest

from harness import binary, objects, until


def shown(sidecar, token_id):
    return objects(sidecar.cli("token", "show", token_id, "--json"))[0]


def status_of(sidecar, secret):
    return sidecar.get("/anything", headers={"Authorization": f"Bearer {secret}"}).status_code


def test_create_show_list(sidecar):
    token = sidecar.token("things.read", "extras.*", name="of-ann", owner="ann", account="acme", plan="tiny", label="team=a")
    record = shown(sidecar, token.id)
    assert "secret" not in record
    assert (record["name"], record["plan"], record["status"]) == ("of-ann", "tiny", "enabled")
    assert record["owner"]["name"] == "ann" and record["account"]["name"] == "acme"
    assert sorted(record["scopes"]) == ["extras.*", "things.read"]
    assert record["labels"] == {"team": "a"}
    listed = {record["id"] for record in objects(sidecar.cli("token", "list", "--json"))}
    assert token.id in listed
    assert token.secret not in sidecar.cli("token", "show", token.id)


def test_disable_enable_revoke_take_effect_at_once(sidecar):
    token = sidecar.token("things.read")
    assert status_of(sidecar, token.secret) == 200
    for command, status in (("disable", 401), ("enable", 200), ("revoke", 401)):
        sidecar.cli("token", command, token.id)
        # Embedded: true when the command returns. Redis: pushed; one second is the promise.
        until(lambda expected=status: status_of(sidecar, token.secret) == expected, f"{command} holds", 1.0)
    assert token.id not in sidecar.cli("token", "list", "--json"), "revoke is delete"


def test_rotate(sidecar):
    token = sidecar.token("things.read")
    assert status_of(sidecar, token.secret) == 200
    rotated = objects(sidecar.cli("token", "rotate", token.id, "--json"))[0]
    assert rotated["id"] == token.id and rotated["secret"] != token.secret
    assert status_of(sidecar, rotated["secret"]) == 200


def test_lookup(sidecar):
    token = sidecar.token("things.read")
    found = objects(sidecar.cli("token", "lookup", "--json", given=token.secret + "\n"))[0]
    assert found["id"] == token.id and token.secret not in json.dumps(found)


def test_import_by_value_works_unchanged(sidecar, tmp_path):
    foreign = f"{os.urandom(16).hex()}"
    listing = tmp_path / "foreign.jsonl"
    listing.write_text(json.dumps({"secret": foreign, "name": "foreign", "owner": "ann", "scopes": ["things.read"]}) + "\n")
    made = objects(sidecar.cli("token", "import", listing, "--json"))
    assert len(made) == 1 and foreign not in json.dumps(made)
    assert status_of(sidecar, foreign) == 200


@pytest.mark.parametrize("form, shape", [("tg", "tg_"), ("xms", ""), ("dynatrace", "dt0c01."), ("astra", "")])
def test_forms(sidecar, form, shape):
    token = sidecar.token("things.read", form=form)
    assert token.secret.startswith(shape)
    assert form != "xms" or len(bytes.fromhex(token.secret)) == 16
    assert status_of(sidecar, token.secret) == 200


def test_unknown_ids_and_bad_words_are_told(sidecar):
    sidecar.cli("token", "show", "no-such-token", status=1)
    sidecar.cli("token", "create", "--name", "x", "--scope", "not a scope", status=1)


def test_the_data_directory_is_private(sidecar):
    assert stat.S_IMODE(sidecar.data.stat().st_mode) == 0o700
    for path in sidecar.data.rglob("*"):
        if not path.is_dir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_check_names_every_mistake_with_its_place(sidecar, tmp_path):
    sidecar.cli("check")
    bad = tmp_path / "bad.toml"
    bad.write_text('[proxy]\nlisten = "nowhere"\nworkerz = 1\n')
    ran = subprocess.run([binary(), "check", "--config", bad], capture_output=True, text=True, timeout=20, check=False)
    told = ran.stdout + ran.stderr
    assert ran.returncode == 64
    assert f"{bad}:2:" in told and f"{bad}:3:" in told and "workerz" in told


def run(*arguments, **env):
    return subprocess.run([binary(), *arguments], capture_output=True, text=True, timeout=20, check=False,
                          env={**os.environ, **env})


def test_environment_overrides_the_file(sidecar):
    """Names without a double underscore are never read: orchestrators inject TOLLGATE_PORT and the like."""
    check = ("check", "--config", sidecar.config)
    assert run(*check, TOLLGATE_PORT="tcp://10.0.0.1:80", TOLLGATE_ADMIN__LISTEN="127.0.0.1:1").returncode == 0
    ran = run(*check, TOLLGATE_ADMIN__LISTEN="nowhere")
    assert ran.returncode == 64 and "TOLLGATE_ADMIN__LISTEN" in ran.stdout + ran.stderr


def test_completions_are_a_script_of_the_shell():
    ran = run("completions", "bash")
    assert ran.returncode == 0 and "tollgate" in ran.stdout
    subprocess.run(["bash", "-n"], input=ran.stdout, text=True, check=True)


def test_rotate_without_overlap_ends_the_old_secret(sidecar):
    token = sidecar.token("things.read")
    sidecar.cli("token", "rotate", token.id, "--overlap", "0", "--json")
    until(lambda: status_of(sidecar, token.secret) == 401, "the old secret is refused", 1.0)
