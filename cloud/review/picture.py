"""A picture of a difference: a row for each rule and zone, time from left to right, each changed episode a sign.

Above the line stands what the first rules say, below it what the second say. Signs differ in shape, not in colour
alone. SVG 1.1.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Final
from xml.etree import ElementTree as ET

from cloud.correlation.explain import place_name
from cloud.review.difference import Change, Difference
from contract.site import Site

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LEFT, _WIDTH, _ROW, _TOP, _RIGHT = 260, 860, 44, 64, 90
_SIGNS: Final = {"met": "●", "breached": "✕", "unknown": "?", "pending": "◌", "-": "–"}
_COLOURS: Final = {
    "met": "#1a7f37",
    "breached": "#b42318",
    "unknown": "#8a5a00",
    "pending": "#555",
    "-": "#888",
}
_WORDS: Final = {
    "en": {
        "title": "Episodes that the second rules judge otherwise",
        "above": "above: first rules, below: second rules",
        "same": "same",
        "met": "met",
        "breached": "breached",
        "unknown": "unknown",
        "pending": "pending",
        "-": "no such episode",
    },
    "zh": {
        "title": "两套规则判定不同的事项",
        "above": "线上：第一套规则；线下：第二套规则",
        "same": "相同",
        "met": "达标",
        "breached": "未达标",
        "unknown": "无法判定",
        "pending": "待定",
        "-": "无此事项",
    },
}


def picture(found: Difference, site: Site, language: str) -> str:
    """The picture as SVG text; in `zh` or `en`."""
    words = _WORDS[language]
    height = _TOP + _ROW * max(1, len(found.rows)) + 40
    width = _LEFT + _WIDTH + _RIGHT
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "font-family": "sans-serif",
            "font-size": "13",
        },
    )
    ET.SubElement(root, "rect", {"width": str(width), "height": str(height), "fill": "white"})
    _text(root, 12, 22, words["title"], size="16")
    legend = "   ".join(f"{sign} {words[name]}" for name, sign in _SIGNS.items())
    _text(root, 12, 42, f"{legend}   ({words['above']})", fill="#555")
    for number, row in enumerate(found.rows):
        middle = _TOP + _ROW * number + _ROW // 2
        where = place_name(site, row.zone, language) if row.zone else ""
        _text(root, 12, middle + 4, f"{row.rule}  {where}")
        _line(root, middle)
        own = (one for one in found.changes if (one.episode.rule, one.zone) == (row.rule, row.zone))
        _signs(root, own, found, middle)
        _text(root, _LEFT + _WIDTH + 10, middle + 4, f"{words['same']} {row.same}", fill="#555")
    for x, moment in _ticks(found, site):
        _text(root, x, height - 14, moment, fill="#555", anchor="middle")
    return ET.tostring(root, encoding="unicode")


def _signs(root: ET.Element, changes: Iterable[Change], found: Difference, middle: int) -> None:
    for change in changes:
        x = _x(found, change.episode.opened_at)
        for word, y in zip(change.words, (middle - 5, middle + 16), strict=True):
            _text(root, x, y, _SIGNS[word], fill=_COLOURS[word], anchor="middle", size="15")


def _x(found: Difference, at: int) -> float:
    return _LEFT + _WIDTH * (at - found.since) / max(1, found.until - found.since)


def _ticks(found: Difference, site: Site) -> Iterator[tuple[float, str]]:
    for part in range(5):
        at = found.since + (found.until - found.since) * part // 4
        moment = (_EPOCH + dt.timedelta(milliseconds=at)).astimezone(site.timezone)
        yield _x(found, at), f"{moment:%Y-%m-%d %H:%M}"


def _line(root: ET.Element, y: int) -> None:
    ends = {"x1": str(_LEFT), "x2": str(_LEFT + _WIDTH), "y1": str(y), "y2": str(y)}
    ET.SubElement(root, "line", ends | {"stroke": "#bbb"})


def _text(
    root: ET.Element,
    x: float,
    y: float,
    said: str,
    *,
    fill: str = "#111",
    anchor: str = "start",
    size: str = "",
) -> None:
    more = {"font-size": size} if size else {}
    found = {"x": f"{x:.1f}", "y": f"{y:.1f}", "fill": fill, "text-anchor": anchor}
    ET.SubElement(root, "text", found | more).text = said
