"""Activity while the store is away: every event arrives once, in order, and none is missing."""

import json
import signal
import threading
import time

import pytest
import requests

from harness import LOCAL, Redis, until

KEEP_ALL = "[activity]\nper_token = 1_000_000\n"


class Load:
    """Calls at a steady rate from a few threads, each with a token of its own and numbered paths."""

    def __init__(self, sidecar, tokens, rate):
        self.sidecar, self.tokens, self.pause = sidecar, tokens, len(tokens) / rate
        self.answered = {token.id: [] for token in tokens}
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.calls, args=(token,)) for token in tokens]

    def calls(self, token):
        number, due = 0, time.monotonic()
        session = requests.Session()
        while not self.ended.is_set():
            number += 1
            try:
                answer = session.get(f"{self.sidecar.proxy}/down/{number}", headers=token.bearer, timeout=10)
            except requests.RequestException:
                session = requests.Session()
            else:
                # The route's upstream is not there: 502 is its answer, and an event like any other.
                if answer.status_code == 502:
                    self.answered[token.id].append(number)
            due += self.pause
            self.ended.wait(max(0, due - time.monotonic()))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def total(self):
        return sum(map(len, self.answered.values()))

    def more(self, count):
        """Waits until so many further calls have been answered."""
        goal = self.total() + count
        until(lambda: self.total() >= goal, f"{count} more calls are answered", 60)


def numbers(sidecar, token):
    """The numbers of a token's recorded calls, oldest first."""
    events = [json.loads(line) for line in sidecar.cli("activity", "export", "--token", token.id).splitlines()]
    assert not [event for event in events if event["event"] == "ACTIVITY_GAP"], "nothing was lost"
    return [int(event["uri"].rsplit("/", 1)[1]) for event in reversed(events) if event["uri"].startswith("/down/")]


def replayed(sidecar):
    """Whether nothing waits any more."""
    metrics = sidecar.metrics()
    return "\ntollgate_activity_spool_bytes 0\n" in metrics and "\ntollgate_activity_events_queued 0\n" in metrics


def each_once_in_order(sidecar, load, exactly=True):
    until(lambda: replayed(sidecar), "the spool is replayed", 60)

    def all_there():
        missing = []
        for token in load.tokens:
            recorded, answered = numbers(sidecar, token), load.answered[token.id]
            assert recorded == sorted(set(recorded)), "once and in order"
            missing += sorted(set(answered) - set(recorded))
        # The last ones may be on their way yet: a thread hands its buffer over every 50 ms.
        assert not missing or not exactly or time.monotonic() < deadline, missing[:20]
        return not missing or not exactly

    deadline = time.monotonic() + 10
    until(all_there, "every event is there", 20)


@pytest.fixture
def redis(tmp_path):
    """Redis processes of the test's own, one after the other on one port."""
    class Server:
        def __init__(self):
            self.process = Redis(tmp_path)

        def again(self):
            self.process = Redis(tmp_path, self.process.port)

    server = Server()
    yield server
    server.process.child.send_signal(signal.SIGCONT)
    server.process.stop(signal.SIGKILL)


@pytest.fixture
def beside(tmp_path, httpbin, redis):
    """Makes a sidecar on that server."""
    from harness import Sidecar
    made = []

    def make(extra=KEEP_ALL):
        folder = tmp_path / f"sidecar-{len(made)}"
        folder.mkdir()
        route = '[[route]]\nname = "x"\npath = "/unused"\nupstream = "gone"\n'
        made.append(Sidecar(folder, f"redis://127.0.0.1:{redis.process.port}", httpbin.port, extra=route + extra,
                            env=LOCAL))
        return made[-1]

    yield make
    for process in made:
        process.stop(signal.SIGKILL)


def warm(sidecar, count):
    tokens = [sidecar.token(name=f"load-{number}") for number in range(count)]
    for token in tokens:
        assert sidecar.get("/down/0", headers=token.bearer).status_code == 502
    return tokens


def test_a_stalled_store_loses_nothing(redis, beside):
    sidecar = beside()
    with Load(sidecar, warm(sidecar, 4), 300) as load:
        load.more(200)
        redis.process.child.send_signal(signal.SIGSTOP)
        load.more(900)
        redis.process.child.send_signal(signal.SIGCONT)
        load.more(300)
    each_once_in_order(sidecar, load)
    assert "\ntollgate_activity_spool_events_written_total 0\n" not in sidecar.metrics(), "the spool was used"


def test_a_killed_store_loses_nothing(redis, beside):
    sidecar = beside()
    with Load(sidecar, warm(sidecar, 4), 300) as load:
        load.more(200)
        redis.process.stop(signal.SIGKILL)
        load.more(900)
        redis.again()
        load.more(300)
    each_once_in_order(sidecar, load)


