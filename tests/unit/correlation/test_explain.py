"""One sentence for every verdict, in words of the site, in Chinese and English."""

import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cloud.correlation.explain import Explainer, length, place_name
from cloud.correlation.rule_files import load_rules
from cloud.correlation.rules import Duration, Quota, RuleBook, RuleVersion, While, asked_types
from cloud.correlation.verdict import BlindSpan, Item, Outcome, Reason, Verdict
from contract.site import Text
from contract.site_files import load_site

CONFIG = Path(__file__).resolve().parents[3] / "config"
SITE = load_site(CONFIG / "sites/demo")
BOOK = load_rules(CONFIG / "rules", SITE)
T0 = int(dt.datetime(2026, 6, 1, 2, tzinfo=dt.UTC).timestamp() * 1000)
"""10:00 in Shanghai."""

FIRE = Verdict(
    rule="ER-2",
    version=1,
    kind="response",
    key="b1",
    opened_at=T0,
    due_at=T0 + 120_000,
    outcome=Outcome.PENDING,
    final=False,
    reason=Reason.WAITING,
    evidence=(("fire-panel", 1),),
)
SCANNED = (("fire-panel", 1), ("cp-b1-03", 7))
BLIND = (BlindSpan("cp-b1-03", T0 + 30_000, T0 + 40_000),)


def fire(reason: Reason, **fields: Any) -> Verdict:
    return msgspec.structs.replace(FIRE, reason=reason, **fields)


@pytest.mark.parametrize(
    ("verdict", "zh", "en"),
    [
        (
            fire(Reason.IN_TIME, elapsed_ms=75_000, evidence=SCANNED),
            "1分15秒后到场，时限2分（一号楼大堂巡更点）。",
            "arrival after 1 min 15 s; the limit is 2 min, seen by Block 1 lobby checkpoint.",
        ),
        (
            fire(Reason.WITHIN_CLOCK_ERROR, elapsed_ms=120_500, evidence=SCANNED),
            "2分0.5秒后到场，时限2分，计入时钟误差视为按时（一号楼大堂巡更点）。",
            (
                "arrival after 2 min 0.5 s; the limit is 2 min, met within the error of the clock, "
                "seen by Block 1 lobby checkpoint."
            ),
        ),
        (
            fire(Reason.ALREADY_THERE, elapsed_ms=0, evidence=SCANNED),
            "合格人员已在现场（一号楼大堂巡更点）。",
            "somebody who qualifies was there already, seen by Block 1 lobby checkpoint.",
        ),
        (fire(Reason.WAITING), "应在06-01 10:02:00前到场。", "arrival is due by 06-01 10:02:00."),
        (
            fire(Reason.WAITING_FOR_COVERAGE, overdue=True),
            "06-01 10:02:00已到期，尚未见到场；部分设备的数据还未传到该时刻。",
            "overdue since 06-01 10:02:00, no arrival known yet; not every device has reported up to then.",
        ),
        (
            fire(Reason.LATE, elapsed_ms=3_725_000, evidence=SCANNED),
            "1小时2分5秒后才到场，时限2分（一号楼大堂巡更点）。",
            "arrival only after 1 h 2 min 5 s; the limit is 2 min, seen by Block 1 lobby checkpoint.",
        ),
        (
            fire(Reason.NO_EVIDENCE),
            "2分内（06-01 10:02:00前）未见到场，相关设备均正常。",
            "no arrival within 2 min (by 06-01 10:02:00); every device that could show it worked.",
        ),
        (
            fire(Reason.BLIND, blind=BLIND),
            "无法判定是否按时到场：一号楼大堂巡更点在06-01 10:00:30至06-01 10:00:40期间失联。",
            (
                "nobody can know whether there was arrival in time: "
                "Block 1 lobby checkpoint was blind from 06-01 10:00:30 to 06-01 10:00:40."
            ),
        ),
        (
            fire(Reason.NO_SOURCE, elapsed_ms=600_000, evidence=SCANNED),
            "无法判定是否按时到场：此处没有能证明的设备；10分后才见到。",
            "nobody can know whether there was arrival in time: no device there can show it; it came after 10 min.",
        ),
        (
            fire(Reason.NO_LONGER_DUE, outcome=Outcome.VOID, elapsed_ms=1_000, evidence=SCANNED),
            "1秒后情况已解除，不再要求到场，时限2分（一号楼大堂巡更点）。",
            "no arrival was due any more after 1 s; the limit is 2 min, seen by Block 1 lobby checkpoint.",
        ),
        (
            fire(Reason.JOINED_ANOTHER, outcome=Outcome.VOID),
            "并入更早开始的同一事件。",
            "part of another episode that began earlier.",
        ),
    ],
    ids=lambda value: str(value.reason) if isinstance(value, Verdict) else "",
)
def test_each_reason_has_its_sentence(verdict: Verdict, zh: str, en: str) -> None:
    assert Explainer(SITE, BOOK).sentence(verdict, "zh") == "ER-2 火警到场：一号楼大堂：" + zh
    assert (
        Explainer(SITE, BOOK).sentence(verdict, "en") == "ER-2 On the scene of a fire: Block 1 lobby: " + en
    )


