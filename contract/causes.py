"""Why a device, one of its values or a while can't be relied on: codes, their English, and what fills its gaps.

An agent puts a code and what fills its gaps in the data of `device.blind`, `device.offline` and `device.fault`; pages
put them into words in the language of whoever reads (`cloud/ui/src/words/why.json`), logs have the English.
"""

from enum import StrEnum
from typing import Final

import msgspec
from typing_extensions import override

Fact = str | int


class Cause(StrEnum):
    """The codes. A profile's own words for raw values that are none (`no_data`) may stand beside them."""

    # A while that nobody knows
    SILENT = "silent"
    RESTART = "restart"
    SPOOL_LOST = "spool_lost"
    SPOOL_FULL = "spool_full"
    LEFT_OUT = "left_out"
    CLOCK = "clock"
    # A device out of reach
    OFFLINE = "offline"
    NOT_HEARD = "not_heard"
    NO_WORD_YET = "no_word_yet"
    NOT_UNDERSTOOD = "not_understood"
    FROZEN = "frozen"
    LINE_DOWN = "line_down"
    INBOX_LOST = "inbox_lost"
    DOCK_LOST = "dock_lost"
    NO_ANSWER = "no_answer"
    LATE_ANSWERS = "late_answers"
    OTHER_NUMBER = "other_number"
    OTHER_UNIT = "other_unit"
    OTHER_FORM = "other_form"
    UNREADABLE = "unreadable"
    EXCEPTION = "exception"
    # A value that is none, or may be missed
    OUT_OF_RANGE = "out_of_range"
    NOT_A_NUMBER = "not_a_number"
    NOT_THERE = "not_there"
    SCALE_UNKNOWN = "scale_unknown"
    UNKNOWN_CODE = "unknown_code"
    VANISHED = "vanished"
    UNKNOWN_TEXT = "unknown_text"
    READ_TOO_RARELY = "read_too_rarely"
    PULSE_MAY_BE_MISSED = "pulse_may_be_missed"
    # A message that is not what its profile says
    TOO_LONG = "too_long"
    TOO_MANY = "too_many"
    NO_JSON = "no_json"
    MISSING = "missing"
    EXPECTED_TEXT = "expected_text"
    EXPECTED_FACT = "expected_fact"
    EXPECTED_WORD = "expected_word"
    EXPECTED_NUMBER = "expected_number"
    EXPECTED_WHOLE = "expected_whole"
    EXPECTED_FORM = "expected_form"
    EXPECTED_TIME = "expected_time"
    EXPECTED_LIST = "expected_list"
    EXPECTED_BYTES = "expected_bytes"
    UNKNOWN_ITEM = "unknown_item"
    CUT_OFF = "cut_off"
    NO_REPORT = "no_report"
    # Files and records
    FILE_REFUSED = "file_refused"
    LINES_LEFT_OUT = "lines_left_out"
    DAMAGED_RECORDS = "damaged_records"


ENGLISH: Final[dict[Cause, str]] = {
    Cause.SILENT: "nothing was heard of it",
    Cause.RESTART: "the agent was started again",
    Cause.SPOOL_LOST: "what the agent had kept was lost",
    Cause.SPOOL_FULL: "the agent's disk could not take it",
    Cause.LEFT_OUT: "a part of it could not be understood",
    Cause.CLOCK: "nobody knows when it happened",
    Cause.OFFLINE: "offline",
    Cause.NOT_HEARD: "not heard",
    Cause.NO_WORD_YET: "no word of it yet",
    Cause.NOT_UNDERSTOOD: "not understood",
    Cause.FROZEN: "its values stand still",
    Cause.LINE_DOWN: "line down: {detail}",
    Cause.INBOX_LOST: "inbox lost",
    Cause.DOCK_LOST: "dock lost: {detail}",
    Cause.NO_ANSWER: "no answer",
    Cause.LATE_ANSWERS: "no answer: answers come late",
    Cause.OTHER_NUMBER: "no answer: answered with transaction id {found} instead of {wanted}",
    Cause.OTHER_UNIT: "no answer: unit {found} answered instead of unit {wanted}",
    Cause.OTHER_FORM: "no answer: answered {found} instead of {wanted}",
    Cause.UNREADABLE: "can't be read: {detail}",
    Cause.EXCEPTION: "exception {code}",
    Cause.OUT_OF_RANGE: "out of range",
    Cause.NOT_A_NUMBER: "not a number",
    Cause.NOT_THERE: "not there",
    Cause.SCALE_UNKNOWN: "its scale is not known",
    Cause.UNKNOWN_CODE: "a code that its profile does not know",
    Cause.VANISHED: "a part that had a state is not there any more",
    Cause.UNKNOWN_TEXT: "a text that its profile does not know",
    Cause.READ_TOO_RARELY: "read too rarely to see each change",
    Cause.PULSE_MAY_BE_MISSED: "read too rarely to see a short pulse",
    Cause.TOO_LONG: "{count} bytes are too many",
    Cause.TOO_MANY: "{count} elements are too many",
    Cause.NO_JSON: "no JSON object: {detail}",
    Cause.MISSING: "{at} is missing",
    Cause.EXPECTED_TEXT: "{at}: expected a short text, found '{found}'",
    Cause.EXPECTED_FACT: "{at}: expected a number, a short text or true or false",
    Cause.EXPECTED_WORD: "{at}: expected {wanted}, found '{found}'",
    Cause.EXPECTED_NUMBER: "{at}: expected a number, found '{found}'",
    Cause.EXPECTED_WHOLE: "{at}: expected a whole number, found {found}",
    Cause.EXPECTED_FORM: "{at}: expected a text such as {wanted}, found '{found}'",
    Cause.EXPECTED_TIME: "{at}: expected a time such as {wanted}, found '{found}'",
    Cause.EXPECTED_LIST: "{at}: expected a list",
    Cause.EXPECTED_BYTES: "{at}: no {wanted}",
    Cause.UNKNOWN_ITEM: "unknown channel and type {found} at byte {at}",
    Cause.CUT_OFF: "the message ends within it",
    Cause.NO_REPORT: "a report of {found} bytes is none of its kind",
    Cause.FILE_REFUSED: "{file}: {detail}",
    Cause.LINES_LEFT_OUT: "{file}: {detail}",
    Cause.DAMAGED_RECORDS: "{detail}",
}


class Why(msgspec.Struct, frozen=True):
    """A reason: a code, or several with commas between, and what fills the gaps of its words."""

    cause: str
    about: tuple[tuple[str, Fact], ...] = ()

    @override
    def __str__(self) -> str:
        """The English for logs."""
        named = dict(self.about)
        return ", ".join(_english(code, named) for code in self.cause.split(", "))

    @property
    def data(self) -> dict[str, Fact]:
        """What an event tells of it."""
        return {"cause": self.cause, **dict(self.about), "why": str(self)}


class _Gaps(dict[str, Fact]):
    """What fills gaps; a profile may have a word of its own that is a code here, and tells nothing for them."""

    def __missing__(self, name: str) -> str:
        return "?"


def _english(cause: str, about: dict[str, Fact]) -> str:
    bare, _, code = cause.partition("_") if cause.startswith(f"{Cause.EXCEPTION}_") else (cause, "", "")
    known = {str(one): text for one, text in ENGLISH.items()}.get(bare)
    return cause.replace("_", " ") if known is None else known.format_map(_Gaps({"code": code} | about))


def because(cause: Cause, **about: Fact) -> Why:
    """A reason by its code, with what fills its gaps."""
    return Why(cause.value, tuple(about.items()))
