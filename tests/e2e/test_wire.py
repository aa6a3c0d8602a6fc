"""Raw bytes on a socket: pipelining, slow heads, framing that must not pass."""

import time

import pytest

from harness import answers, closed


def head(path, token, more="", method="GET"):
    return f"{method} {path} HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer {token.secret}\r\n{more}\r\n".encode()


def test_pipelined_requests_are_answered_in_order(sidecar):
    token = sidecar.token("things.read")
    with sidecar.raw() as link:
        link.sendall(b"".join(head(f"/anything/{n}", token) for n in range(5)))
        found = answers(link, 5)
    assert [status for status, _, _ in found] == [200] * 5
    for number, (_, _, body) in enumerate(found):
        assert f"/anything/{number}\"".encode() in body


def test_a_refused_request_does_not_disturb_the_next(sidecar):
    token, other = sidecar.token("things.read"), sidecar.token("other.read")
    with sidecar.raw() as link:
        link.sendall(head("/anything/a", other) + head("/anything/b", token))
        assert [status for status, _, _ in answers(link, 2)] == [403, 200]


def test_an_unread_body_is_never_taken_for_a_request(sidecar):
    """A refused upload: the connection closes, or the body is skipped; its bytes are not answered as a request."""
    token = sidecar.token("things.read")
    hidden = head("/anything/hidden", token)
    with sidecar.raw() as link:
        link.sendall(b"POST /anything HTTP/1.1\r\nHost: t\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden)
        link.shutdown(1)
        assert b"hidden" not in closed(link)


def test_a_slow_head_is_cut(own):
    sidecar = own(in_proxy='head_timeout = "300ms"')
    for sent in (b"", b"GET /anything HTTP/1.1\r\nHost: t\r\n"):
        with sidecar.raw() as link:
            started = time.monotonic()
            link.sendall(sent)
            closed(link)
            assert time.monotonic() - started < 5, f"after {sent!r}"


def test_a_large_head_is_431(sidecar):
    token = sidecar.token("things.read")
    with sidecar.raw() as link:
        link.sendall(head("/anything", token, f"X-Big: {'a' * 40_000}\r\n"))
        assert closed(link).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize("more", [
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: +5\r\n", "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: xchunked\r\n",
    "Host: second\r\n", " folded: 1\r\n", "X-Nul: a\x00b\r\n", "Bad Name: 1\r\n"])
def test_smuggling_shapes_are_refused(sidecar, more):
    token = sidecar.token("things.read")
    with sidecar.raw() as link:
        link.sendall(head("/anything", token, more, "POST") + b"0\r\n\r\nGET /anything/smuggled HTTP/1.1\r\nHost: t\r\n\r\n")
        link.shutdown(1)
        got = closed(link)
    assert got.startswith(b"HTTP/1.1 400") or got == b"", got[:200]
    assert b"smuggled" not in got


def test_a_repeated_authorization_field_is_refused(sidecar):
    token = sidecar.token("things.read")
    with sidecar.raw() as link:
        link.sendall(head("/anything", token, f"Authorization: Bearer {token.secret}\r\n"))
        assert answers(link, 1)[0][0] == 400


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_are_no_business_of_a_proxy_of_this_kind(sidecar, method):
    token = sidecar.token("things.read")
    with sidecar.raw() as link:
        link.sendall(head("/anything" if method == "TRACE" else "127.0.0.1:1", token, method=method))
        assert answers(link, 1)[0][0] == 405


def test_an_absolute_target_does_not_choose_the_upstream(sidecar):
    token = sidecar.token("things.read")
    with sidecar.raw() as link:
        link.sendall(head("http://elsewhere.test/anything/x", token))
        status, _, body = answers(link, 1)[0]
    assert status == 400 or (status == 200 and b"/anything/x" in body)


def test_http_1_0(sidecar):
    token = sidecar.token("things.read")
    with sidecar.raw() as link:
        link.sendall(f"GET /anything HTTP/1.0\r\nHost: t\r\nAuthorization: Bearer {token.secret}\r\n\r\n".encode())
        got = closed(link)
    assert b" 200 " in got.split(b"\r\n", 1)[0] and b"transfer-encoding" not in got.lower().split(b"\r\n\r\n")[0]
