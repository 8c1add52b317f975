"""Words that sources write for a state: one form of each, and what it says. Pure.

A type that names a fault or an alarm (`fire.fault`, `mains.lost`) is over where a word says that all is well. A type
that itself says so (`mains.restored`, `door.closed`) is confirmed by the same word.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

ACTIVE: Final = "active"
CLEARED: Final = "cleared"
_LONGEST_WORD: Final = 64


class Says(StrEnum):
    """What a word says by itself."""

    HOLDS = "holds"
    ON = "on"
    ALARM = "alarm"
    ENDED = "ended"
    WELL = "well"
    OFF = "off"


_SEPARATORS: Final = re.compile(r"[\s_:,;/-]+")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
_SIMPLIFIED: Final = str.maketrans(
    "復報歸結異關閉開離線斷電釋鎖運啟動機發觸來無連狀態終閘門載鈴現斷脫網",
    "复报归结异关闭开离线断电释锁运启动机发触来无连状态终闸门载铃现断脱网",
)
"""Of traditional letters only those that stand in words of the tables below."""


def plain_word(state: object) -> str:
    """A state as it stands in the tables: NFKC, small letters, single spaces, simplified Chinese, 0 and 1 for numbers.

    Empty where it is neither a text, a number nor a truth value, and where it is a number other than 0 and 1.
    """
    if not isinstance(state, str):
        return next((text for number, text in ((0, "0"), (1, "1")) if state == number), "")
    if len(state) > _LONGEST_WORD:
        return ""
    text = _SEPARATORS.sub(" ", unicodedata.normalize("NFKC", state).casefold()).strip(" .!。")
    if _NUMBER.fullmatch(number := unicodedata.normalize("NFKC", state).strip()):
        return {0.0: "0", 1.0: "1"}.get(float(number), "")
    return text if text.isascii() else text.translate(_SIMPLIFIED).replace(" ", "")


def _joined(first: Iterable[str], second: Iterable[str], between: str = "") -> tuple[str, ...]:
    then = tuple(second)
    return tuple(f"{one}{between}{other}" for one in first for other in then)


_ALARM_ZH: Final = ("报警", "告警", "警报", "火警", "故障", "异常")
_OVER_ZH: Final = ("恢复", "解除", "消除", "复位", "复归", "排除", "消失", "结束", "终止")
_ALL_OVER_ZH: Final = (*_OVER_ZH, *_joined(("已", "已经"), _OVER_ZH), *_joined(_OVER_ZH, ("了",)))
_OVER_EN: Final = (
    *("cleared", "clear", "reset", "restored", "recovered", "resolved", "returned", "ended", "end", "over"),
    *("gone", "off", "inactive"),
)
_WELL_ZH: Final = (
    *("正常", "状态正常", "已正常", "恢复正常", "已恢复正常", "复位正常", "正常状态"),
    *_joined(_ALARM_ZH, _ALL_OVER_ZH),
    *_joined(("解除", "消除", "恢复", "复位", "已解除", "已消除"), _ALARM_ZH),
    *_joined(("无", "未"), _ALARM_ZH),
    *(word for word in _ALL_OVER_ZH if not word.strip("已经了").startswith(("消失", "结束", "终止"))),
)
_WELL_EN: Final = (
    *(
        "ok",
        "okay",
        "normal",
        "restored",
        "restore",
        "recovered",
        "recovery",
        "recover",
        "resolved",
        "returned",
    ),
    *("return to normal", "returned to normal", "back to normal", "to normal", "rtn", "returntonormal"),
    *("reset", "good", "healthy", "fixed", "repaired", "no alarm", "no fault", "not in alarm", "normalized"),
    *("normalised", "all clear"),
    *_joined(("alarm", "fault", "fire", "trouble"), _OVER_EN, " "),
)
_WORDS: Final[Mapping[str, Says]] = {
    **dict.fromkeys((ACTIVE, "activated", "激活", "已激活"), Says.HOLDS),
    **dict.fromkeys(("1", "true", "yes", "on", "raised", "triggered", "set", "begun", "began"), Says.ON),
    **dict.fromkeys(("begin", "begins", "started", "触发", "已触发", "开始", "发生", "是"), Says.ON),
    **dict.fromkeys(("alarm", "fault", "in alarm", "in fault", "alarming", "failed", "failure"), Says.ALARM),
    **dict.fromkeys(("trouble", "abnormal", "off normal", "offnormal", "alarm on", "fault on"), Says.ALARM),
    **dict.fromkeys((*_ALARM_ZH, *_joined(_ALARM_ZH, ("中", "发生", "触发", "出现"))), Says.ALARM),
    **dict.fromkeys((CLEARED, "clear", "inactive", "deactivated", "not active", "ended", "end"), Says.ENDED),
    **dict.fromkeys(("over", "gone", "finished", "unset", "未激活"), Says.ENDED),
    **dict.fromkeys(_joined(("", "已", "已经"), ("消失", "结束", "终止")), Says.ENDED),
    **dict.fromkeys((*_WELL_EN, *_WELL_ZH), Says.WELL),
    **dict.fromkeys(("0", "false", "no", "none", "off", "否"), Says.OFF),
}
_OWN: Final[Mapping[str, frozenset[str]]] = {
    "gate.released": frozenset(
        {"released", "release", "unlocked", "open", "opened", "释放", "已释放", "打开", "开"}
    ),
    "gate.locked": frozenset(
        {"locked", "lock", "secured", "close", "closed", "锁定", "已锁定", "上锁", "关闭", "关"}
    ),
    "door.opened": frozenset({"open", "opened", "打开", "已打开", "开启", "开门", "门开", "开"}),
    "door.closed": frozenset({"close", "closed", "shut", "关闭", "已关闭", "关门", "门关", "关"}),
    "mains.lost": frozenset({"lost", "loss", "absent", "outage", "down", "dead", "失电", "停电", "断电"}),
    "mains.restored": frozenset({"present", "available", "live", "up", "来电", "复电", "有电", "恢复供电"}),
    "generator.started": frozenset(
        {"on", "start", "started", "running", "run", "启动", "已启动", "运行", "运行中"}
    ),
    "generator.stopped": frozenset(
        {"stop", "stopped", "standby", "at rest", "停止", "已停止", "停机", "待机"}
    ),
    "generator.on_load": frozenset({"on", "on load", "loaded", "带载"}),
    "generator.off_load": frozenset({"off load", "unloaded", "no load", "卸载", "空载"}),
    "device.offline": frozenset(
        {"offline", "disconnected", "unreachable", "down", "lost", "离线", "掉线", "断线"}
    ),
    "device.online": frozenset({"online", "connected", "reachable", "up", "alive", "在线", "上线", "已连接"}),
    "input.on": frozenset({"on", "high", "接通", "闭合"}),
    "input.off": frozenset({"low", "断开"}),
}
"""Words that repeat what a type says: of the type itself they confirm it, of its contrary they turn it."""
GOOD_TYPES: Final = frozenset(
    {"gate.locked", "door.closed", "mains.restored", "device.online", "input.off"}
    | {"generator.stopped", "generator.off_load"}
)
"""Types with a contrary that say themselves that all is well or nothing is on."""
_PRESENT: Final = frozenset({"mains.restored", "device.online"})
"""Of these, those of which 1 and `on` say the same as the type."""
_RUNS: Final = frozenset({"generator.started", "generator.on_load"})
"""Types with a contrary that are no fault: that all is well with it does not end a run."""
_MAY_MEAN_ITSELF: Final = frozenset(
    {"gate.released", "door.opened", "mains.lost", "device.offline", "generator.mode", "fire.mode"}
)
"""Types of which `off` may mean the state itself: the mains are off, the mode is off."""


def state_word(state: object) -> str | None:
    """`active` or `cleared` for what a source wrote as the state of a fault; None where it could be either.

    True, 1, and the like are active, false and 0 cleared; see `plain_word` for the forms of one word.
    """
    says = _WORDS.get(plain_word(state))
    if says is None:
        return None
    return ACTIVE if says in {Says.HOLDS, Says.ON, Says.ALARM} else CLEARED


def state_of_type(type_: str, contrary: str | None, state: object) -> str | None:
    """`active` where the state that a type names holds by what a source wrote, `cleared` where not; None: unclear.

    `contrary`: the type that says the opposite, if there is one.
    """
    word = plain_word(state)
    if word in _OWN.get(type_, ()):
        return ACTIVE
    if contrary is not None and word in _OWN.get(contrary, ()):
        return CLEARED
    says = _WORDS.get(word)
    if type_ in GOOD_TYPES:
        return _of_good(type_, word, says)
    if (says is Says.WELL and type_ in _RUNS) or (word == "off" and type_ in _MAY_MEAN_ITSELF):
        return ACTIVE
    return state_word(state)


def _of_good(type_: str, word: str, says: Says | None) -> str | None:
    if says in {Says.HOLDS, Says.WELL, Says.OFF} or word in {"close", "closed"}:
        return ACTIVE
    if says is Says.ON and type_ in _PRESENT:
        return ACTIVE
    # A set may have stopped by a fault: that does not make it run.
    turned = word == CLEARED or (says is Says.ALARM and not type_.startswith("generator."))
    return CLEARED if turned else None


def is_reset_over(state: object) -> bool:
    """Whether what a source wrote with a reset says that the signal of it is over: that resets nothing again."""
    return _WORDS.get(plain_word(state)) in {Says.ENDED, Says.OFF}