def test_a_strict_sidecar_that_is_killed_in_an_outage_has_every_answered_call(redis, beside):
    sidecar = beside(KEEP_ALL + 'durability = "strict"\n')
    with Load(sidecar, warm(sidecar, 4), 300) as load:
        load.more(200)
        redis.process.stop(signal.SIGKILL)
        load.more(300)
        sidecar.stop(signal.SIGKILL)
    redis.again()
    sidecar.start()
    each_once_in_order(sidecar, load)


def test_a_kill_loses_at_most_one_interval(redis, beside):
    """The spool of a killed process is replayed by the next; async mode loses what waited for its batch."""
    sidecar = beside()
    with Load(sidecar, warm(sidecar, 4), 300) as load:
        redis.process.stop(signal.SIGKILL)
        load.more(900)
        sidecar.stop(signal.SIGKILL)
    redis.again()
    sidecar.start()
    each_once_in_order(sidecar, load, exactly=False)
    lost = sum(len(set(load.answered[token.id]) - set(numbers(sidecar, token))) for token in load.tokens)
    assert lost <= 300 * 1.5, f"{lost} events of a rate of 300 a second"


def test_what_overflows_is_told_as_a_gap(redis, beside):
    sidecar = beside(KEEP_ALL + 'spool = "1MiB"\n')
    tokens = warm(sidecar, 1)
    agent = {"User-Agent": "a" * 500, **tokens[0].bearer}
    redis.process.stop(signal.SIGKILL)
    session, calls = requests.Session(), 1

    def overflowed():
        nonlocal calls
        for _ in range(100):
            assert session.get(f"{sidecar.proxy}/down/{'x' * 3000}", headers=agent, timeout=10).status_code == 502
            calls += 1
        return "\ntollgate_activity_spool_events_overflowed_total 0\n" not in sidecar.metrics()

    until(overflowed, "the spool is full", 60)
    redis.again()
    until(lambda: replayed(sidecar), "the spool is replayed", 60)

    def told():
        lines = sidecar.cli("activity", "export", "--token", tokens[0].id).splitlines()
        events = [json.loads(line) for line in lines]
        missing = [event["data"]["missing"] for event in events if event["event"] == "ACTIVITY_GAP"]
        kept = sum(event["event"] == "API_REQUEST" for event in events)
        return missing and kept + sum(missing) == calls

    until(told, "what is missing is told", 20)


def test_strict_answers_are_on_record_at_once(own):
    """Whichever store: what was answered before a kill is there after it."""
    sidecar = own(extra=KEEP_ALL + 'durability = "strict"\n', env=LOCAL)
    tokens = warm(sidecar, 4)
    with Load(sidecar, tokens, 300) as load:
        load.more(400)
        sidecar.stop(signal.SIGKILL)
    sidecar.start()
    if sidecar.redis:
        until(lambda: replayed(sidecar), "the spool is replayed", 60)
    for token in tokens:
        # At once: nothing that was answered is on its way.
        recorded = numbers(sidecar, token)
        assert recorded == sorted(set(recorded)) and set(recorded) >= set(load.answered[token.id])


def test_tail_and_export(sidecar):
    token = sidecar.token("things.read", name="tail")
    for number in range(12):
        sidecar.get(f"/anything/{number}", headers=token.bearer)

    def uris(*arguments):
        lines = sidecar.cli("activity", *arguments, "--token", token.id).splitlines()
        return [event["uri"] for event in map(json.loads, lines) if event["event"] == "API_REQUEST"]

    expected = [f"/anything/{number}" for number in range(12)]
    until(lambda: uris("export") == expected[::-1], "every event, newest first")
    assert uris("tail", "--lines", "5") == expected[-5:]
    assert uris("export", "--since", "1h") == expected[::-1]
    assert uris("export", "--until", "1h") == []
    assert any(json.loads(line)["token"] == token.id for line in sidecar.cli("activity", "tail", "--lines", "1000").splitlines())
    sidecar.cli("token", "revoke", token.id)
    codes = [json.loads(line)["event"] for line in sidecar.cli("activity", "export", "--token", token.id).splitlines()]
    assert "TOKEN_REVOKED" in codes, "a revoked token's events outlive it, by its UUID"
    sidecar.cli("activity", "export", "--token", "999999999", status=1)


def test_tail_follows(sidecar, tmp_path):
    from harness import Process, binary
    token = sidecar.token("things.read", name="followed")
    follower = Process("tail", [binary(), "activity", "tail", "--follow", "--token", token.id, "--config", sidecar.config],
                       tmp_path)
    until(lambda: "TOKEN_CREATED" in follower.text(), "it begins with what is there")
    sidecar.get("/anything/later", headers=token.bearer)
    until(lambda: "/anything/later" in follower.text(), "it goes on with what comes")
    assert follower.stop(signal.SIGINT) == 0
    assert follower.text().count("/anything/later") == 1
