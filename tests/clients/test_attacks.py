"""What somebody with a weak token, or a page in somebody's browser, tries on the admin port."""

import random
import socket
import struct
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from harness import until
from support import Caller, fresh, show

NATIVE = "/admin/v1/tokens"


def native(vendors, caller, method, path="", **options):
    return requests.request(method, f"{vendors.admin}{NATIVE}{path}", timeout=30, headers=caller.token.bearer, **options)


def test_a_token_confined_to_networks_gets_no_secret_that_is_not(vendors):
    confined = Caller(vendors, "admin.read", "admin.write", "things.read", network="127.0.0.1/32")
    free = confined.peer("things.read", name=fresh("free"))
    weak = confined.peer("admin.read", name=fresh("weak"))
    refused = native(vendors, confined, "POST", f"/{free.token.id}/rotate", json={})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:tollgate:problem:forbidden")
    scopes = {"scopes": ["admin.read", "things.read"]}
    assert native(vendors, confined, "PATCH", f"/{weak.token.id}", json=scopes).status_code == 403
    # What grants nothing stays open to it, and so does its own token.
    assert native(vendors, confined, "PATCH", f"/{weak.token.id}", json={"name": "other"}).status_code == 200
    assert native(vendors, confined, "POST", f"/{confined.token.id}/rotate", json={}).status_code == 200


def test_xms_regenerates_no_token_that_works_where_the_caller_does_not(vendors):
    confined = Caller(vendors, "xms.tokens.write", "things.read", network="127.0.0.1/32")
    free = confined.peer("things.read", name=fresh("free"))
    answer = requests.post(f"{vendors.admin}/v1/access-tokens/{free.record['serial']}:regenerate", timeout=30,
                           headers={"Xms-Auth-Token": confined.secret})
    assert (answer.status_code, answer.json()["code"]) == (403, "Forbidden")


def test_no_change_goes_unrecorded_because_its_caller_hangs_up(vendors):
    caller = Caller(vendors, "admin.read", "admin.write")
    token = caller.peer("things.read", name=fresh("victim"))
    begun = int(native(vendors, caller, "GET", f"/{token.token.id}").headers["ETag"].strip('"'))
    address, seed = urlsplit(vendors.admin), random.Random(7)
    for turn in range(150):
        body = b'{"name": "turn-%d"}' % turn
        head = (f"PATCH {NATIVE}/{token.token.id} HTTP/1.1\r\nHost: {address.netloc}\r\n"
                f"Authorization: Bearer {caller.secret}\r\nContent-Length: {len(body)}\r\n\r\n")
        with socket.create_connection((address.hostname, address.port), 10) as link:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.sendall(head.encode() + body)
            # Any moment between reading the record and the answer.
            time.sleep(seed.uniform(0, 0.006))

    def recorded():
        generation = int(native(vendors, caller, "GET", f"/{token.token.id}").headers["ETag"].strip('"'))
        events = native(vendors, caller, "GET", f"/{token.token.id}/activity?limit=1000").json()["events"]
        changes = sum(event["kind"] == "TOKEN_UPDATED" for event in events)
        return changes and generation == begun + changes

    until(recorded, "every generation has its event")


@pytest.mark.parametrize("depth", [65, 120, 126])
def test_nesting_does_not_empty_the_audit_trail_or_break_the_command_line(vendors, depth):
    caller = Caller(vendors, "admin.read", "admin.write", "things.read")
    deep = '{"a":' * depth + "1" + "}" * depth
    answer = requests.post(vendors.admin + NATIVE, data=f'{{"name": "deep", "metadata": {deep}}}', timeout=30,
                           headers=caller.token.bearer)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "metadata")
    token = caller.peer("things.read", name=fresh("token"))
    allowed = '{"a":' * 64 + "1" + "}" * 64
    changed = requests.patch(f"{vendors.admin}{NATIVE}/{token.token.id}", timeout=30, headers=caller.token.bearer,
                             data=f'{{"metadata": {allowed}}}')
    assert changed.status_code == 200
    event = native(vendors, caller, "GET", f"/{token.token.id}/activity").json()["events"][0]
    assert (event["data"]["by"], event["data"]["by_token"]) == (caller.owner, caller.token.id)
    assert show(vendors, token.token.id)["metadata"]["a"]