@pytest.mark.parametrize(
    ("reason", "due_at", "elapsed_ms", "zh", "en"),
    [
        (
            Reason.IN_TIME,
            T0 + 72 * 3_600_000,
            70 * 3_600_000,
            "2天22小时后完工，时限1天（另计暂停2天）。",
            "completion after 2 d 22 h; the limit is 1 d and the 2 d of its pauses.",
        ),
        (
            Reason.PAUSED,
            T0 + 24 * 3_600_000,
            None,
            "已暂停，停止计时；不计暂停应在06-02 10:00:00前完工。",
            "it is paused, and the clock stands; without pauses completion was due by 06-02 10:00:00.",
        ),
    ],
)
def test_pauses_are_told_beside_the_limit(
    reason: Reason, due_at: int, elapsed_ms: int | None, zh: str, en: str
) -> None:
    verdict = fire(reason, due_at=due_at, elapsed_ms=elapsed_ms, evidence=(), rule="WO-2", key="R-1")
    assert Explainer(SITE, BOOK).sentence(verdict, "zh").endswith("R-1：" + zh)
    assert Explainer(SITE, BOOK).sentence(verdict, "en").endswith("R-1: " + en)


SAID = (Item("told_late", "desk-control", T0 + 5_000, T0 + 600_000),)


@pytest.mark.parametrize(
    ("reason", "elapsed_ms", "zh", "en"),
    [
        (
            Reason.LATE_DECLARED,
            600_000,
            "自述06-01 10:00:05已到场，但06-01 10:10:00才补报，已超过时限2分，未经主管复核不计入。",
            (
                "arrival is said to have been at 06-01 10:00:05, but was told only at 06-01 10:10:00, behind the limit "
                "of 2 min; it does not count unless a supervisor accepts it."
            ),
        ),
        (
            Reason.REVIEWED,
            5_000,
            "5秒后到场，时限2分；06-01 10:10:00才补报，已经主管复核认可。",
            (
                "arrival after 5 s; the limit is 2 min. It was told only at 06-01 10:10:00, and a supervisor accepted "
                "it."
            ),
        ),
    ],
)
def test_what_was_told_late_is_explained_with_both_times(
    reason: Reason, elapsed_ms: int, zh: str, en: str
) -> None:
    verdict = fire(reason, elapsed_ms=elapsed_ms, evidence=SCANNED, items=SAID)
    assert Explainer(SITE, BOOK).sentence(verdict, "zh").endswith("一号楼大堂：" + zh)
    assert Explainer(SITE, BOOK).sentence(verdict, "en").endswith("Block 1 lobby: " + en)


REASONS = {
    "response": {"in_time", "within_clock_error", "already_there", "waiting", "waiting_for_coverage", "late"}
    | {
        "no_evidence",
        "blind",
        "no_source",
        "joined_another",
        "no_longer_due",
        "paused",
        "late_declared",
        "reviewed",
    },
    "recurrence": {"in_time", "waiting", "waiting_for_coverage", "late", "no_evidence", "blind"},
    "duration": {"waiting", "waiting_for_coverage", "lasts", "ended_late", "ended_in_time", "blind"},
    "quota": {"waiting", "waiting_for_coverage", "enough", "too_few", "blind"},
    "tour": {"waiting", "waiting_for_coverage", "all_on_time", "blind", "early", "late", "too_fast"}
    | {"impossible", "out_of_order", "missed"},
    "staffing": {"waiting", "waiting_for_coverage", "too_few_people", "ended_late", "ended_in_time"}
    | {"blind", "no_source"},
}


