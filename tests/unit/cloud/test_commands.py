"""A command is done once, however often it is sent: also when the worker that answered it is gone."""

import msgspec
import pytest

from cloud.operations import command as do
from cloud.operations.command import DESK, Action, Command
from contract.topics import Address
from tests.house import H, demo
from tests.ingest_rig import NOON, Bench

ACTIONS: dict[str, tuple[str, Action]] = {
    "an order": ("p-001", do.OpenOrder(kind="repair", title="Lamp", zone="b1")),
    "a check": ("p-001", do.AskPresence(post="control")),
    "a drill": (
        "p-001",
        do.PlanDrill(name="Fire", start=NOON + H, end=NOON + 2 * H, zones=("b1",), emergencies=("fire",)),
    ),
    "a screen": ("p-001", do.SetScreen(screen="wall-1", name="Left wall")),
    "what was refused": ("p-001", do.AddNote(matter="order", id="none-such", text="x")),
}


async def send(bench: Bench, command: Command) -> None:
    await bench.until_taken(bench.line.capture(Address("demo", DESK), msgspec.json.encode(command)))


@pytest.mark.parametrize("restarted", [False, True], ids=["the same worker", "after a restart"])
@pytest.mark.parametrize("what", ACTIONS)
async def test_the_second_copy_of_a_command_changes_nothing(what: str, restarted: bool) -> None:
    person, action = ACTIONS[what]
    command = Command(id="c-1", person=person, at=NOON, action=action)
    bench = Bench({"demo": demo()})
    bench.start()
    await send(bench, command)
    held = bench.held
    answer = held.answers["demo", "c-1"]
    assert bool(answer.problem) is (what == "what was refused")
    records, events = dict(held.records), bench.stored()
    if restarted:
        await bench.stop()
        bench.start()
    bench.now += 1  # whatever was done again would be later
    await send(bench, command)
    await bench.stop()
    assert held.answers["demo", "c-1"] == answer
    assert [one.id for commit in held.commits for one in commit.answers] == ["c-1"]
    assert held.records == records
    assert bench.stored() == events
