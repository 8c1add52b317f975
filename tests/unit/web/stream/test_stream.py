"""The live stream tells every change once, from any place on."""

import asyncio
import functools
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import async_solipsism
import pytest
from fastapi.sse import ServerSentEvent
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from cloud.correlation.verdict import Outcome
from cloud.errors import StoreUnavailableError
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.store.reads import STATES, Change, ChangeKind, ChangeQuery
from cloud.web.feed import Feed
from cloud.web.metrics import WebMetrics
from cloud.web.screens import Nonces
from cloud.web.stream import HEARTBEAT_MS, TOO_SLOW_MS, Clocks, LiveStream, Wish
from cloud.web.vector import parse_vector
from tests import samples
from tests.cases import sized
from tests.samples import NOON, SITE, Scribe


async def some(stream: AsyncIterator[ServerSentEvent], count: int) -> list[ServerSentEvent]:
    return [await anext(stream) for _ in range(count)]


def said(message: ServerSentEvent) -> Any:
    return json.loads(message.raw_data or "null")


def told(messages: list[ServerSentEvent]) -> list[tuple[Any, ...]]:
    """Each change with what makes it one of its kind."""
    found = []
    for message in messages:
        if message.event in set(ChangeKind):
            row = said(message)["row"]
            number = row.get("seq") or row.get("revision") or row.get("last_at")
            found.append(
                (message.event, row["site"], row.get("device") or row.get("key") or row.get("id"), number)
            )
    return found


def opened(feed: Feed, time: Any, **wish: Any) -> AsyncIterator[ServerSentEvent]:
    return LiveStream(feed, time.clocks, WebMetrics(), Wish(**wish)).messages()


async def test_a_new_client_hears_of_what_happens_from_now_on(feed: Feed, scribe: Scribe, time: Any) -> None:
    scribe.write(verdicts=[samples.verdict()])
    await feed.refresh()
    stream = opened(feed, time)
    (hello,) = await some(stream, 1)
    assert (hello.event, hello.id, hello.retry) == ("hello", "3:1", 1_000)
    assert said(hello) == {"now": NOON, "resumed": False, "live": True, "nonce": None}
    scribe.write(verdicts=[samples.verdict(revision=2)])
    await feed.refresh()
    (verdict,) = await some(stream, 1)
    assert (verdict.event, verdict.id) == ("verdict", "3:2")
    assert said(verdict)["commit_no"] == 2
    assert said(verdict)["row"]["revision"] == 2


async def test_a_client_that_comes_back_hears_what_it_missed(feed: Feed, scribe: Scribe, time: Any) -> None:
    scribe.write_all([{"verdicts": [samples.verdict(revision=number)]} for number in range(1, 6)])
    await feed.refresh()
    hello, *missed = await some(opened(feed, time, after=parse_vector("3:2")), 4)
    assert said(hello)["resumed"]
    assert [said(message)["row"]["revision"] for message in missed] == [3, 4, 5]
    assert [message.id for message in missed] == ["3:3", "3:4", "3:5"]


async def test_a_new_partition_is_told_from_its_start(
    feed: Feed, store: MemoryStore, scribe: Scribe, time: Any
) -> None:
    scribe.write()
    await feed.refresh()
    stream = opened(feed, time)
    await some(stream, 1)
    Scribe(store.open(5), 5).write(incidents=[samples.incident()])
    await feed.refresh()
    (incident,) = await some(stream, 1)
    assert (incident.event, incident.id) == ("incident", "3:1,5:1")


async def test_only_what_was_asked_for_is_told_and_the_place_moves_on_all_the_same(
    feed: Feed, scribe: Scribe, time: Any
) -> None:
    await feed.refresh()
    wanted = frozenset({ChangeKind.VERDICT})
    stream = opened(feed, time, site=SITE, kinds=wanted, after={})
    await some(stream, 1)
    scribe.write(incidents=[samples.incident()])
    scribe.write(verdicts=[samples.verdict(site="other"), samples.verdict()])
    scribe.write(devices=[samples.device()])
    await feed.refresh()
    (verdict,) = await some(stream, 1)
    assert told([verdict]) == [("verdict", SITE, "b1", 1)]
    (heartbeat,) = await some(stream, 1)
    assert (heartbeat.event, heartbeat.id) == ("heartbeat", "3:3")


async def test_a_place_within_a_commit_goes_on_after_the_changes_that_were_seen(
    feed: Feed, scribe: Scribe, time: Any
) -> None:
    happened = [samples.event(number, NOON + number) for number in range(4)]
    scribe.write(events=[samples.events(*happened)], devices=[samples.device(), samples.device("panel-1")])
    await feed.refresh()
    whole = await some(opened(feed, time, after={}), 7)
    assert [message.id for message in whole[1:]] == ["3:0.1", "3:0.2", "3:0.3", "3:0.4", "3:0.4", "3:1"]
    rest = await some(opened(feed, time, after=parse_vector(whole[2].id or "")), 5)
    assert told(rest) == told(whole[3:])


