"""Profile files read and checked: every mistake at once, by file, line and field."""

import math
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from contract.display import display_mistakes, number_of
from contract.events import STATE, is_mode
from contract.problems import ConfigError, Problem
from contract.profile.bits import lowest
from contract.profile.entry_check import count_mistakes, pattern_mistakes, range_mistakes
from contract.profile.expand import name_mistake, point_names, width_of
from contract.profile.messages import Field, Topic
from contract.profile.model import (
    Condition,
    CsvProfile,
    HttpProfile,
    Item,
    Kind,
    MeterProfile,
    ModbusProfile,
    MqttProfile,
    Point,
    Profile,
    PublishingProfile,
    State,
    TransmitterProfile,
    WandProfile,
)
from contract.profile.words import code
from contract.site import Site
from contract.site_files import find_profile
from contract.state_words import CLEARED, state_word
from contract.yamlfile import FieldPath, Located, check, load_yaml, unknown_name

_MODELS = {
    "modbus": ModbusProfile,
    "mqtt": MqttProfile,
    "http": HttpProfile,
    "gb26875": TransmitterProfile,
    "dlt645": MeterProfile,
    "jwm": WandProfile,
    "csv": CsvProfile,
}
_WHOLE = 0xFFFF_FFFF_FFFF_FFFF
_DATE_WORDS = ("YYYY", "YY", "MM", "DD", "hh", "mm", "ss", "--")
Mistake = tuple[FieldPath, str]


def load_profile(path: Path) -> Profile:
    """The profile that a file describes.

    Raises:
        ConfigError: It can't be read, or does not fit together; every mistake is named.
    """
    return read_profile(load_yaml(path))


def site_profiles(site: Site, directory: Path) -> dict[str, Profile]:
    """The profiles that a site's devices use, by name; those that are not there are left out: `load_site` says so.

    Raises:
        ConfigError: As `load_profile`, for all of them.
    """
    found: dict[str, Profile] = {}
    problems: list[Problem] = []
    for name in sorted({device.profile for device in site.file.devices if device.profile}):
        path = find_profile(name, directory)
        if path is None:
            continue
        try:
            found[name] = load_profile(path)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(sorted(problems))
    return found


def read_profile(located: Located) -> Profile:
    """The same for YAML that has been read already."""
    protocol = located.value.get("protocol") if isinstance(located.value, dict) else None
    model = _MODELS.get(str(protocol))
    if model is None:
        *others, last = _MODELS
        known = f"{', '.join(others)} or {last}"
        raise ConfigError([located.problem(("protocol",), f"expected {known}, found {protocol!r}")])
    problems = check(located, model)
    if problems:
        raise ConfigError(problems)
    profile: Profile = msgspec.convert(located.value, model)
    # What makes too much is told before anything is made of it.
    found = list(count_mistakes(profile)) or list(_mistakes(profile))
    problems = [located.problem(path, message) for path, message in found]
    if problems:
        raise ConfigError(problems)
    return profile


def _mistakes(profile: Profile) -> Iterator[Mistake]:
    match profile:
        case ModbusProfile():
            return _modbus_mistakes(profile)
        case MqttProfile() | HttpProfile():
            return _topic_mistakes(profile)
        case CsvProfile():
            return _log_mistakes(profile)
        case MeterProfile():
            return _meter_mistakes(profile)
        case TransmitterProfile() | WandProfile():
            return iter(())


def _log_mistakes(profile: CsvProfile) -> Iterator[Mistake]:
    if not profile.buffers:
        yield ("buffers",), "expected true: a log is read long after"
    for index, entry in enumerate(profile.rows):
        if entry.type is None and not entry.readings:
            yield ("rows", index), "expected a type or readings"
        if entry.type is not None and entry.type not in profile.emits:
            yield ("rows", index, "type"), f"{entry.type} is not among what the profile emits"


def _topic_mistakes(profile: PublishingProfile) -> Iterator[Mistake]:
    for name, states in profile.states.items():
        yield from _states_mistakes(profile, states, ("states", name))
    for index, topic in enumerate(profile.topics):
        path: FieldPath = ("topics", index)
        forms = (topic.type is not None, topic.availability is not None, bool(topic.fields), topic.alive)
        if sum(forms) != 1:
            yield path, "expected one of type, fields, availability and alive"
        if topic.type is not None and topic.type not in profile.emits:
            yield (*path, "type"), f"{topic.type} is not among what the profile emits"
        if topic.confirm is not None and topic.person is None:
            yield (*path, "confirm"), "expected a person: it is them who are read again"
        yield from _whose_mistakes(topic, path)
        for place, field in enumerate(topic.fields):
            yield from _field_mistakes(profile, topic, field, (*path, "fields", place))


