"""Notices that go out through webhooks of a real server: signed, tried again, given up, never in each other's way."""

import hashlib
import hmac
import re

import msgspec
from structlog.testing import capture_logs

from cloud.clock import now_ms
from cloud.notify.channels import Channel
from cloud.operations.alarm import Priority
from cloud.operations.notice import Notice
from cloud.store.memory import MemoryStore
from sitewarden.embedded.ports import free_port
from tests.integration.notify.conftest import Running
from tests.outboxes import Filler, attempts, notice, stopped, told
from tests.receivers import Receiver
from tests.waiting import until

SECRET = "a secret of the hook"


def hook(url: str, name: str = "hook", per_minute: int | None = None) -> Channel:
    return Channel(id=name, webhook=url, secret=SECRET, per_minute=per_minute)


async def test_the_receiver_can_tell_that_a_notice_is_from_us(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    async with running(hook(f"{web.url}/hook?room=1")):
        before = now_ms()
        filler.put(notice("n"))
        await until(lambda: told(store, "n").state == "sent")
    (call,) = web.calls
    assert call.path == "/hook?room=1"
    assert call.headers["X-Sitewarden-Id"] == "demo:n"
    signed = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", call.headers["X-Sitewarden-Signature"])
    assert signed
    assert before <= int(signed[1]) <= now_ms()
    mac = hmac.new(SECRET.encode(), f"{signed[1]}.".encode() + call.body, hashlib.sha256)
    assert hmac.compare_digest(mac.hexdigest(), signed[2])
    assert msgspec.json.decode(call.body, type=Notice) == notice("n")
    assert told(store, "n").answer == "200 OK 已收到"


async def test_what_may_pass_is_tried_again(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    web.answers = [500, 429, 408]
    async with running(hook(f"{web.url}/hook")):
        filler.put(*map(notice, "abc"))
        await until(lambda: all(told(store, name).state == "sent" for name in "abc"))
    for name in "abc":
        first, second = attempts(store, name)
        assert (first.ok, second.ok) == (False, True)
        assert first.answer[:3] in {"500", "429", "408"}
        assert second.at - first.at >= 1_000
    assert sorted(web.notices()) == list("aabbcc")


async def test_a_refusal_for_good_is_given_up_kept_and_logged(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    web.answers = [410]
    with capture_logs() as logged:
        async with running(hook(f"{web.url}/hook")):
            filler.put(notice("n"))
            await until(lambda: told(store, "n").state == "failed")
    assert told(store, "n").answer.startswith("410 Gone")
    (line,) = [line for line in logged if line["action"] == "channel_refused"]
    assert (line["channel"], line["notice"], line["why"][:3]) == ("hook", "n", "410")


async def test_nobody_there_is_tried_again(running: Running, filler: Filler, store: MemoryStore) -> None:
    async with running(hook(f"http://127.0.0.1:{free_port()}/")):
        filler.put(notice("n"))
        await until(lambda: len(attempts(store, "n")) == 2)
    assert told(store, "n").state == "waiting"
    assert "ConnectionRefusedError" in told(store, "n").answer


async def test_a_channel_that_hangs_holds_up_no_other(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    async with running(hook(f"{web.url}/hang", "slow"), hook(f"{web.url}/hook"), lease_ms=1_000):
        filler.put(*(notice(f"s{n}", channel="slow", priority=Priority.CRITICAL) for n in range(20)))
        await until(lambda: len(web.notices("/hang")) == 4)
        filler.put(*(notice(f"q{n}", priority=Priority.LOW) for n in range(20)))
        await until(lambda: len(web.notices()) == 20)
        assert not attempts(store, "s0")
        await until(lambda: len(attempts(store, "s0")) == 1)
        web.release.set()
    assert not attempts(store, "s0")[0].ok
    assert sorted(web.notices()) == sorted(f"q{n}" for n in range(20))


async def test_a_channel_that_trickles_is_cut_off(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    async with running(hook(f"{web.url}/trickle"), lease_ms=500):
        filler.put(notice("n"))
        # The receiver goes on for as long as nobody releases it: only a cut ends the attempt.
        await until(lambda: bool(attempts(store, "n")))
        web.release.set()
    assert not attempts(store, "n")[0].ok


async def test_beyond_its_pace_a_channel_waits_but_not_with_what_is_critical(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    async with running(hook(f"{web.url}/hook", per_minute=3)):
        filler.put(*(notice(f"n{n}") for n in range(6)))
        await until(lambda: len(web.calls) == 3)
        filler.put(notice("fire", priority=Priority.CRITICAL), notice("smoke", priority=Priority.CRITICAL))
        await until(lambda: len(web.calls) == 5)
        assert set(web.notices()[3:]) == {"fire", "smoke"}
    assert [told(store, f"n{n}").attempts for n in range(6)] == [1, 1, 1, 0, 0, 0]


async def test_an_alarm_that_somebody_has_acknowledged_is_not_tried_again(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    web.answers = [500]
    async with running(hook(f"{web.url}/hook")):
        filler.put(notice("n"), notice("step-2", not_before=now_ms() + 800))
        await until(lambda: len(attempts(store, "n")) == 1)
        filler.put(stopped=[stopped()])
        filler.put(notice("after", about="incident:2", not_before=now_ms() + 1_200))
        await until(lambda: told(store, "after").state == "sent")
    assert web.notices() == ["n", "after"]
    assert (told(store, "n").state, told(store, "step-2").state) == ("stopped", "stopped")


async def test_a_channel_that_there_is_not_is_said(
    running: Running, filler: Filler, store: MemoryStore
) -> None:
    async with running():
        filler.put(notice("n", channel="pager"))
        await until(lambda: told(store, "n").state == "failed")
    assert told(store, "n").answer == "there is no channel pager"


async def test_what_is_being_sent_at_the_end_is_settled(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    async with running(hook(f"{web.url}/hang")):
        filler.put(notice("n"))
        await until(lambda: bool(web.calls))
        web.release.set()
    assert told(store, "n").state == "sent"