def test_a_page_of_another_origin_changes_nothing_through_the_cookie(vendors):
    caller = Caller(vendors, "xms.tokens.write", "things.read")
    token = caller.peer("things.read", name=fresh("token"))
    url = f"{vendors.admin}/v1/access-tokens/{token.record['serial']}:regenerate"
    cookie = {"Cookie": f"XMS_AUTH_TOKEN={caller.secret}"}
    for page in ({"Origin": "http://evil.example"}, {"Origin": "http://127.0.0.1:1"}, {"Origin": "null"},
                 {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answer = requests.post(url, headers=cookie | page, timeout=30)
        assert answer.status_code == 401, page
    for page in ({}, {"Origin": vendors.admin}, {"Sec-Fetch-Site": "same-origin", "Origin": "https://proxied.example"}):
        assert requests.post(url, headers=cookie | page, timeout=30).status_code == 200, page
    header = {"Xms-Auth-Token": caller.secret, "Origin": "http://evil.example"}
    assert requests.post(url, headers=cookie | header, timeout=30).status_code == 200


def test_costly_lists_leave_the_sidecar_alive(vendors):
    caller = Caller(vendors, "all.User")
    labels = {f"k{number}".ljust(128, "x"): "v" * 512 for number in range(64)}
    for number in range(60):
        made = native(vendors, caller, "POST", json={"name": f"t{number}", "labels": labels, "scopes": []})
        assert made.status_code == 201
    terms = "&".join(["filter=metadata%20gt%20'A'"] * 64)
    costly = f"{vendors.admin}/accounts/{caller.account_uuid}/core/v1/users/{caller.uuid}/tokens?limit=1&{terms}"
    ended = threading.Event()

    def flood():
        while not ended.is_set():
            assert requests.get(costly, headers=caller.token.bearer, timeout=60).status_code == 200

    flooding = [threading.Thread(target=flood) for _ in range(16)]
    for thread in flooding:
        thread.start()
    try:
        slowest = 0.0
        for _ in range(20):
            begun = time.monotonic()
            assert requests.get(f"{vendors.ops}/live", timeout=30).status_code == 200
            slowest = max(slowest, time.monotonic() - begun)
    finally:
        ended.set()
        for thread in flooding:
            thread.join()
    assert slowest < 3.0


def test_secrets_in_the_wrong_places_stay_out_of_the_activity(vendors):
    caller = Caller(vendors, "all.User")
    made = requests.post(f"{vendors.admin}/v1/access-tokens/", timeout=30, headers={"Xms-Auth-Token": caller.secret},
                         json={"access_token": {"name": fresh("x"), "roles": ["viewer"]}}).json()
    secrets = [made["access_token"]["uuid"], caller.peer("things.read", form="astra").secret,
               caller.peer("things.read").secret]
    for secret in secrets:
        value = requests.utils.quote(secret, safe="")
        for path in (f"/api/v2/apiTokens/{value}", f"{NATIVE}/{value}", f"{NATIVE}?q={value}", f"/me/tokens/{value}",
                     f"{NATIVE}?TOKEN={value}", f"/v1/access-tokens/?Token={value}"):
            requests.get(vendors.admin + path, headers=caller.token.bearer | {"Xms-Auth-Token": caller.secret}, timeout=30)
    seen = until(lambda: (lambda text: text if text.count("***") >= 18 else None)(
        native(vendors, caller, "GET", f"/{caller.token.id}/activity?limit=1000").text), "all calls are recorded")
    for secret in secrets:
        assert secret not in seen and requests.utils.quote(secret, safe="") not in seen
