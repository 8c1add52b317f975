"""What plans and curves are drawn of."""

from typing import Any

import msgspec
import pytest

from cloud.review.curves import DAY_MS, step_for
from cloud.store.base import BlindRow, ReadingGroup
from contract.events import Quality, Readings
from contract.site import Device, Given, ProfileHead, Site, Text
from tests import samples
from tests.samples import NOON, SITE, Scribe

DEMO = "/api/v1/sites/demo"


def measuring() -> Site:
    """The sample with a sensor on site that never said anything."""
    sample = samples.site()
    sensor = Device(id="t-b1", zone="b1", profile="climate")
    head = ProfileHead(profile="climate", gives=(Given(name="humidity", unit="%RH"),))
    return Site(
        msgspec.structs.replace(sample.file, devices=(*sample.file.devices, sensor)),
        {**sample.profiles, "climate": head},
        point_names={"humidity": Text(zh="湿度", en="Humidity")},
    )


def readings(*rows: tuple[int, float | None]) -> ReadingGroup:
    columns = Readings(
        seq=list(range(len(rows))),
        at=[at for at, _ in rows],
        device=["t-1"] * len(rows),
        point=["temperature"] * len(rows),
        value=[value for _, value in rows],
        quality=[Quality.BAD if value is None else Quality.GOOD for _, value in rows],
    )
    return ReadingGroup(site=SITE, agent="gw-1", seq_base=0, received_at=NOON, readings=columns)


async def test_a_site_that_nobody_drew_has_a_plan_all_the_same(client: Any) -> None:
    async with client() as web:
        (floor, *_) = (await web.get(f"{DEMO}/floors")).json()["items"]
        assert not floor["drawn"]
        assert {"b1"} <= {zone["id"] for zone in floor["zones"]}


async def test_gates_stand_as_their_last_word_says(client: Any, scribe: Scribe) -> None:
    gate = samples.site().file.devices[0].id
    told = [
        samples.event(1, NOON, "gate.released", gate),
        samples.event(2, NOON + 5, "gate.locked", gate),
        samples.event(3, NOON, "gate.locked", "unknown-gate"),
    ]
    scribe.write(events=[samples.events(*told)])
    async with client() as web:
        states = (await web.get(f"{DEMO}/states")).json()["items"]
    assert states == [
        {"device": gate, "zone": None, "type": "gate.locked", "at": NOON + 5, "part": None, "part_name": None}
    ]


async def test_people_stand_where_any_of_their_cards_was_seen_last(client: Any, scribe: Scribe) -> None:
    person = samples.site().file.people[0]
    told = [
        samples.event(1, NOON - 9, "checkpoint.scan", person=person.cards[0], zone="b1"),
        samples.event(2, NOON - 99_000_000, "checkpoint.scan", person="card:stranger", zone="b1"),
    ]
    scribe.write(events=[samples.events(*told)])
    async with client() as web:
        (seen,) = (await web.get(f"{DEMO}/people")).json()["items"]
    assert (seen["id"], seen["on_duty"], seen["last"]["at"], seen["last"]["zone"]) == (
        person.id,
        False,
        NOON - 9,
        "b1",
    )


async def test_a_value_says_how_old_it_is_and_when_it_could_not_be_read(client: Any, scribe: Scribe) -> None:
    scribe.write(readings=[readings((NOON - 9_000, 20.5), (NOON - 4_000, None))])
    async with client() as web:
        (value,) = (await web.get(f"{DEMO}/values")).json()["items"]
        assert (value["value"], value["quality"], value["age_ms"]) == (None, "bad", 4_000)
        assert (await web.get(f"{DEMO}/values", params={"device": "t-2"})).json()["items"] == []


async def test_a_value_says_up_to_when_its_device_is_known(client: Any, scribe: Scribe) -> None:
    scribe.write(readings=[readings((NOON - 9_000, 20.5))], devices=[samples.device("t-1", NOON - 5_000)])
    async with client() as web:
        (value,) = (await web.get(f"{DEMO}/values", params={"device": "t-1"})).json()["items"]
    assert (value["complete_to"], value["age_ms"]) == (NOON - 5_000, 9_000)


async def test_points_are_told_with_names_units_and_kinds_whether_or_not_anything_was_read(
    client: Any, scribe: Scribe
) -> None:
    scribe.write(readings=[readings((NOON, 20.5))])
    async with client(site=measuring()) as web:
        points = (await web.get(f"{DEMO}/points")).json()["items"]
        values = (await web.get(f"{DEMO}/values")).json()["items"]
        none = (await web.get(f"{DEMO}/points", params={"device": "t-1"})).json()["items"]
    assert points == [
        {
            "device": "t-b1",
            "point": "humidity",
            "name": {"zh": "湿度", "en": "Humidity"},
            "unit": "%RH",
            "kind": "number",
            "zone": "b1",
            "display": [],
        }
    ]
    assert ([value["device"] for value in values], none) == (["t-1"], [])


