"""Random agents tell of random devices: what is not theirs reaches neither rule nor coverage, and all of it is kept."""

import itertools
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.admit import Admission, Admitted, Delivery
from cloud.ingest.facts import SiteFacts
from cloud.ingest.health import Health
from cloud.ingest.ledger import Ledger
from cloud.ingest.openings import Openings
from contract.site import DESK_SIGN, Agent, Binding, Device, Line, Site, SiteFile
from contract.topics import Address

NOON = 1_764_547_200_000
AGENTS = ("a1", "a2", "a3")
STRANGER = "a9"
DESK_TYPES = (DESK_SIGN, "operator.closed")
TYPES = ("fire.alarm", "checkpoint.scan", *DESK_TYPES)

World = tuple[Site, dict[str, set[str]], dict[str, set[str]]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A site; by device, the agents that may tell of it; by device, the desk's words that it may tell as well."""
    agents = AGENTS[: draw(st.integers(1, 3))]
    with_desk = draw(st.booleans())
    devices: list[Device] = []
    allowed: dict[str, set[str]] = {}
    says: dict[str, set[str]] = {}
    for number in range(draw(st.integers(1, 5))):
        on = draw(st.sampled_from((None, *agents)))
        behind = draw(st.sampled_from((None, f"gate-{number % 2}")))
        own_words = draw(st.sampled_from((None, ("checkpoint.scan", DESK_SIGN))))
        name = f"d{number}"
        devices.append(
            Device(
                id=name,
                line=on and f"line-{on}",
                points={"di_1": Binding(device=behind)} if behind else {},
                emits=own_words if on else ("checkpoint.scan",),
            )
        )
        says[name] = {DESK_SIGN} if own_words and on else set()
        for told in filter(None, (name, behind)):
            allowed.setdefault(told, set()).update({on} - {None})  # type: ignore[arg-type]
    gates = [name for name in allowed if name.startswith("gate")]
    devices += [Device(id=name, emits=("gate.released",)) for name in gates]
    says |= {name: set() for name in gates}
    if with_desk:
        devices.append(Device(id="desk", emits=DESK_TYPES))
        allowed["desk"], says["desk"] = set(), set(DESK_TYPES)
    bound = {binding.device for device in devices for binding in device.points.values()}
    for device in devices:
        told_by_people = with_desk and device.line is None and device.id not in bound
        if not allowed[device.id] and not told_by_people:
            allowed[device.id] = set(agents)
    if not with_desk:
        says = {name: set(TYPES) for name in says}
    lines = [Agent(id=name, lines=(Line(id=f"line-{name}", endpoint="mqtt://x"),)) for name in agents]
    return Site(SiteFile(site="s", devices=tuple(devices), agents=tuple(lines))), allowed, says


@given(world=worlds(), data=st.data())
def test_what_is_not_an_agents_own_is_put_aside_whole_and_nothing_of_it_counts(
    world: World, data: st.DataObject
) -> None:
    site, allowed, says = world
    health = Health("s", (), ())
    facts = SiteFacts(site)
    admission = Admission(Ledger(), lambda _: facts, lambda _: health, Openings({}))
    known = sorted(allowed)
    numbers = dict.fromkeys((*AGENTS, STRANGER), 1)
    senders = st.sampled_from((*site.agents, STRANGER))
    names = st.sampled_from((*known, "nobody-knows-it"))
    for sender in data.draw(st.lists(senders, min_size=1, max_size=4)):
        told = data.draw(st.lists(st.tuples(names, st.sampled_from(TYPES)), max_size=6))
        read = data.draw(st.lists(names, max_size=4))
        stated = data.draw(st.sets(names))
        first = numbers[sender]
        seqs = itertools.count(first)
        events = [{"seq": next(seqs), "at": NOON, "device": d, "type": t} for d, t in told]
        columns: dict[str, list[Any]] = {
            "seq": [next(seqs) for _ in read],
            "device": read,
            "point": ["t"] * len(read),
            "at": [NOON] * len(read),
            "value": [1.0] * len(read),
            "quality": ["good"] * len(read),
        }
        last = first + len(told) + len(read) - 1
        numbers[sender] = last + 1
        batch: dict[str, Any] = {"agent": sender, "epoch": 7, "first": first, "last": last, "sent_at": NOON}
        batch |= {"events": events, "sources": {d: {"complete_to": NOON} for d in stated}}
        batch |= {"readings": columns} if read else {}
        admitted = admission.admit(Delivery(Address("s", sender), json.dumps(batch).encode(), NOON))

        def is_own(device: str, sender: str = sender) -> bool:
            return sender in site.agents and (device not in allowed or sender in allowed[device])

        def may_tell(device: str, kind: str, sender: str = sender) -> bool:
            foreign_word = kind in DESK_TYPES and device in says and kind not in says[device]
            return is_own(device, sender) and not foreign_word

        own = {e["seq"] for e, (d, t) in zip(events, told, strict=True) if may_tell(d, t)}
        own_read = {seq for seq, d in zip(columns["seq"], read, strict=True) if is_own(d)}
        taken = {event.seq for event in admitted.events.events} if admitted.events else set()
        assert taken == own == {event.seq for event in admitted.judged}
        assert (set(admitted.readings.readings.seq) if admitted.readings else set()) == own_read
        aside = put_aside(admitted)
        everything = {event["seq"] for event in events} | set(columns["seq"])
        assert {one["seq"] for one in aside if "seq" in one} == everything - own - own_read
        foreign_statements = {name for one in aside if "seq" not in one for name in one}
        assert foreign_statements == {device for device in stated if not is_own(device)}
        assert bool(admitted.not_its_own) == bool(aside)
        covered = {told.device for told in admission.statements()}
        assert not {device for device in covered if device in allowed and sender not in allowed[device]}
        assert {device for device in stated if is_own(device)} <= covered
        if sender not in site.agents:
            assert not covered


def put_aside(admitted: Admitted) -> list[dict[str, Any]]:
    assert {row.kind for row in admitted.quarantine} <= {"spoof"}
    return [one for row in admitted.quarantine for one in json.loads(row.body)]