def _whose_mistakes(topic: Topic, path: FieldPath) -> Iterator[Mistake]:
    """A message must say whose it is, and of which part."""
    shared = topic.availability is not None or topic.alive
    if not shared and ("{address}" in topic.topic) == (topic.address_at is not None):
        yield (
            (*path, "topic"),
            "expected {address} in the topic, or address_at where a message says whose it is",
        )
    if bool(topic.columns) != (topic.body == "lines"):
        yield (*path, "columns"), "expected columns for a body of lines, and only for it"
    if topic.tlv_at is not None and topic.bytes_at is not None:
        yield (*path, "bytes_at"), "expected either tlv_at or bytes_at"
    if topic.part is not None and topic.list_at is None:
        yield (*path, "part"), "expected list_at: the list whose elements name their part"
    if topic.skip and topic.tlv_at is None:
        yield (*path, "skip"), "expected tlv_at: sizes of its items"


def _field_mistakes(
    profile: PublishingProfile, topic: Topic, field: Field, path: FieldPath
) -> Iterator[Mistake]:
    if (field.tlv is None) != (topic.tlv_at is None):
        yield path, "expected tlv in a topic with tlv_at, and only there"
    if (field.cut is None) != (topic.bytes_at is None):
        yield path, "expected bytes in a topic with bytes_at, and only there"
    yield from _cut_mistakes(field, path)
    yield from _pattern_mistakes(topic, field, path)
    yield from _display_mistakes(field, path)
    for place, ratio in enumerate(field.times):
        if ratio not in profile.ratios:
            yield (*path, "times", place), unknown_name("ratio", ratio, profile.ratios)
    if field.states is not None and field.states not in profile.states:
        yield (*path, "states"), unknown_name("set of states", field.states, profile.states)
    for key, type_ in field.each.items():
        if type_ not in profile.emits:
            yield (*path, "each", key), f"{type_} is not among what the profile emits"


def _cut_mistakes(field: Field, path: FieldPath) -> Iterator[Mistake]:
    if field.tlv is not None and field.tlv.at + (field.tlv.take or 1) > field.tlv.size:
        yield (*path, "tlv", "at"), "runs beyond the item"
    if field.pattern is not None:
        yield from pattern_mistakes(field.pattern, (*path, "pattern"))
    if field.mask is not None and code(field.mask) == 0:
        yield (*path, "mask"), "has no bit"


def _pattern_mistakes(topic: Topic, field: Field, path: FieldPath) -> Iterator[Mistake]:
    known = {repeat.name for repeat in field.repeat} | ({"part"} if topic.part is not None else set())
    wrong = name_mistake(field.name, known)
    if wrong:
        yield (*path, "name"), wrong
    elif topic.part is not None and "{part}" not in field.name:
        yield (*path, "name"), "expected {part} in it: there is one of each part"


def _display_mistakes(entry: Point | Field | Item, path: FieldPath) -> Iterator[Mistake]:
    """Words for display that nobody would ever see, and a range in which no value is."""
    yield from range_mistakes(entry, path)
    if entry.display and not entry.report:
        yield (*path, "display"), "expected report: true: what is not told is not shown"
    for shown, message in display_mistakes(entry.display):
        yield (*path, "display", shown), message
    low, high = (
        (-math.inf if entry.min is None else entry.min),
        (math.inf if entry.max is None else entry.max),
    )
    for shown in entry.display:
        if not low <= number_of(shown) <= high:
            yield (*path, "display", shown), "is beyond min or max: such a value is bad, not shown"


def _modbus_mistakes(profile: ModbusProfile) -> Iterator[Mistake]:
    for name, states in profile.states.items():
        yield from _states_mistakes(profile, states, ("states", name))
    names: dict[str, int] = {}
    for index, point in enumerate(profile.points):
        path: FieldPath = ("points", index)
        yield from _point_mistakes(profile, point, path)
        if wrong := name_mistake(point.name, {repeat.name for repeat in point.repeat}):
            yield (*path, "name"), wrong
            continue
        for name in point_names(point):
            if name in names:
                yield (*path, "name"), f"{name} is there twice"
            names[name] = index
    for index, point in enumerate(profile.points):
        yield from _scale_mistakes(profile, point, names, ("points", index))
    yield from _derived_mistakes(profile, names)
    for index, identity in enumerate(profile.identity):
        if bool(identity.numbers) == bool(identity.text):
            yield ("identity", index), "expected either in or text"
    if profile.alive is not None and profile.alive.point not in names:
        yield ("alive", "point"), unknown_name("point", profile.alive.point, names)