def switched() -> Site:
    """The sample with a transfer switch whose profile has words for its positions, one of them in one language."""
    sample = samples.site()
    switch = Device(id="ats-1", zone="b1", profile="switch")
    words = {1.0: Text(zh="市电侧", en="mains"), 2.0: Text(zh="发电侧")}
    head = ProfileHead(profile="switch", gives=(Given(name="position", state=True, words=words),))
    return Site(
        msgspec.structs.replace(sample.file, devices=(*sample.file.devices, switch)),
        {**sample.profiles, "switch": head},
        point_names={"position": Text(zh="位置", en="Position")},
    )


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.0, {"zh": "市电侧", "en": "mains"}),
        (2.0, {"zh": "发电侧", "en": "发电侧"}),
        (3.0, None),
        (1.5, None),
        (-1.0, None),
        (None, None),
    ],
)
async def test_a_value_is_told_with_its_words_and_an_unknown_one_with_none(
    client: Any, scribe: Scribe, value: float | None, words: dict[str, str] | None
) -> None:
    group = readings((NOON - 9_000, value))
    columns = msgspec.structs.replace(group.readings, device=["ats-1"], point=["position"])
    scribe.write(readings=[msgspec.structs.replace(group, readings=columns)])
    async with client(site=switched()) as web:
        (told,) = (await web.get(f"{DEMO}/values", params={"device": "ats-1"})).json()["items"]
        (point,) = (await web.get(f"{DEMO}/points", params={"device": "ats-1"})).json()["items"]
        where = {"device": "ats-1", "point": "position", "since": NOON - 60_000, "until": NOON}
        curve = (await web.get(f"{DEMO}/readings", params=where)).json()
    assert (told["value"], told["words"], told["name"]) == (value, words, {"zh": "位置", "en": "Position"})
    shown = [
        {"value": 1.0, "words": {"zh": "市电侧", "en": "mains"}},
        {"value": 2.0, "words": {"zh": "发电侧", "en": "发电侧"}},
    ]
    assert point["display"] == curve["display"] == shown
    assert curve["name"] == told["name"]


async def test_a_short_curve_has_each_reading_and_a_long_one_bins(client: Any, scribe: Scribe) -> None:
    scribe.write(readings=[readings(*[(NOON + 1_000 * n, float(n % 4)) for n in range(40)])])
    where = {"device": "t-1", "point": "temperature", "since": NOON, "until": NOON + 40_000}
    async with client() as web:
        whole = (await web.get(f"{DEMO}/readings", params=where)).json()
        cut = (await web.get(f"{DEMO}/readings", params=where | {"buckets": 10})).json()
    assert (whole["step_ms"], len(whole["at"]), whole["count"][0]) == (0, 40, 1)
    assert (cut["step_ms"], cut["count"]) == (5_000, [5] * 8)
    assert (cut["low"][0], cut["mean"][0], cut["high"][0]) == (0.0, 1.2, 3.0)


async def test_a_curve_of_a_year_is_cut_at_the_sites_days(client: Any, scribe: Scribe) -> None:
    midnight = 1_764_518_400_000  # 1 December 2025 in Shanghai
    scribe.write(readings=[readings(*[(midnight + DAY_MS * n // 2, float(n)) for n in range(40)])])
    where = {"device": "t-1", "point": "temperature", "since": midnight - 1, "until": midnight + 30 * DAY_MS}
    async with client() as web:
        curve = (await web.get(f"{DEMO}/readings", params=where | {"buckets": 35})).json()
    assert (curve["step_ms"], curve["at"][0], len(curve["at"])) == (DAY_MS, midnight, 20)
    assert (curve["low"][1], curve["mean"][1], curve["high"][1], curve["count"][1]) == (2.0, 2.5, 3.0, 2)


async def test_a_curve_shows_where_nothing_could_be_known(client: Any, scribe: Scribe) -> None:
    spans = [("t-1", NOON - 5, NOON + 200), ("t-1", NOON + 100, NOON + 700), ("t-2", NOON, NOON + 9)]
    scribe.write(
        blind=[BlindRow(site=SITE, device=name, start=start, end=end) for name, start, end in spans],
        readings=[readings((NOON, None))],
    )
    where = {"device": "t-1", "point": "temperature", "since": NOON, "until": NOON + 500}
    async with client() as web:
        curve = (await web.get(f"{DEMO}/readings", params=where)).json()
    assert curve["gaps"] == [{"start": NOON, "end": NOON + 500}]
    assert curve["at"] == []


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"since": 5, "until": 5}, "query.since"),
        ({"since": 0, "until": 10, "buckets": 9}, "query.buckets"),
        ({"since": "noon", "until": 10}, "query.since"),
    ],
)
async def test_a_period_that_makes_no_sense_is_named(client: Any, asked: dict[str, Any], field: str) -> None:
    async with client() as web:
        answer = await web.get(f"{DEMO}/readings", params={"device": "a", "point": "b", **asked})
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("span", "step"),
    [
        (60_000, 1_000),
        (DAY_MS, 300_000),
        (30 * DAY_MS, 7_200_000),
        (366 * DAY_MS, DAY_MS),
        (3_000 * DAY_MS, 6 * DAY_MS),
    ],
)
def test_bins_are_as_short_as_people_read_easily(span: int, step: int) -> None:
    assert step_for(span, 500) == step
