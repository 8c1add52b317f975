"""T48: a flood of alarms. Fire is told first, once for each fire, and whoever looks is answered."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud_rig import Ports, running_broker
from tests.flood import flood, percentile, start_flooded, write_flood_sites
from tests.receivers import receiver


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    with running_broker(tmp_path) as found:
        yield found


@pytest.mark.parametrize(
    ("sites", "seconds"), [(20, 2), pytest.param(200, 10, marks=pytest.mark.long)], ids=["1000", "10000"]
)
async def test_t48_fire_first_in_a_flood(
    dsn: str, ports: Ports, tmp_path: Path, sites: int, seconds: float
) -> None:
    """Every fire is told once, however much else is told; how fast is printed, and measured by `make bench`."""
    with receiver() as web:
        write_flood_sites(tmp_path, sites, f"{web.url}/hook")
        child, page = start_flooded(dsn, ports, tmp_path)
        try:
            seen = await flood(ports, page, web, sites, seconds)
        finally:
            child.stop()
    print(
        f"{seen.alarms} alarms: fire told p50 {percentile(seen.fire, 50)} p99 {percentile(seen.fire, 99)} ms,"
        f" API p99 {percentile(seen.answers, 99)} ms"
    )
    assert seen.incidents == sites
    assert seen.twice == 0
    assert len(seen.fire) == sites
