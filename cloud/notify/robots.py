"""Group robots of WeCom, DingTalk and Feishu. They answer 200 also when they refuse, and say so in the body only.

Sources: developer.work.weixin.qq.com/document/path/91770, open.dingtalk.com/document/robots/custom-robot-access,
open.feishu.cn/document/client-docs/bot-v3/add-custom-bot.
"""

import base64
import hashlib
import hmac
import http.client
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from typing_extensions import override

from cloud.notify.channels import Channel, address
from cloud.notify.sender import MOST_ANSWER, Answer, Sender, post
from cloud.operations.notice import Notice


class RobotSender(Sender):
    """Posts a text to a group."""

    def __init__(self, channel: Channel, timeout_s: float, clock: Callable[[], int]) -> None:
        self._url, self._service, self._secret = channel.robot or "", channel.service, channel.secret
        self._timeout_s, self._clock = timeout_s, clock

    @override
    def send(self, notice: Notice, contacts: Mapping[str, str]) -> Answer:
        text = f"{notice.title}\n{notice.text}".strip()
        url, body = self._signed(address(self._url, notice.person, contacts), text)
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "sitewarden"}
        try:
            status, said = post(url, msgspec.json.encode(body), headers, self._timeout_s)
        except (OSError, http.client.HTTPException) as error:
            return Answer(ok=False, text=f"{type(error).__name__}: {error}"[:MOST_ANSWER])
        return judged(status, said)

    def _signed(self, url: str, text: str) -> tuple[str, dict[str, Any]]:
        if self._service == "feishu":
            body: dict[str, Any] = {"msg_type": "text", "content": {"text": text}}
            if self._secret:
                seconds = str(self._clock() // 1_000)
                body |= {"timestamp": seconds, "sign": _mac(f"{seconds}\n{self._secret}", "")}
            return url, body
        body = {"msgtype": "text", "text": {"content": text}}
        if self._service == "dingtalk" and self._secret:
            at = str(self._clock())
            sign = urllib.parse.quote_plus(_mac(self._secret, f"{at}\n{self._secret}"))
            url = f"{url}{'&' if '?' in url else '?'}timestamp={at}&sign={sign}"
        return url, body


def judged(status: int, said: str) -> Answer:
    """What an answer means: `said` is the status line and the body. A refusal may be for being too many: try again."""
    if not 200 <= status < 300:
        return Answer(ok=False, text=said, again=status >= 500 or status in {408, 429})
    try:
        body = msgspec.json.decode(said[said.index("{") :])
    except (ValueError, msgspec.DecodeError):
        return Answer(ok=False, text=f"no answer of a robot: {said}"[:MOST_ANSWER], again=False)
    code = body.get("errcode", body.get("code", body.get("StatusCode"))) if isinstance(body, dict) else None
    if code == 0:
        return Answer(ok=True, text=said)
    return Answer(ok=False, text=said)


def _mac(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