async def test_a_heartbeat_carries_the_servers_time_every_five_seconds(feed: Feed, time: Any) -> None:
    await feed.refresh()
    stream = opened(feed, time)
    await some(stream, 1)
    for beat in range(1, 4):
        (heartbeat,) = await some(stream, 1)
        assert (heartbeat.event, said(heartbeat)) == (
            "heartbeat",
            {"now": NOON + beat * HEARTBEAT_MS, "live": True, "nonce": None},
        )


async def test_heartbeats_come_also_while_much_is_told(feed: Feed, scribe: Scribe, time: Any) -> None:
    scribe.write(events=[samples.events(*(samples.event(number) for number in range(5)))])
    await feed.refresh()
    stream = opened(feed, time, after={})
    await some(stream, 2)
    time.added += HEARTBEAT_MS
    assert [message.event for message in await some(stream, 3)] == ["heartbeat", "event", "event"]


async def test_a_client_that_was_up_to_date_and_falls_behind_is_sent_away_with_a_word(
    feed: Feed, scribe: Scribe, time: Any
) -> None:
    await feed.refresh()
    stream = opened(feed, time)
    await some(stream, 1)
    waiting = asyncio.create_task(some(stream, 1))
    await asyncio.sleep(1)
    scribe.write_all([{"verdicts": [samples.verdict(revision=number)]} for number in range(1, 9)])
    await feed.refresh()
    (first,) = await waiting
    time.added += TOO_SLOW_MS + 1
    rest = [message async for message in stream]
    assert rest[-1].event == "goodbye"
    assert said(rest[-1])["reason"] == "too_slow"
    resumed = opened(feed, time, after=parse_vector(rest[-1].id or ""))
    missing = 8 - len(told([first, *rest]))
    assert missing > 0
    again = await some(resumed, 1 + missing)
    assert [row[3] for row in told([first, *rest, *again])] == list(range(1, 9))


class AwayReader(MemoryReader):
    """A store that answers nothing while it is `away`."""

    away = False
    turned_away = 0

    @override
    async def changes(self, query: ChangeQuery) -> Sequence[Change]:
        if self.away:
            self.turned_away += 1
            raise StoreUnavailableError("not there")
        return await super().changes(query)