def _meter_mistakes(profile: MeterProfile) -> Iterator[Mistake]:
    for name, states in profile.states.items():
        yield from _states_mistakes(profile, states, ("states", name))
    names: set[str] = set()
    for index, block in enumerate(profile.blocks):
        if block.poll not in {*profile.polls, "normal"}:
            yield ("blocks", index, "poll"), unknown_name("poll", block.poll, profile.polls)
        for place, item in enumerate(block.points):
            path: FieldPath = ("blocks", index, "points", place)
            if item.name in names:
                yield (*path, "name"), f"{item.name} is there twice"
            names.add(item.name)
            yield from _display_mistakes(item, path)
            if item.states is not None and item.states not in profile.states:
                yield (*path, "states"), unknown_name("set of states", item.states, profile.states)
            for number, ratio in enumerate(item.times):
                if ratio not in profile.ratios:
                    yield (*path, "times", number), unknown_name("ratio", ratio, profile.ratios)


def _derived_mistakes(profile: ModbusProfile, names: Collection[str]) -> Iterator[Mistake]:
    for index, derived in enumerate(profile.derived):
        for place, name in enumerate(derived.of):
            if name not in names:
                yield ("derived", index, "of", place), unknown_name("point", name, names)
        if derived.while_ is not None:
            yield from _condition_mistakes(derived.while_, names, ("derived", index, "while"))
        if derived.states not in profile.states:
            yield ("derived", index, "states"), unknown_name("set of states", derived.states, profile.states)
    for index, lapse in enumerate(profile.lapses):
        if lapse.name in names:
            yield ("lapses", index, "name"), f"{lapse.name} is a point already"
        for field, type_ in (("from", lapse.from_), ("to", lapse.to)):
            if type_ not in profile.emits:
                yield ("lapses", index, field), f"{type_} is not among what the profile emits"


def _condition_mistakes(condition: Condition, names: Collection[str], path: FieldPath) -> Iterator[Mistake]:
    if condition.point not in names:
        yield (*path, "point"), unknown_name("point", condition.point, names)
    if bool(condition.when) == (condition.above is not None):
        yield path, "expected either in or above"


def _point_mistakes(profile: ModbusProfile, point: Point, path: FieldPath) -> Iterator[Mistake]:
    if (point.type is Kind.BOOL) != (point.function in {1, 2}):
        yield (*path, "type"), "expected bool for functions 1 and 2, and only for them"
    if point.poll not in {*profile.polls, "normal"}:
        yield (*path, "poll"), unknown_name("poll", point.poll, profile.polls)
    width = width_of(point)
    last = point.address + width + sum((r.count - 1) * (r.stride or 1) for r in point.repeat)
    if last > 65_536:
        yield (*path, "address"), "runs beyond address 65535"
    if width > profile.limits.max_registers:
        yield (*path, "type"), "is wider than limits.max_registers: it can't be read in one request"
    yield from _form_mistakes(point, path)
    yield from _display_mistakes(point, path)
    if point.nibbles and (len(point.nibbles) != 4 or point.type is not Kind.UINT16):
        yield (*path, "nibbles"), "expected four names, in a uint16"
    if point.states is not None and point.states not in profile.states:
        yield (*path, "states"), unknown_name("set of states", point.states, profile.states)


def _form_mistakes(point: Point, path: FieldPath) -> Iterator[Mistake]:
    """What a value's own form says that can't be."""
    if (point.type in {Kind.TEXT, Kind.DATE}) != (point.count is not None):
        yield (*path, "count"), "expected count for text and date, and only for them"
    if point.type is Kind.TEXT and not point.codes and point.report:
        yield (*path, "codes"), "expected numbers for its texts, or report: false: a text is no reading"
    if point.codes and point.type is not Kind.TEXT:
        yield (*path, "codes"), "expected type text: codes make numbers of texts"
    if point.mask is not None and (code(point.mask) == 0 or not point.type.value.startswith("uint")):
        yield (*path, "mask"), "expected bits of a uint"
    if point.type is Kind.DATE:
        yield from _date_mistakes(point, path)


