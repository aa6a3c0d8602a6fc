"""Fixtures: one upstream and one sidecar per store for the whole run; tests that break things start their own."""

import pytest

from harness import Httpbin, Redis, Sidecar


@pytest.fixture(scope="session")
def httpbin(tmp_path_factory):
    process = Httpbin(tmp_path_factory.mktemp("httpbin"))
    yield process
    process.stop()


@pytest.fixture(scope="session", params=["embedded", "redis"])
def sidecar(request, tmp_path_factory, httpbin):
    """Shared by all tests that only use it; each makes its own tokens."""
    folder = tmp_path_factory.mktemp(request.param)
    redis = Redis(folder) if request.param == "redis" else None
    process = Sidecar(folder, redis and f"redis://127.0.0.1:{redis.port}", httpbin.port)
    yield process
    process.stop()
    if redis:
        redis.stop()


@pytest.fixture(params=["embedded", "redis"])
def own(request, tmp_path, httpbin):
    """Makes a sidecar of the test's own: `own(in_proxy=...)`; `.redis` is its store's process, or None."""
    started = []

    def make(**options):
        redis = Redis(tmp_path) if request.param == "redis" else None
        if redis:
            started.append(redis)
        process = Sidecar(tmp_path, redis and f"redis://127.0.0.1:{redis.port}", httpbin.port, **options)
        process.redis = redis
        started.append(process)
        return process

    yield make
    for process in reversed(started):
        process.stop()