@pytest.mark.parametrize("away_s", [1, TOO_SLOW_MS // 1_000 + 1, 600])
async def test_a_client_waits_with_its_store_for_however_long_that_is_away(
    store: MemoryStore, scribe: Scribe, time: Any, away_s: int
) -> None:
    reader = AwayReader(store)
    feed = Feed(reader, WebMetrics())
    await feed.refresh()
    stream = opened(feed, time)
    await some(stream, 2)  # hello, and a heartbeat: it is up to date
    reader.away = True
    scribe.write(verdicts=[samples.verdict()])
    await feed.refresh()
    heard: list[ServerSentEvent] = []
    since = time.monotonic()
    while time.monotonic() < since + away_s * 1_000:
        heard += await some(stream, 1)
    assert {message.event for message in heard} == {"heartbeat"}, (
        "it is told that the line lives, and not sent away"
    )
    assert reader.turned_away > 0
    reader.away = False
    while not told(heard):
        heard += await some(stream, 1)
    assert len(told(heard)) == 1
    scribe.write(verdicts=[samples.verdict(revision=2)])
    await feed.refresh()
    assert told(await some(stream, 1))[0][3] == 2


async def test_a_reading_that_failed_is_asked_for_again_not_remembered(
    store: MemoryStore, scribe: Scribe
) -> None:
    reader = AwayReader(store)
    feed = Feed(reader, WebMetrics())
    scribe.write(verdicts=[samples.verdict()])
    await feed.refresh()
    query = ChangeQuery(partition=3, after=0, upto=1, kinds=frozenset(ChangeKind), site=None)
    reader.away = True
    asked = await asyncio.gather(*(feed.changes(query) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in asked] == [StoreUnavailableError] * 3
    assert reader.turned_away == 1, "they share the failure as they would share the answer"
    reader.away = False
    found = await feed.changes(query)
    assert [change.kind for change in found] == [ChangeKind.VERDICT]
    reader.away = True
    assert await feed.changes(query) == found, "what was read is remembered"


async def test_catching_up_takes_as_long_as_it_takes(feed: Feed, scribe: Scribe, time: Any) -> None:
    scribe.write_all([{"verdicts": [samples.verdict(revision=number)]} for number in range(1, 9)])
    await feed.refresh()
    stream = opened(feed, time, after={}, kinds=frozenset({ChangeKind.VERDICT}))
    seen = []
    while len(told(seen)) < 8:
        time.added += TOO_SLOW_MS + 1
        seen += await some(stream, 1)
    assert "goodbye" not in [message.event for message in seen]


async def test_a_store_set_back_to_an_earlier_state_starts_clients_anew(
    feed: Feed, store: MemoryStore, scribe: Scribe, time: Any
) -> None:
    scribe.write_all([{}, {}, {}])
    await feed.refresh()
    stream = opened(feed, time)
    await some(stream, 1)
    del store.partitions[3].commits[1:]
    await feed.refresh()
    (hello,) = await some(stream, 1)
    assert (hello.event, hello.id, said(hello)["resumed"]) == ("hello", "3:1", False)


async def test_a_place_of_another_store_is_not_resumed(feed: Feed, scribe: Scribe, time: Any) -> None:
    scribe.write()
    await feed.refresh()
    (hello,) = await some(opened(feed, time, after=parse_vector("3:9")), 1)
    assert (said(hello)["resumed"], hello.id) == (False, "3:1")


async def test_streams_end_with_a_word_when_the_process_stops(feed: Feed, time: Any) -> None:
    await feed.refresh()
    stream = opened(feed, time)
    await some(stream, 1)
    feed.stop()
    (goodbye,) = [message async for message in stream]
    assert (goodbye.event, said(goodbye)["reason"]) == ("goodbye", "stopping")


def commits() -> st.SearchStrategy[list[list[tuple[str, int]]]]:
    """Commits of a few changes each; a number names one."""
    change = st.tuples(st.sampled_from(["event", "verdict", "incident", "device"]), st.integers(1, 50))
    return st.lists(st.lists(change, max_size=4), min_size=1, max_size=6)


@sized(1)
@given(wanted=commits(), cuts=st.lists(st.integers(1, 6), max_size=8))
def test_however_often_a_client_is_cut_nothing_is_missing_and_nothing_doubled(
    wanted: list[list[tuple[str, int]]], cuts: list[int]
) -> None:
    with asyncio.Runner(loop_factory=async_solipsism.EventLoop) as runner:
        runner.run(_cut_and_come_back(wanted, cuts))


async def _cut_and_come_back(wanted: list[list[tuple[str, int]]], cuts: list[int]) -> None:
    store, place, left = MemoryStore(), "", iter(cuts)
    scribe, feed = Scribe(store.open(3)), Feed(MemoryReader(store), WebMetrics())
    seen: list[ServerSentEvent] = []
    for number, changes in enumerate(wanted):
        scribe.write(**_content(changes, 100 * number))
        await feed.refresh()
        heard = await _until_beat(feed, place, at_most=next(left, 0))
        seen += heard
        place = (heard[-1].id or "") if heard else place
    seen += await _until_beat(feed, place)
    every = told(await _until_beat(feed, ""))
    assert [row for row in told(seen) if row[0] not in STATES] == [
        row for row in every if row[0] not in STATES
    ]
    newest = {row[:-1]: row for row in every if row[0] in STATES}
    assert set(newest.values()) <= set(told(seen))


async def _until_beat(feed: Feed, place: str, at_most: int = 1_000) -> list[ServerSentEvent]:
    """What a client hears from a place on until all is told, or it is cut after some messages."""
    loop = asyncio.get_running_loop()
    clocks = Clocks(now=lambda: NOON, monotonic=lambda: round(loop.time() * 1_000))
    heard: list[ServerSentEvent] = []
    async for message in LiveStream(feed, clocks, WebMetrics(), Wish(after=parse_vector(place))).messages():
        if message.event == "heartbeat" or len(heard) == at_most:
            break
        heard.append(message)
    return heard


def _content(changes: list[tuple[str, int]], base: int) -> dict[str, Any]:
    content: dict[str, Any] = {"events": [], "verdicts": [], "incidents": [], "devices": []}
    for kind, number in sorted(set(changes)):
        if kind == "event":
            content["events"].append(samples.events(samples.event(base + number)))
        elif kind == "verdict":
            content["verdicts"].append(samples.verdict(revision=base + number, outcome=Outcome.MET))
        elif kind == "incident":
            content["incidents"].append(samples.incident(revision=base + number))
        else:
            content["devices"] = [samples.device(at=NOON + base + number)]
    return content


async def test_clients_that_ask_the_same_share_one_reading(
    feed: Feed, store: MemoryStore, scribe: Scribe, time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    reader = feed._reader
    changes = reader.changes
    monkeypatch.setattr(reader, "changes", lambda query: asked.append(query) or changes(query))
    scribe.write(verdicts=[samples.verdict()])
    await feed.refresh()
    streams = [opened(feed, time, after={}) for _ in range(5)]
    for stream in streams:
        assert len(told(await some(stream, 2))) == 1
    assert len(asked) == 1


async def test_a_screen_is_asked_to_answer_with_every_sign_of_life(feed: Feed, time: Any) -> None:
    nonces = Nonces("")
    asked = functools.partial(nonces.issue, "demo", "wall-1")
    greeted, *beats = await some(opened(feed, time, nonce=asked), 3)
    for beat, message in enumerate([greeted, *beats]):
        now = NOON + beat * HEARTBEAT_MS
        assert nonces.problem(said(message)["nonce"], "demo", "wall-1", now) is None
        assert nonces.problem(said(message)["nonce"], "demo", "wall-2", now) is not None
