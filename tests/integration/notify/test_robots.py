"""Group robots of a real server that answers 200 and says in the body whether it took the message."""

import base64
import hashlib
import hmac
import urllib.parse
from typing import Any, Literal

import msgspec
import pytest

from cloud.notify.channels import Channel
from cloud.store.memory import MemoryStore
from tests.integration.notify.conftest import Running
from tests.outboxes import Filler, attempts, notice, told
from tests.receivers import Receiver
from tests.waiting import until

TAKEN = {
    "wecom": '{"errcode":0,"errmsg":"ok"}',
    "dingtalk": '{"errcode":0,"errmsg":"ok"}',
    "feishu": '{"code":0}',
}
Service = Literal["wecom", "dingtalk", "feishu"]


def robot(web: Receiver, service: Service, **more: Any) -> Channel:
    return Channel(id="hook", robot=f"{web.url}/hook?key=1", service=service, **more)


@pytest.mark.parametrize("service", ["wecom", "dingtalk", "feishu"])
async def test_a_robot_that_took_it_is_believed_and_one_that_refused_is_asked_again(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore, service: Service
) -> None:
    web.says = ['{"errcode":45009,"errmsg":"api freq out of limit"}', TAKEN[service]]
    async with running(robot(web, service)):
        filler.put(notice("n"))
        await until(lambda: told(store, "n").state == "sent")
    first, second = attempts(store, "n")
    assert (first.ok, second.ok) == (False, True)
    assert "freq out of limit" in first.answer
    body = msgspec.json.decode(web.calls[-1].body)
    text = body["content"]["text"] if service == "feishu" else body["text"]["content"]
    assert text.startswith(notice("n").title)


async def test_an_answer_that_is_none_of_a_robot_is_no_receipt(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    async with running(robot(web, "wecom")):
        filler.put(notice("n"))
        await until(lambda: told(store, "n").state == "failed")
    assert "no answer of a robot" in told(store, "n").answer


async def test_dingtalk_and_feishu_are_signed_as_they_ask(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    web.says = [TAKEN["dingtalk"]]
    async with running(robot(web, "dingtalk", secret="SEC")):
        filler.put(notice("a"))
        await until(lambda: told(store, "a").state == "sent")
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(web.calls[0].path).query)
    (at,) = query["timestamp"]
    wanted = hmac.new(b"SEC", f"{at}\nSEC".encode(), hashlib.sha256).digest()
    assert query["sign"] == [base64.b64encode(wanted).decode()]
    web.says = [TAKEN["feishu"]]
    async with running(robot(web, "feishu", secret="SEC")):
        filler.put(notice("b"))
        await until(lambda: told(store, "b").state == "sent")
    body = msgspec.json.decode(web.calls[1].body)
    wanted = hmac.new(f"{body['timestamp']}\nSEC".encode(), b"", hashlib.sha256).digest()
    assert body["sign"] == base64.b64encode(wanted).decode()


async def test_a_screen_needs_no_sending(running: Running, filler: Filler, store: MemoryStore) -> None:
    async with running(Channel(id="hook", screen=True)):
        filler.put(notice("n"))
        await until(lambda: told(store, "n").state == "sent")
    assert told(store, "n").answer == ""