@pytest.mark.parametrize(("kind", "reason"), [(k, r) for k, found in REASONS.items() for r in sorted(found)])
@pytest.mark.parametrize("outcome", list(Outcome))
@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("elapsed_ms", [None, 1])
def test_no_outcome_is_left_without_words(
    kind: str, reason: str, outcome: Outcome, language: str, elapsed_ms: int | None
) -> None:
    verdict = fire(Reason(reason), outcome=outcome, elapsed_ms=elapsed_ms, blind=BLIND * 3, kind=kind)
    sentence = Explainer(SITE, BOOK).sentence(verdict, language)
    assert not {"{", "}", "?"} & set(sentence)
    assert sentence.endswith("。" if language == "zh" else ".")


def test_who_came_is_named_where_it_is_known() -> None:
    verdict = fire(Reason.IN_TIME, elapsed_ms=60_000, evidence=SCANNED)
    assert "张伟1分后到场" in Explainer(SITE, BOOK).sentence(verdict, "zh", "card:8812331")
    assert "arrival of Zhang Wei after 1 min" in Explainer(SITE, BOOK).sentence(verdict, "en", "p-007")
    there = fire(Reason.ALREADY_THERE, elapsed_ms=0, evidence=SCANNED)
    assert "Zhang Wei was there already" in Explainer(SITE, BOOK).sentence(there, "en", "p-007")
    assert Explainer(SITE, BOOK).sentence(verdict, "en", "card:unknown") == Explainer(SITE, BOOK).sentence(
        verdict, "en"
    )


def test_many_blind_spans_are_counted_rather_than_listed() -> None:
    verdict = fire(Reason.BLIND, blind=BLIND * 5)
    assert Explainer(SITE, BOOK).sentence(verdict, "en").endswith(" and 3 more.")
    assert Explainer(SITE, BOOK).sentence(verdict, "zh").endswith("等3处。")


def test_every_shipped_rule_has_a_word_for_its_evidence() -> None:
    waiting = [version for version in BOOK.versions if not isinstance(version.rule, Duration | Quota)]
    for version in waiting:
        verdict = fire(Reason.NO_EVIDENCE, rule=version.rule.id)
        for language in ("zh", "en"):
            said = Explainer(SITE, BOOK).sentence(verdict, language)
            assert not any(name in said for name in asked_types(version.rule)), said


def test_a_rule_that_is_gone_and_a_place_without_a_name_are_called_by_their_ids() -> None:
    verdict = fire(Reason.WAITING, key="attic")
    assert Explainer(SITE, RuleBook()).sentence(verdict, "en").startswith("ER-2: attic: ")
    assert place_name(SITE, "power", "en") == "Switch room and generator"
    assert place_name(SITE, "demo", "zh") == "锦绣花园（示例小区）"


@pytest.mark.parametrize(
    ("elapsed_ms", "en", "zh"),
    [
        (0, "0 s", "0秒"),
        (1, "0.001 s", "0.001秒"),
        (59_999, "59.999 s", "59.999秒"),
        (60_000, "1 min", "1分"),
        (180_001, "3 min 0.001 s", "3分0.001秒"),
        (90_061_000, "1 d 1 h 1 min 1 s", "1天1小时1分1秒"),
    ],
)
def test_lengths_read_as_people_say_them(elapsed_ms: int, en: str, zh: str) -> None:
    assert length(elapsed_ms, "en") == en
    assert length(elapsed_ms, "zh") == zh


@pytest.mark.parametrize(
    ("reason", "en", "zh"),
    [
        (Reason.WAITING, "Panel in manual since 06-01 10:00:00; it must end by", "起面板手动，应在"),
        (
            Reason.LASTS,
            "Panel in manual for longer than 10 min, since 06-01 10:00:00, and it goes on.",
            "仍在持续",
        ),
        (Reason.ENDED_LATE, "Panel in manual for 12 min; the limit is 10 min.", "面板手动持续12分"),
        (Reason.BLIND, "nobody can know whether Panel in manual ended by", "无法判定面板手动是否在"),
    ],
)
def test_a_state_that_must_not_last_is_told_as_one(reason: Reason, en: str, zh: str) -> None:
    rule = Duration(
        id="FS-1",
        while_=While("fire.mode", {"mode": "manual"}),
        longer_than="10m",
        name=Text(zh="面板手动", en="Panel in manual"),
    )
    book = RuleBook((RuleVersion(rule, 0, None),))
    opened = T0
    verdict = msgspec.structs.replace(
        fire(reason, rule="FS-1", key="b1"),
        kind="duration",
        opened_at=opened,
        due_at=opened + 600_000,
        elapsed_ms=720_000,
    )
    assert en in Explainer(SITE, book).sentence(verdict, "en")
    assert zh in Explainer(SITE, book).sentence(verdict, "zh")