def _date_mistakes(point: Point, path: FieldPath) -> Iterator[Mistake]:
    words = point.form.split()
    unknown = [word for word in words if word not in _DATE_WORDS]
    if unknown or not {"YY", "YYYY"} & set(words):
        yield (
            (*path, "form"),
            f"expected words of {', '.join(_DATE_WORDS)}, with a year, found {point.form!r}",
        )
        return
    size = sum(2 if word == "YYYY" else 1 for word in words)
    if len(words) != point.count and size > 2 * (point.count or 0):
        yield (*path, "form"), f"is longer than {point.count} registers"


def _scale_mistakes(
    profile: ModbusProfile, point: Point, names: Collection[str], path: FieldPath
) -> Iterator[Mistake]:
    sources = {
        "decimals_from": point.decimals_from,
        "exponent_from": point.exponent_from,
        "scale_from": point.scale_from,
    }
    given = {field: pattern for field, pattern in sources.items() if pattern is not None}
    if len(given) > 1:
        yield (*path, "scale_from"), f"expected one of {', '.join(sources)}"
    counters = {repeat.name: repeat.first for repeat in point.repeat}
    for field, pattern in given.items():
        wrong = name_mistake(pattern, counters)
        if wrong:
            yield (*path, field), wrong
        elif (name := pattern.format(**counters)) not in names:
            yield (*path, field), unknown_name("point", name, names)
    if point.scales and not given:
        yield (*path, "scales"), "expected scale_from: whose codes they are"
    for place, ratio in enumerate(point.times):
        if ratio not in profile.ratios:
            yield (*path, "times", place), unknown_name("ratio", ratio, profile.ratios)


def _states_mistakes(profile: Profile, states: tuple[State, ...], path: FieldPath) -> Iterator[Mistake]:
    if len({state.name for state in states}) != len(states):
        yield path, "two states have one name"
    for index, state in enumerate(states):
        here: FieldPath = (*path, index)
        forms = [bool(state.when), state.above is not None, state.below is not None]
        if sum(forms) != 1:
            yield here, "expected exactly one of in, above and below"
        yield from _code_mistakes(state, here)
        if state.clear is not None and not _clears(state):
            yield (*here, "clear"), "is on the wrong side of the limit"
        if state.on is None and state.off is None:
            yield here, "expected on or off, or both"
        for field, type_ in (("on", state.on), ("off", state.off)):
            if type_ is not None and type_ not in profile.emits:
                yield (*here, field), f"{type_} is not among what the profile emits"
        yield from _end_mistakes(state, here)


def _end_mistakes(state: State, path: FieldPath) -> Iterator[Mistake]:
    """Data by which the beginning of a state would pass for its end, or its end for the beginning."""
    if state.on is None or state.on != state.off or is_mode(state.on):
        return
    if state_word(state.data.get(STATE)) == CLEARED:
        yield (*path, "data", STATE), "says that it ended, where it begins: expected active"
    if STATE in state.off_data and state_word(state.off_data[STATE]) != CLEARED:
        yield (*path, "off_data", STATE), f"expected {CLEARED}: it ends with the type that it begins with"


def _code_mistakes(state: State, path: FieldPath) -> Iterator[Mistake]:
    """Codes that can never be, or that no word is for."""
    if state.mask is not None and code(state.mask) == 0:
        yield (*path, "mask"), "has no bit"
        return
    mask = code(state.mask) if state.mask is not None else _WHOLE
    most = mask >> lowest(mask)
    named: list[tuple[FieldPath, int]] = [(("in", place), one) for place, one in enumerate(state.when)]
    named += [(("absent", place), one) for place, one in enumerate(state.absent)]
    named += [(("words", key), code(key)) for key in state.words]
    for field, one in named:
        if one & ~most:
            fits = one & mask == one
            hint = (
                f"; its bits are shifted down to the lowest, so write {one >> lowest(mask)}" if fits else ""
            )
            yield (*path, *field), f"{one} can't be under mask {state.mask}{hint}"
    words = {code(key) for key in state.words}
    for place, one in enumerate(state.when):
        if one in state.absent:
            yield (*path, "in", place), f"{one} is among absent too: it can't be both"
        elif words and one not in words:
            yield (*path, "in", place), f"{one} has no word in words: it would be unknown"
    if len(words) != len(state.words):
        yield (*path, "words"), "two of its codes are the same number"
    if state.mask is not None and not state.when:
        yield (*path, "mask"), "expected in with it: above and below look at the whole number"


def _clears(state: State) -> bool:
    if state.clear is None:
        return True
    if state.above is not None:
        return state.clear <= state.above
    return state.below is not None and state.clear >= state.below
