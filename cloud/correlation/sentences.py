"""The sentences that verdicts are explained with, in Chinese and English: by kind and reason. Data."""

from typing import Final

from cloud.correlation.verdict import Reason
from contract.site import Text

ROUND_FAULTS: Final = (
    Reason.EARLY,
    Reason.LATE,
    Reason.TOO_FAST,
    Reason.IMPOSSIBLE,
    Reason.OUT_OF_ORDER,
    Reason.MISSED,
    Reason.ALONE,
)
SENTENCES: Final[dict[str, dict[Reason, str]]] = {
    "en": {
        Reason.IN_TIME: "{place}: {what}{of} after {elapsed}; the limit is {limit}{witness}.",
        Reason.WITHIN_CLOCK_ERROR: (
            "{place}: {what}{of} after {elapsed}; the limit is {limit}, met within the error of the clock{witness}."
        ),
        Reason.ALREADY_THERE: "{place}: {who} was there already{witness}.",
        Reason.WAITING: "{place}: {what} is due by {due}.",
        Reason.WAITING_FOR_COVERAGE: (
            "{place}: overdue since {due}, no {what} known yet; not every device has reported up to then."
        ),
        Reason.PAUSED: "{place}: it is paused, and the clock stands; without pauses {what} was due by {due}.",
        Reason.LATE: "{place}: {what}{of} only after {elapsed}; the limit is {limit}{witness}.",
        Reason.NO_EVIDENCE: "{place}: no {what} within {limit} (by {due}); every device that could show it worked.",
        Reason.BLIND: "{place}: nobody can know whether there was {what} in time: {blind}{after}.",
        Reason.NO_SOURCE: (
            "{place}: nobody can know whether there was {what} in time: no device there can show it{after}."
        ),
        Reason.ENOUGH: "{place}: {what}: {count} of {wanted}.",
        Reason.TOO_FEW: "{place}: {what}: only {count} of {wanted} by {due}; every device that could show more worked.",
        Reason.LASTS: "{place}: {what} for longer than {limit}, since {opened}, and it goes on.",
        Reason.ENDED_LATE: "{place}: {what} for {elapsed}; the limit is {limit}.",
        Reason.ENDED_IN_TIME: "{place}: {what} ended in time.",
        Reason.LATE_DECLARED: (
            "{place}: {what}{of} is said to have been at {said}, but was told only at {told}, behind the limit of {limit}; "
            "it does not count unless a supervisor accepts it."
        ),
        Reason.REVIEWED: (
            "{place}: {what}{of} after {elapsed}; the limit is {limit}. It was told only at {told}, and a supervisor "
            "accepted it."
        ),
        Reason.NO_LONGER_DUE: "{place}: no {what} was due any more after {elapsed}; the limit is {limit}{witness}.",
        Reason.JOINED_ANOTHER: "{place}: part of another episode that began earlier.",
    },
    "zh": {
        Reason.IN_TIME: "{place}：{of}{elapsed}后{what}，时限{limit}{witness}。",
        Reason.WITHIN_CLOCK_ERROR: "{place}：{of}{elapsed}后{what}，时限{limit}，计入时钟误差视为按时{witness}。",
        Reason.ALREADY_THERE: "{place}：{who}已在现场{witness}。",
        Reason.WAITING: "{place}：应在{due}前{what}。",
        Reason.WAITING_FOR_COVERAGE: "{place}：{due}已到期，尚未见{what}；部分设备的数据还未传到该时刻。",
        Reason.PAUSED: "{place}：已暂停，停止计时；不计暂停应在{due}前{what}。",
        Reason.LATE: "{place}：{of}{elapsed}后才{what}，时限{limit}{witness}。",
        Reason.NO_EVIDENCE: "{place}：{limit}内（{due}前）未见{what}，相关设备均正常。",
        Reason.BLIND: "{place}：无法判定是否按时{what}：{blind}{after}。",
        Reason.NO_SOURCE: "{place}：无法判定是否按时{what}：此处没有能证明的设备{after}。",
        Reason.ENOUGH: "{place}：{what}：已满{wanted}次。",
        Reason.TOO_FEW: "{place}：{what}：到{due}仅{count}次，应满{wanted}次，相关设备均正常。",
        Reason.LASTS: "{place}：自{opened}起{what}已超过{limit}，仍在持续。",
        Reason.ENDED_LATE: "{place}：{what}持续{elapsed}，时限{limit}。",
        Reason.ENDED_IN_TIME: "{place}：{what}已按时结束。",
        Reason.LATE_DECLARED: "{place}：{of}自述{said}已{what}，但{told}才补报，已超过时限{limit}，未经主管复核不计入。",
        Reason.REVIEWED: "{place}：{of}{elapsed}后{what}，时限{limit}；{told}才补报，已经主管复核认可。",
        Reason.NO_LONGER_DUE: "{place}：{elapsed}后情况已解除，不再要求{what}，时限{limit}{witness}。",
        Reason.JOINED_ANOTHER: "{place}：并入更早开始的同一事件。",
    },
}
_OF_QUOTAS: Final[dict[str, dict[Reason, str]]] = {
    "en": {
        Reason.WAITING: "{place}: {what}: {count} of {wanted} so far, due by {due}.",
        Reason.WAITING_FOR_COVERAGE: (
            "{place}: {what}: {count} of {wanted} known by {due}; not every device has reported up to then."
        ),
        Reason.BLIND: "{place}: {what}: {count} of {wanted} by {due}, and nobody can know of more: {blind}.",
    },
    "zh": {
        Reason.WAITING: "{place}：{what}：已完成{count}次，{due}前应满{wanted}次。",
        Reason.WAITING_FOR_COVERAGE: "{place}：{what}：到{due}已知{count}次，应满{wanted}次；部分设备的数据还未传到该时刻。",
        Reason.BLIND: "{place}：{what}：到{due}已知{count}次，应满{wanted}次，其余无法判定：{blind}。",
    },
}
"""What is said otherwise of a quota."""
_OF_STATES: Final[dict[str, dict[Reason, str]]] = {
    "en": {
        Reason.WAITING: "{place}: {what} since {opened}; it must end by {due}.",
        Reason.WAITING_FOR_COVERAGE: (
            "{place}: {what} since {opened}, no end known by {due}; the device has not reported up to then."
        ),
        Reason.BLIND: "{place}: nobody can know whether {what} ended by {due}: {blind}.",
    },
    "zh": {
        Reason.WAITING: "{place}：{opened}起{what}，应在{due}前结束。",
        Reason.WAITING_FOR_COVERAGE: "{place}：{opened}起{what}，到{due}未见结束；设备的数据还未传到该时刻。",
        Reason.BLIND: "{place}：无法判定{what}是否在{due}前结束：{blind}。",
    },
}
"""What is said otherwise of a state that must not last."""
_OF_ROUNDS: Final[dict[str, dict[Reason, str]]] = {
    "en": {
        Reason.WAITING: "{place}: the round of {opened} is to be walked by {due}.",
        Reason.WAITING_FOR_COVERAGE: (
            "{place}: the round of {opened} is overdue since {due}; not every reader has reported up to then: {faults}."
        ),
        Reason.ALL_ON_TIME: "{place}: the round of {opened} was walked as planned, in {elapsed}.",
        Reason.BLIND: "{place}: nobody can know whether the round of {opened} was walked: {blind}.",
    }
    | dict.fromkeys(ROUND_FAULTS, "{place}: the round of {opened} was not walked as planned: {faults}."),
    "zh": {
        Reason.WAITING: "{place}：{opened}的巡逻应在{due}前完成。",
        Reason.WAITING_FOR_COVERAGE: "{place}：{opened}的巡逻自{due}已逾期，部分读卡器的数据还未传到该时刻：{faults}。",
        Reason.ALL_ON_TIME: "{place}：{opened}的巡逻按计划完成，用时{elapsed}。",
        Reason.BLIND: "{place}：无法判定{opened}的巡逻是否完成：{blind}。",
    }
    | dict.fromkeys(ROUND_FAULTS, "{place}：{opened}的巡逻未按计划完成：{faults}。"),
}
"""What is said otherwise of a round."""
_OF_POSTS: Final[dict[str, dict[Reason, str]]] = {
    "en": {
        Reason.WAITING: "{place}: fewer than {wanted} present since {opened}; by {due} there must be enough.",
        Reason.WAITING_FOR_COVERAGE: (
            "{place}: fewer than {wanted} present since {opened}, none known to have come by {due}; not every "
            "reader has reported up to then."
        ),
        Reason.TOO_FEW_PEOPLE: "{place}: fewer than {wanted} present for longer than {limit}, since {opened}.",
        Reason.ENDED_LATE: "{place}: fewer than {wanted} present for {elapsed}, from {opened}; the limit is {limit}.",
        Reason.ENDED_IN_TIME: "{place}: there were enough people in time.",
        Reason.BLIND: "{place}: nobody can know whether {wanted} were present from {opened} to {due}: {blind}.",
        Reason.NO_SOURCE: "{place}: nobody can know who was present since {opened}: no device there tells of people.",
    },
    "zh": {
        Reason.WAITING: "{place}：自{opened}起在岗不足{wanted}人，应在{due}前补齐。",
        Reason.WAITING_FOR_COVERAGE: (
            "{place}：自{opened}起在岗不足{wanted}人，到{due}未见补齐；部分读卡器的数据还未传到该时刻。"
        ),
        Reason.TOO_FEW_PEOPLE: "{place}：自{opened}起在岗不足{wanted}人，已超过{limit}。",
        Reason.ENDED_LATE: "{place}：自{opened}起在岗不足{wanted}人达{elapsed}，时限{limit}。",
        Reason.ENDED_IN_TIME: "{place}：已按时补齐人员。",
        Reason.BLIND: "{place}：无法判定{opened}至{due}是否有{wanted}人在岗：{blind}。",
        Reason.NO_SOURCE: "{place}：无法判定自{opened}起谁在岗：此处没有能证明的设备。",
    },
}
"""What is said otherwise of a post."""
OTHERWISE: Final = {
    "duration": _OF_STATES,
    "quota": _OF_QUOTAS,
    "tour": _OF_ROUNDS,
    "staffing": _OF_POSTS,
}
WORDS: Final[dict[str, Text]] = {
    "on_time": Text(zh="按时", en="on time"),
    "early": Text(zh="过早", en="early"),
    "late": Text(zh="迟到", en="late"),
    "too_fast": Text(zh="过快", en="too fast after the one before"),
    "impossible": Text(zh="不可能这么快走到", en="quicker than one can walk"),
    "out_of_order": Text(zh="顺序不对", en="out of order"),
    "open": Text(zh="待巡", en="still to come"),
    "missed": Text(zh="漏巡", en="missed"),
    "alone": Text(zh="仅一人", en="by one person only"),
    "blind": Text(zh="失联", en="blind"),
    "counts": Text(zh="计入", en="counts"),
    "too_short": Text(zh="时间过短", en="too short"),
    "too_long": Text(zh="时间过长", en="too long"),
    "not_without": Text(zh="期间带载", en="not allowed in such a run: it took load"),
    "not_with": Text(zh="期间未带载", en="did not take load"),
    "out_of_range": Text(zh="负载不在范围内", en="load out of range"),
    "fault": Text(zh="故障", en="with a fault"),
    "told_late": Text(zh="补报", en="told late"),
    "no_reading": Text(zh="没有负载读数", en="no reading of the load"),
}
"""What is said of the parts of a verdict (`Item.word`)."""
RUNS: Final[dict[str, Text]] = {
    "no_load": Text(zh="空载试运行", en="test without load"),
    "on_load": Text(zh="带负荷运行", en="run under load"),
    "outage": Text(zh="停电供电", en="supply in an outage"),
    "invalid": Text(zh="无效", en="does not count"),
}
"""What a run of a generator was."""
SUSPICIONS: Final[dict[str, Text]] = {
    "stuck": Text(zh="读数不变", en="stuck while its neighbours moved"),
    "drifting": Text(zh="逐渐偏离同组", en="drifts away from its neighbours"),
    "noisy": Text(zh="读数跳动", en="noisy"),
    "none": Text(zh="没有可疑的传感器", en="no sensor is suspect"),
}
"""Why a sensor can't be believed."""
