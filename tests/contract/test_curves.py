"""What every store promises of curves, however far its hours were rolled up: the same answer, late readings in it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import StoreUnavailableError
from cloud.store.base import Flag, LedgerKey, LedgerRow, PartitionWriter, ReadingGroup, Store
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.store.postgres.curves import MOST_UNROLLED, hourly, whole_hours
from cloud.store.postgres.hours import HourRoller
from cloud.store.postgres.reads import PostgresReader
from cloud.store.postgres.writer import PostgresStore
from cloud.store.reads import HOUR_MS, CurveBin, CurveQuery, Reader
from contract.batch import Lane
from contract.events import Quality, Readings
from tests.cases import sized
from tests.databases import SERVERS, fresh_database
from tests.samples import SITE, Scribe

HOUR = 1_764_547_200_000
"""A whole hour."""
PARTITION = 3

Take = Callable[[int], PartitionWriter]
Roll = Callable[[], None]


def reader_of(store: Store) -> Reader:
    if isinstance(store, MemoryStore):
        return MemoryReader(store)
    if isinstance(store, PostgresStore):
        return PostgresReader(store._dsn)
    raise TypeError(store)


def roller_of(store: Store, batch: int = 1_000) -> HourRoller | None:
    """The memory works every curve out as it is asked for."""
    return HourRoller(store._dsn, batch) if isinstance(store, PostgresStore) else None


@pytest.fixture
async def reader(store: Store) -> AsyncIterator[Reader]:
    """A reader of the store at hand."""
    found = reader_of(store)
    await found.open()
    yield found
    await found.close()


@pytest.fixture
def scribe(take: Take) -> Scribe:
    return Scribe(take(PARTITION), PARTITION)


@pytest.fixture
def roll(store: Store) -> Iterator[Roll]:
    """Brings the hours up to date."""
    roller = roller_of(store)

    def step() -> None:
        if roller is not None:
            assert not roller.step([PARTITION])

    yield step
    if roller is not None:
        roller.close()


def measured(*rows: tuple[int, float | None], flag: int = 0, device: str = "t-1") -> ReadingGroup:
    """Readings by their time after `HOUR`, ms."""
    columns = Readings(
        seq=list(range(len(rows))),
        at=[HOUR + at for at, _ in rows],
        device=[device] * len(rows),
        point=["temperature"] * len(rows),
        value=[value for _, value in rows],
        quality=[Quality.BAD if value is None else Quality.GOOD for _, value in rows],
    )
    flags = (flag,) * len(rows) if flag else ()
    return ReadingGroup(site=SITE, agent="gw-1", seq_base=0, received_at=HOUR, readings=columns, flags=flags)


def of_hours(since: int, until: int, step: int = HOUR_MS, origin: int = 0) -> CurveQuery:
    return CurveQuery(
        site=SITE,
        device="t-1",
        point="temperature",
        since=HOUR + since,
        until=HOUR + until,
        step=step,
        origin=HOUR + origin,
    )


def told(bins: Sequence[CurveBin]) -> list[tuple[int, float, float, float, int]]:
    return [(at - HOUR, low, mean, high, count) for at, low, mean, high, count in bins]


async def test_hours_are_the_same_before_and_after_they_were_rolled(
    reader: Reader, scribe: Scribe, roll: Roll
) -> None:
    scribe.write(readings=[measured((0, 2.0), (HOUR_MS - 1, 4.0), (HOUR_MS, 8.0), (3 * HOUR_MS, 1.0))])
    wanted = [
        (0, 2.0, 3.0, 4.0, 2),
        (HOUR_MS, 8.0, 8.0, 8.0, 1),
        (3 * HOUR_MS, 1.0, 1.0, 1.0, 1),
    ]
    assert told(await reader.curve(of_hours(0, 5 * HOUR_MS))) == wanted
    roll()
    assert told(await reader.curve(of_hours(0, 5 * HOUR_MS))) == wanted


async def test_a_late_reading_in_an_old_hour_changes_its_bucket_at_once_and_after_it_was_rolled(
    reader: Reader, scribe: Scribe, roll: Roll
) -> None:
    scribe.write(readings=[measured((0, 2.0), (9 * HOUR_MS, 5.0))])
    roll()
    scribe.write(readings=[measured((60_000, 12.0))])
    wanted = [(0, 2.0, 7.0, 12.0, 2), (9 * HOUR_MS, 5.0, 5.0, 5.0, 1)]
    assert told(await reader.curve(of_hours(0, 10 * HOUR_MS))) == wanted
    roll()
    assert told(await reader.curve(of_hours(0, 10 * HOUR_MS))) == wanted


async def test_a_period_that_begins_and_ends_within_hours_has_just_its_readings(
    reader: Reader, scribe: Scribe, roll: Roll
) -> None:
    scribe.write(readings=[measured(*[(n * HOUR_MS // 2, float(n)) for n in range(10)])])
    roll()
    part = of_hours(HOUR_MS // 2, 4 * HOUR_MS + 1, step=2 * HOUR_MS, origin=-HOUR_MS)
    assert told(await reader.curve(part)) == [
        (-HOUR_MS, 1.0, 1.0, 1.0, 1),
        (HOUR_MS, 2.0, 3.5, 5.0, 4),
        (3 * HOUR_MS, 6.0, 7.0, 8.0, 3),
    ]


async def test_neither_bad_nor_withheld_readings_nor_absurd_values_are_in_a_curve(
    reader: Reader, scribe: Scribe, roll: Roll
) -> None:
    scribe.write(
        readings=[
            measured((0, None), (1, 3.0), (2, 1e300), (3, -1e300)),
            measured((4, 99.0), (2 * HOUR_MS, 99.0), flag=int(Flag.FUTURE)),
            measured((5, 50.0), device="t-2"),
        ]
    )
    only = [(0, 3.0, 3.0, 3.0, 1)]
    assert told(await reader.curve(of_hours(0, 5 * HOUR_MS))) == only
    roll()
    assert told(await reader.curve(of_hours(0, 5 * HOUR_MS))) == only
    assert told(await reader.curve(of_hours(0, 5 * HOUR_MS, step=60_000))) == only
    assert told(await reader.curve(of_hours(0, 5 * HOUR_MS, step=0))) == [(1, 3.0, 3.0, 3.0, 1)]


async def test_bins_shorter_than_an_hour_or_beside_whole_hours_are_made_of_readings(
    reader: Reader, scribe: Scribe, roll: Roll
) -> None:
    scribe.write(readings=[measured((0, 1.0), (1_800_000, 3.0), (2 * HOUR_MS, 5.0))])
    roll()
    assert told(await reader.curve(of_hours(0, 3 * HOUR_MS, step=1_800_000))) == [
        (0, 1.0, 1.0, 1.0, 1),
        (1_800_000, 3.0, 3.0, 3.0, 1),
        (2 * HOUR_MS, 5.0, 5.0, 5.0, 1),
    ]
    assert told(await reader.curve(of_hours(0, 3 * HOUR_MS, origin=-1_800_000))) == [
        (-1_800_000, 1.0, 1.0, 1.0, 1),
        (1_800_000, 3.0, 3.0, 3.0, 1),
        (5_400_000, 5.0, 5.0, 5.0, 1),
    ]


async def test_a_site_is_looked_for_where_its_ledger_says_that_it_comes_from(
    reader: Reader, scribe: Scribe, take: Take, roll: Roll
) -> None:
    ledger = [LedgerRow(key=LedgerKey(SITE, "gw-1", 1, Lane.MAIN), high=2)]
    Scribe(take(5), 5).write()
    scribe.write(readings=[measured((0, 1.0))], ledger=ledger)
    roll()
    scribe.write(readings=[measured((1, 3.0))], ledger=ledger)
    assert told(await reader.curve(of_hours(0, HOUR_MS))) == [(0, 1.0, 2.0, 3.0, 2)]


async def test_the_newest_reading_of_a_moment_is_the_one_that_was_said_last(
    reader: Reader, scribe: Scribe
) -> None:
    scribe.write(readings=[measured((5, 1.0), (5, 2.0), (4, 9.0)), measured((5, 7.0), device="t-2")])
    scribe.write(readings=[measured((9, 99.0), flag=int(Flag.FUTURE))])
    assert [(row.device, row.value) for row in await reader.latest_readings(SITE)] == [
        ("t-1", 2.0),
        ("t-2", 7.0),
    ]
    assert [row.value for row in await reader.latest_readings(SITE, "t-2")] == [7.0]
    assert await reader.latest_readings(SITE, "t-3") == []


ROWS = st.tuples(
    st.integers(0, 6 * HOUR_MS - 1),
    # Quarters: sums of them are exact, in whatever order they are added.
    st.one_of(st.none(), st.integers(-4_000, 4_000).map(lambda quarters: quarters / 4)),
)
STEPS = st.one_of(st.lists(ROWS, min_size=1, max_size=6), st.just("roll"))


@pytest.mark.parametrize("kind", SERVERS)
def test_whatever_was_rolled_when_curves_are_those_of_the_memory(kind: str) -> None:
    with fresh_database(kind) as dsn:
        store = PostgresStore(dsn)

        @given(
            steps=st.lists(STEPS, min_size=1, max_size=8),
            batch=st.integers(1, 3),
            since=st.integers(-HOUR_MS, 2 * HOUR_MS),
            length=st.integers(1, 6 * HOUR_MS),
            hours=st.integers(1, 4),
            origin=st.integers(-3, 3),
        )
        # Each case writes to a real database several times.
        @sized(0.2, long=0.01)
        def compare(steps: list[Any], batch: int, since: int, length: int, hours: int, origin: int) -> None:
            _forget(dsn)
            memory = MemoryStore()
            query = of_hours(since, since + length, hours * HOUR_MS, origin * HOUR_MS)
            roller = HourRoller(dsn, batch)
            with contextlib.ExitStack() as stack:
                stack.callback(roller.close)
                scribes = [
                    Scribe(stack.enter_context(contextlib.closing(one.open(PARTITION))), PARTITION)
                    for one in (memory, store)
                ]
                for step in steps:
                    if step == "roll":
                        roller.step([PARTITION])
                    else:
                        for scribe in scribes:
                            scribe.write(readings=[measured(*step)])
                assert _curve(store, query) == _curve(memory, query)

        compare()


def _curve(store: Store, query: CurveQuery) -> list[CurveBin]:
    async def ask() -> list[CurveBin]:
        reader = reader_of(store)
        await reader.open()
        try:
            return list(await reader.curve(query))
        finally:
            await reader.close()

    return asyncio.run(ask())


def _forget(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        # Only who owns the whole server can pass over what keeps the record.
        connection.execute("set session_replication_role = replica")
        connection.execute("truncate readings, readings_hourly, hours_rolled, checkpoint")


@pytest.fixture
def dsn(request: pytest.FixtureRequest) -> Iterator[str]:
    with fresh_database(request.param) as found:
        yield found


def rolled(dsn: str) -> tuple[list[Any], list[Any]]:
    """The hours there are, and how far they are rolled."""
    with psycopg.connect(dsn) as connection:
        hours = connection.execute(
            "select to_ms(hour), low, high, sum, count from readings_hourly order by 1"
        ).fetchall()
        return hours, connection.execute("select partition, commit_no from hours_rolled").fetchall()


@pytest.mark.parametrize("dsn", SERVERS, indirect=True)
def test_hours_are_rolled_batch_by_batch_and_doing_it_again_changes_nothing(dsn: str) -> None:
    with contextlib.closing(PostgresStore(dsn).open(PARTITION)) as writer:
        scribe = Scribe(writer, PARTITION)
        for number in range(7):
            scribe.write(readings=[measured((number, float(number)))])
    roller = HourRoller(dsn, batch=4)
    with contextlib.closing(roller):
        assert roller.step([PARTITION, 7])
        assert rolled(dsn)[1] == [(PARTITION, 4)]
        assert not roller.step([PARTITION, 7])
        whole = rolled(dsn)
        assert whole == ([(HOUR, 0.0, 6.0, 21.0, 7)], [(PARTITION, 7)])
        with psycopg.connect(dsn) as connection:
            connection.execute("update hours_rolled set commit_no = 2")
        assert not roller.step([PARTITION])
        assert rolled(dsn) == whole


@pytest.mark.parametrize("dsn", SERVERS, indirect=True)
def test_a_kill_between_the_hours_and_their_place_leaves_neither_and_doubles_nothing(dsn: str) -> None:
    with contextlib.closing(PostgresStore(dsn).open(PARTITION)) as writer:
        Scribe(writer, PARTITION).write(readings=[measured((0, 1.0), (1, 2.0))])
    with psycopg.connect(dsn, autocommit=True) as connection:
        # The server ends the session just where the place would be written.
        connection.execute(
            "create function dies() returns trigger language plpgsql as "
            "$$begin perform pg_terminate_backend(pg_backend_pid()); return new; end$$"
        )
        connection.execute(
            "create trigger dies before update on hours_rolled for each row execute function dies()"
        )
        roller = HourRoller(dsn)
        with contextlib.closing(roller):
            with pytest.raises(StoreUnavailableError):
                roller.step([PARTITION])
            assert rolled(dsn) == ([], [(PARTITION, 0)])
            connection.execute("drop trigger dies on hours_rolled")
            assert not roller.step([PARTITION])
    assert rolled(dsn) == ([(HOUR, 1.0, 2.0, 3.0, 2)], [(PARTITION, 1)])


@pytest.mark.parametrize("dsn", SERVERS, indirect=True)
def test_two_who_roll_the_same_partition_leave_each_other_alone(dsn: str) -> None:
    with contextlib.closing(PostgresStore(dsn).open(PARTITION)) as writer:
        Scribe(writer, PARTITION).write(readings=[measured((0, 1.0))])
    one, two = HourRoller(dsn), HourRoller(dsn)
    with contextlib.closing(one), contextlib.closing(two), psycopg.connect(dsn) as holder:
        one.step([7])
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("insert into hours_rolled values (%s, 0)", [PARTITION])
        holder.execute("select from hours_rolled for update")
        assert not two.step([PARTITION])
        assert rolled(dsn)[0] == []
        holder.rollback()
        assert not one.step([PARTITION])
        assert len(rolled(dsn)[0]) == 1


def test_too_much_that_is_not_rolled_is_read_as_it_is() -> None:
    assert hourly((0, HOUR_MS), [(3, 0, MOST_UNROLLED)]) is not None
    assert hourly((0, HOUR_MS), [(3, 0, MOST_UNROLLED), (4, 0, 1)]) is None


@pytest.mark.parametrize(
    ("since", "until", "step", "origin", "hours"),
    [
        (1, 3 * HOUR_MS + 5, HOUR_MS, 0, (HOUR_MS, 3 * HOUR_MS)),
        (0, 2 * HOUR_MS, 24 * HOUR_MS, -HOUR_MS, (0, 2 * HOUR_MS)),
        (1, 2 * HOUR_MS - 1, HOUR_MS, 0, None),
        (0, 2 * HOUR_MS, 0, 0, None),
        (0, 2 * HOUR_MS, HOUR_MS // 2, 0, None),
        (0, 2 * HOUR_MS, HOUR_MS, HOUR_MS // 2, None),
    ],
)
def test_only_bins_of_whole_hours_are_made_of_hours(
    since: int, until: int, step: int, origin: int, hours: tuple[int, int] | None
) -> None:
    found = whole_hours(of_hours(since, until, step, origin))
    assert found == (None if hours is None else (HOUR + hours[0], HOUR + hours[1]))
