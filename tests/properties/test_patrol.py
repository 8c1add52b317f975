"""Scans of tablets that come in any order and hours late leave the verdicts that readers on time would have left."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.operations import command as do
from tests.cases import sized
from tests.house import H, House, M

CHECKPOINTS = ("cp-club", "cp-plaza")
WHOLE = 16 * H

Scan = tuple[str, int, int]
"""The checkpoint, when it was scanned, how much later that is told; the times in minutes."""

SCANS = st.lists(
    st.tuples(st.sampled_from(CHECKPOINTS), st.integers(1, 9 * 60), st.integers(0, 6 * 60)),
    max_size=6,
    unique_by=lambda scan: (scan[0], scan[1]),
)


def lived(scans: list[Scan], *, late: bool) -> dict[tuple[str, int], str]:
    """The newest outcome of each episode once all is told: by tablets as they come, or by readers at once."""
    house = House()
    begun = house.now
    for name in CHECKPOINTS:
        house.happen(name, "checkpoint.scan", person="card:8812331")
    for name, at, after in sorted(scans, key=lambda scan: scan[1] + (scan[2] if late else 0)):
        house.wait(begun + (at + (after if late else 0)) * M - house.now, hearing=False)
        house.hear()
        if late:
            assert not house.do("p-007", do.Scan(tag=name), at=begun + at * M).problem
        else:
            house.happen(name, "checkpoint.scan", person="card:8812331")
    house.pass_to(begun + WHOLE, hearing=False)
    house.hear()
    return {
        (revised.verdict.key, revised.verdict.opened_at - begun): revised.verdict.outcome.value
        for revised in house.verdicts("PT-1")
        if revised.verdict.key in CHECKPOINTS
    }


@sized(0.15, long=0.01)
@given(SCANS)
def test_what_comes_late_is_judged_as_if_it_had_come_at_once(scans: list[Scan]) -> None:
    assert lived(scans, late=True) == lived(scans, late=False)
