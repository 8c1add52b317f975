"""What every store tells of states that are written again: later, older, or together with their end."""

import msgspec

from cloud.store.base import BlindRow, ReadingGroup
from cloud.store.reads import QuarantineQuery, Reader, VerdictQuery
from contract.events import Quality, Readings
from tests import samples
from tests.samples import NOON, SITE, Scribe


async def test_a_blind_span_grows_and_never_shrinks(reader: Reader, scribe: Scribe) -> None:
    def ending(end: int) -> BlindRow:
        return BlindRow(site=SITE, device="cp-b1", start=NOON, end=end)

    scribe.write(blind=[ending(NOON + 5), ending(NOON + 9)])
    scribe.write(blind=[ending(NOON + 7)])
    assert list(await reader.blind(SITE, NOON)) == [ending(NOON + 9)]
    scribe.write(blind=[ending(NOON + 12)])
    assert list(await reader.blind(SITE, NOON)) == [ending(NOON + 12)]


async def test_a_lower_revision_that_comes_after_a_higher_does_not_take_its_place(
    reader: Reader, scribe: Scribe
) -> None:
    newer, older = samples.verdict(revision=3), samples.verdict(revision=2)
    scribe.write(verdicts=[newer])
    scribe.write(verdicts=[older])
    assert list((await reader.verdicts(VerdictQuery(site=SITE))).rows) == [newer]
    assert list(await reader.revisions(SITE, "ER-2", "b1", NOON)) == [older, newer]


async def test_an_alert_that_comes_twice_stands_once_and_one_that_is_cleared_at_once_does_not(
    reader: Reader, scribe: Scribe
) -> None:
    scribe.write(alerts=[samples.alert(), samples.alert("b2")])
    scribe.write(alerts=[samples.alert()])
    assert [one.alert.overdue.episode.key for one in await reader.alerts(SITE)] == ["b2", "b1"]
    scribe.write(alerts=[samples.alert()], cleared=[samples.cleared()])
    assert [one.alert.overdue.episode.key for one in await reader.alerts(SITE)] == ["b2"]


async def test_a_health_that_a_later_message_leaves_out_stays_as_it_was(
    reader: Reader, scribe: Scribe
) -> None:
    whole = samples.device(at=NOON + 9)
    scribe.write(devices=[whole])
    scribe.write(devices=[samples.device("Z")])
    assert whole in list(await reader.devices(SITE))


async def test_what_is_put_aside_twice_stands_twice_with_its_bytes(reader: Reader, scribe: Scribe) -> None:
    aside = msgspec.structs.replace(samples.aside(), body=b"\0\xff")
    scribe.write(quarantine=[aside, aside])
    page = await reader.quarantine(QuarantineQuery(site=SITE))
    assert [entry.row for entry in page.rows] == [aside, aside]


async def test_a_bad_reading_is_found_again_without_a_value(reader: Reader, scribe: Scribe) -> None:
    columns = Readings(
        seq=[1, 2],
        device=["t-1", "t-1"],
        point=["temperature", "humidity"],
        at=[NOON, NOON],
        value=[24.5, None],
        quality=[Quality.GOOD, Quality.BAD],
    )
    scribe.write(
        readings=[ReadingGroup(site=SITE, agent="gw-1", seq_base=0, received_at=NOON, readings=columns)]
    )
    found = {one.point: (one.value, one.quality) for one in await reader.latest_readings(SITE)}
    assert found == {"temperature": (24.5, Quality.GOOD), "humidity": (None, Quality.BAD)}
