"""No test fails because its machine is busy: what must come is waited for long enough, and speeds are the bench's."""

import ast
import functools
from pathlib import Path

import pytest

from tests.architecture.haste import Haste, find_haste, limits_of, read_source
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]
TESTS = sorted(path for path in (ROOT / "tests").rglob("*.py") if "bench" not in path.parts)
TEXTS = {".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text("utf-8") for path in TESTS}

MEANT = {
    ("tests.fault.bus.test_t41_broken_replies", "until"): "waits for what must not come",
    ("tests.fault.edge.test_t16_lying_broker", "more"): "scans again, for as long as it takes",
    ("tests.fault.edge.test_t04_full_disk", "more"): "scans again, for as long as it takes",
    ("tests.integration.bus.test_transmitters", "timeout"): "waits for what must not come",
    ("tests.integration.bus.test_dock", "sleep"): "waits for what must not come",
    ("tests.integration.broker.test_stream", "take"): "waits for what must not come",
    ("tests.fault.edge.test_t06_long_outage", "assert"): "measures minutes, and only in the long run",
    ("tests.contract.test_outbox", "wait"): "waits for what must not come",
    ("tests.flood", "sleep"): "waits for what must not come",
    (
        "tests.integration.firmware_sim.test_oracle",
        "sleep",
    ): "nobody can look into a spool while its agent runs",
    ("tests.partitions", "take"): "looks again, for as long as it takes",
    ("tests.cloud_rig", "until"): "sends again, for as long as it takes",
    ("tests.receivers", "wait"): "the pace of what trickles",
    ("tests.unit.edge.test_poll", "live"): "virtual time",
    ("tests.unit.web.stream.test_stream", "sleep"): "virtual time",
}
"""By module and what is called there, why it isn't haste: the more patient, the slower the test, and no less true."""


@functools.cache
def found_everywhere() -> dict[str, list[Haste]]:
    """By module what is hasty there, meant or not."""
    sources = {name: read_source(text, TEXTS) for name, text in TEXTS.items()}
    limits = limits_of(source.tree for source in sources.values())
    return {name: list(find_haste(source, limits)) for name, source in sources.items()}


def test_patience_outlasts_a_busy_machine() -> None:
    assert PATIENCE_S >= 60


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_is_given_up_within_a_minute_and_no_assertion_measures_real_time(name: str) -> None:
    hasty = [one for one in found_everywhere()[name] if (name, one.called) not in MEANT]
    assert [f"{name}:{one.line}: {one.text}" for one in hasty] == []


def test_whatever_is_meant_is_still_there() -> None:
    found = {(name, one.called) for name, hasty in found_everywhere().items() for one in hasty}
    assert MEANT.keys() - found == set()


@pytest.mark.parametrize("name", TEXTS)
def test_nothing_waits_by_a_call_that_can_drop_a_cancellation(name: str) -> None:
    """`asyncio.wait_for` does before Python 3.12, when its result and the cancellation meet: the test then hangs."""
    calls = [node for node in ast.walk(ast.parse(TEXTS[name])) if isinstance(node, ast.Call)]
    used = [call.lineno for call in calls if ast.unparse(call.func) == "asyncio.wait_for"]
    assert not used, f"{name}: use asyncio.timeout in lines {used}"


OWN_HELPERS = """
async def until(condition, within_s=PATIENCE_S): ...
class Cloud:
    async def more(self, timeout_ms=PATIENCE_S * 1_000): ...
"""

HASTY = {
    "a limit by name": "subprocess.run(command, timeout=30)",
    "in other units": "until_logged('started', timeout_ms=10_000)",
    "of zero point something": "queue.get(timeout=0.5)",
    "by a name of the module": "WAIT_S = 30\nsubprocess.run(command, timeout=WAIT_S)",
    "by a name of another module": "from tests.limits import SHORT_S\nasyncio.timeout(SHORT_S)",
    "by arithmetic": "asyncio.timeout(PATIENCE_S / 4)",
    "of a process by position": "process.wait(2)",
    "of a helper by position": "until(lambda: found, 2)",
    "of a method by position": "cloud.more(500)",
    "of a broker's client by position": "client.publish(topic).wait_for_publish(5)",
    "of a thread by position": "thread.join(5)",
    "of a socket by position": "connection.settimeout(1)",
    "of a new connection by position": "socket.create_connection(address, 3)",
    "of a test": "@pytest.mark.timeout(5)\ndef test_it(): ...",
    "of a module's tests": "pytestmark = pytest.mark.timeout(30)",
    "of a page in ms": "from playwright.sync_api import expect\nexpect(title).to_be_visible(timeout=2_000)",
    "of all pages in ms": "page.set_default_timeout(10_000)",
    "of a helper by default": "def until_up(timeout_ms: int = 15_000): ...",
    "of a helper by default, by name only": "def until_up(*, within_s: float = 5): ...",
    "so many looks": "for _ in range(50):\n    if found():\n        break\n    time.sleep(0.1)",
    "so many looks with another pause": "for _ in range(50):\n    if found():\n        break\n    pause.wait(0.1)",
    "a pause": "async def test_it():\n    await asyncio.sleep(4)\n    assert asked >= 8",
    "a pause of a page": "def test_it(page):\n    page.wait_for_timeout(300)",
    "a span": "def test_it():\n    assert monotonic_ms() - began < 500",
    "a span that is kept": "def test_it():\n    took = monotonic_ms() - began\n    assert took < 500",
    "a span from a reading that is kept": (
        "def test_it():\n    end = time.monotonic()\n    took = (end - began) / 1_000\n    assert 500 > took"
    ),
    "a span of a span": (
        "def test_it():\n    a = time.perf_counter()\n    took = time.perf_counter() - a\n"
        "    most = max(took, 0.1)\n    assert most <= 2"
    ),
    "a span among others": "def test_it():\n    took = now_ms() - began\n    assert found and 0 <= took <= 900",
    "a deadline that is kept": (
        "def until_up():\n    end = time.monotonic() + 5\n    while time.monotonic() < end:\n        look()"
    ),
    "a deadline in ms": (
        "def until_up():\n    end = monotonic_ms() + 5_000\n    while not found():\n"
        "        assert monotonic_ms() < end"
    ),
    "a rate": "def test_it():\n    took = now_ms() - began\n    rate = count / took\n    assert rate > 1_000",
    "a span that a helper gives": (
        "def drain():\n    began = now_ms()\n    return now_ms() - began\n\ndef test_it():\n    assert drain() < 2"
    ),
    "a pace by noted readings": (
        "def heard(self):\n    self.times.append(time.perf_counter())\n\n"
        "def test_it():\n    assert period(wire.times) <= 2.0"
    ),
}

PATIENT = {
    "patience": "subprocess.run(command, timeout=PATIENCE_S)",
    "two minutes": "asyncio.timeout(120)",
    "as long as it takes": "process.wait()",
    "a look": "process.wait(0)",
    "virtual time": "house.wait(5 * M)",
    "a rule's own limit": "Watch(within='15s')",
    "many looks": "for _ in range(int(PATIENCE_S / 0.05)):\n    if found():\n        break\n    time.sleep(0.05)",
    "work at a pace": "for _ in range(10):\n    scan()\n    time.sleep(0.05)",
    "looks without an end": "def until_up():\n    while not found():\n        time.sleep(0.5)",
    "other things by position": "until(lambda: 2)",
    "a page's minutes": "from playwright.sync_api import expect\nexpect.set_options(timeout=120_000)",
    "at least so long": "def test_it():\n    took = now_ms() - began\n    assert took >= 2_000",
    "what has no clock": "def test_it():\n    took = verdict.at - began\n    assert took < 500",
    "a long deadline": (
        "def until_up():\n    end = monotonic_ms() + PATIENCE_S * 1_000\n    while monotonic_ms() < end:\n        look()"
    ),
    "a time of the data": "def test_it():\n    at = now_ms() + 5_000\n    assert admit(event(at)).at == at",
}


def haste_in(text: str) -> list[str]:
    source = read_source(
        f"from tests.waiting import PATIENCE_S\n{text}", TEXTS | {"tests.limits": "SHORT_S = 2"}
    )
    helpers = limits_of([ast.parse(OWN_HELPERS), source.tree])
    return [one.text for one in find_haste(source, helpers)]


@pytest.mark.parametrize("way", HASTY)
def test_every_way_to_be_hasty_is_noticed(way: str) -> None:
    assert haste_in(HASTY[way])


@pytest.mark.parametrize("way", PATIENT)
def test_what_is_patient_is_not_called_hasty(way: str) -> None:
    assert haste_in(PATIENT[way]) == []
