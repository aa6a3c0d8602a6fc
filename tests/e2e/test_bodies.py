"""Bodies pass both ways as they come: sized, chunked, large, compressed, slow."""

import hashlib
import json
import subprocess
import time

import requests

MEGABYTE = 1 << 20


def test_a_sized_upload(sidecar):
    answer = requests.post(f"{sidecar.proxy}/post", data=b"a=1&b=2", headers={
        **sidecar.token().bearer, "Content-Type": "application/x-www-form-urlencoded"}, timeout=10)
    assert answer.json()["form"] == {"a": "1", "b": "2"}
    assert answer.json()["headers"]["Content-Length"] == "7"


def test_a_chunked_upload(sidecar):
    parts = [b"x" * size for size in (1, 10, 70_000, 3)]
    answer = requests.post(f"{sidecar.proxy}/post", data=iter(parts), headers=sidecar.token().bearer, timeout=10)
    assert answer.json()["data"] == b"".join(parts).decode()


def test_a_large_upload_is_streamed(sidecar):
    """The sidecar's memory must not grow by the body."""
    def resident():
        with open(f"/proc/{sidecar.child.pid}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    before, size = resident(), 50 * MEGABYTE
    block = b"y" * MEGABYTE

    class Body:
        """Sized, but never whole in memory here either."""
        left = size

        def __len__(self):
            return size

        def read(self, wanted=MEGABYTE):
            piece = block[:min(wanted if wanted > 0 else MEGABYTE, self.left, MEGABYTE)]
            self.left -= len(piece)
            return piece

    answer = requests.post(f"{sidecar.proxy}/post", data=Body(), timeout=120, headers={
        **sidecar.token().bearer, "Content-Type": "application/octet-stream"})
    assert answer.status_code == 200
    assert answer.json()["headers"]["Content-Length"] == str(size)
    assert resident() - before < 25 * MEGABYTE


def test_compressed_answers_are_not_touched(sidecar):
    headers = {**sidecar.token().bearer, "Accept-Encoding": "gzip"}
    with requests.get(f"{sidecar.proxy}/gzip", headers=headers, stream=True, timeout=10) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        raw = answer.raw.read(decode_content=False)
    assert raw[:2] == b"\x1f\x8b" and len(raw) == int(answer.headers["Content-Length"])
    assert requests.get(f"{sidecar.proxy}/gzip", headers=headers, timeout=10).json()["gzipped"] is True


def test_a_large_answer_arrives_whole(sidecar, httpbin):
    direct = requests.get(f"http://127.0.0.1:{httpbin.port}/range/100000", timeout=10).content
    through = sidecar.get("/range/100000", headers=sidecar.token().bearer).content
    assert hashlib.sha256(through).digest() == hashlib.sha256(direct).digest() and len(through) == 100_000


def test_a_chunked_answer_arrives_line_by_line(sidecar):
    answer = sidecar.get("/stream/20", headers=sidecar.token().bearer)
    assert answer.headers.get("Transfer-Encoding") == "chunked"
    assert [json.loads(line)["id"] for line in answer.text.splitlines()] == list(range(20))


def test_a_slow_answer_is_not_held_back(sidecar):
    started = time.monotonic()
    with requests.get(f"{sidecar.proxy}/drip?duration=2&numbytes=4&delay=0", headers=sidecar.token().bearer, stream=True,
                      timeout=20) as answer:
        arrivals = [time.monotonic() - started for _ in answer.iter_content(1)]
    assert len(arrivals) == 4
    assert arrivals[0] < arrivals[-1] - 0.9, f"the first byte came with the last: {arrivals}"


def test_head_has_no_body(sidecar):
    answer = requests.head(f"{sidecar.proxy}/get", headers=sidecar.token().bearer, timeout=10)
    assert answer.status_code == 200 and answer.content == b""
    assert int(answer.headers["Content-Length"]) > 0


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "--max-time", "20", *arguments], capture_output=True, text=True, check=True)


def test_expect_continue(sidecar, tmp_path):
    """curl waits for the 100 before it sends; it says on stderr what it got."""
    body = tmp_path / "body"
    body.write_bytes(b"z" * 200_000)
    ran = curl("-v", "-H", "Expect: 100-continue", "--expect100-timeout", "15", "-H",
               f"Authorization: Bearer {sidecar.token().secret}", "-H", "Content-Type: text/plain",
               "--data-binary", f"@{body}", f"{sidecar.proxy}/post")
    assert "HTTP/1.1 100 Continue" in ran.stderr
    assert len(json.loads(ran.stdout)["data"]) == 200_000


def test_expect_continue_of_a_refused_call_sends_no_body(sidecar, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(b"z" * 200_000)
    ran = curl("-v", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "-H", "Expect: 100-continue",
               "--expect100-timeout", "15", "--data-binary", f"@{body}", f"{sidecar.proxy}/post")
    assert "100 Continue" not in ran.stderr
    assert ran.stdout == "401 0"


def test_curl_reuses_the_connection(sidecar):
    token = sidecar.token()
    ran = curl("-v", "-o", "/dev/null", "-o", "/dev/null", "-H", f"Authorization: Bearer {token.secret}",
               f"{sidecar.proxy}/get", f"{sidecar.proxy}/get")
    assert "Re-using existing connection" in ran.stderr
