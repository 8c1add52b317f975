"""A state whose end has the type of its beginning is never told as if it had begun once more."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.events import Phase, phase_told
from contract.problems import ConfigError
from contract.profile.load import read_profile
from contract.profile.model import MqttProfile
from contract.profile.points import StateRule, Told
from contract.site import Binding, Device
from contract.yamlfile import parse_yaml
from edge.decode.states import Moment, follow
from edge.decode.values import Value
from edge.presence import LinePresence
from edge.topicmap import TopicMap
from tests.bus import events

WORDS = st.sampled_from(["active", "cleared", "normal", "idle", "alarm", "0"])
FACTS = st.dictionaries(st.sampled_from(["state", "severity", "what"]), WORDS)


def told(rule: StateRule, *values: int) -> list[tuple[str, dict[str, Any]]]:
    active: Any = {}
    found = []
    for value in values:
        moment = Moment(since=0, answered_at=1, bridge_ms=10)
        outcome = follow(
            "p", Told(device="d", data={"point": "p"}), (rule,), Value(value, value), active, moment
        )
        active = outcome.active
        found += [(event.type, dict(event.data)) for event in outcome.events]
    return found


@given(
    type_=st.sampled_from(["device.fault", "fire.alarm", "door.opened", "pump.dry"]),
    begun=FACTS,
    ended=FACTS,
    words=st.none() | st.tuples(WORDS, WORDS),
    label=st.sampled_from(["word", "state", "what"]),
    inverted=st.booleans(),
)
def test_the_end_of_a_state_of_one_type_is_an_end(
    type_: str,
    begun: dict[str, Any],
    ended: dict[str, Any],
    words: tuple[str, str] | None,
    label: str,
    inverted: bool,
) -> None:
    rule = StateRule(
        name="s",
        mask=1,
        codes=frozenset({0 if inverted else 1}),
        words={} if words is None else dict(enumerate(words)),
        label=label,
        inverted=inverted,
        on=type_,
        off=type_,
        on_data=begun,
        off_data=ended,
    )
    _, (last, data) = told(rule, 1, 0)
    assert (last, phase_told(last, data.get("state"))) == (type_, Phase.ENDS)


@pytest.mark.parametrize("type_", ["generator.mode", "fire.mode", "hvac.mode"])
def test_a_mode_is_set_and_does_not_end(type_: str) -> None:
    rule = StateRule(
        name="m",
        mask=1,
        codes=frozenset({1}),
        words={0: "auto", 1: "manual"},
        label="mode",
        on=type_,
        off=type_,
    )
    assert told(rule, 1, 0) == [
        (type_, {"point": "p", "mode": "manual"}),
        (type_, {"point": "p", "mode": "auto"}),
    ]


PUBLISHED = """\
profile: p
protocol: mqtt
emits: [device.fault]
states: {low: [{in: [1], on: device.fault, off: device.fault DATA}]}
topics: [{topic: "x/{address}", fields: [{name: low, path: low, states: low, report: false}]}]
"""


@pytest.mark.parametrize(
    "binding", [Binding(), Binding(on="pump.dry", off="pump.dry"), Binding(invert=True)], ids=str
)
def test_a_message_tells_its_end_too_in_the_sites_words(binding: Binding) -> None:
    profile = read_profile(parse_yaml(PUBLISHED.replace("DATA", ", data: {state: active}"), "p.yaml"))
    assert isinstance(profile, MqttProfile)
    topics = TopicMap([(Device(id="d", address="a", points={"low": binding}), profile)])
    line = LinePresence(["d"], signs=topics.signs)
    line.connected(0, remembered=False)
    seen = [
        one
        for now, payload in enumerate((b'{"low": 0}', b'{"low": 1}', b'{"low": 0}', b'{"low": 1}'), 1)
        for said in topics.read("x/a", payload, now)
        for one in line.takes(said, now, retained=False)
    ]
    phases = [phase_told(event.type, event.data.get("state")) for event in events(seen)]
    assert phases[:3] in ([Phase.BEGINS, Phase.ENDS, Phase.BEGINS], [Phase.BEGINS, Phase.ENDS])


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (", data: {state: cleared}", "states.low[0].data.state"),
        (", off_data: {state: active}", "states.low[0].off_data.state"),
        (", off_data: {state: soon}", "states.low[0].off_data.state"),
    ],
)
def test_data_that_turns_begin_and_end_round_is_a_mistake(data: str, field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_profile(parse_yaml(PUBLISHED.replace("DATA", data), "p.yaml"))
    assert [problem.field for problem in caught.value.problems] == [field]
