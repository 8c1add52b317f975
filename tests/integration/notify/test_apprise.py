"""Notices that go out through Apprise: to a web server, and as mail to a real mail server."""

import msgspec
import pytest

from cloud.notify.channels import Channel
from cloud.operations.alarm import Priority
from cloud.store.memory import MemoryStore
from tests.integration.notify.conftest import Running
from tests.outboxes import Filler, attempts, notice, told
from tests.receivers import Mailbox, Receiver
from tests.waiting import until

# Apprise imports a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr'")


@pytest.mark.parametrize(
    ("kind", "priority", "look"),
    [
        ("alarm", Priority.CRITICAL, "failure"),
        ("alarm", Priority.LOW, "warning"),
        ("concern", Priority.HIGH, "warning"),
        ("withdrawal", Priority.HIGH, "success"),
        ("digest", Priority.LOW, "info"),
    ],
)
async def test_a_notice_goes_out_through_apprise(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore, kind: str, priority: int, look: str
) -> None:
    async with running(Channel(id="hook", apprise=f"json://127.0.0.1:{web.server_port}/in")):
        filler.put(notice("n", kind=kind, priority=priority))
        await until(lambda: told(store, "n").state == "sent")
    (call,) = web.calls
    body = msgspec.json.decode(call.body)
    assert (body["title"], body["message"], body["type"]) == (
        "三号楼地下一层火警",
        "请立即前往 B1 查看。",
        look,
    )
    assert told(store, "n").answer == "accepted"


async def test_what_apprise_says_of_a_failure_is_kept_with_the_attempt(
    web: Receiver, running: Running, filler: Filler, store: MemoryStore
) -> None:
    web.answers = [503]
    async with running(Channel(id="hook", apprise=f"json://127.0.0.1:{web.server_port}/in")):
        filler.put(notice("n"))
        await until(lambda: told(store, "n").state == "sent")
    first, second = attempts(store, "n")
    assert "503" in first.answer
    assert (second.ok, second.answer) == (True, "accepted")


async def test_a_mail_reaches_the_person_in_their_language(
    mail: tuple[Mailbox, int], running: Running, filler: Filler, store: MemoryStore
) -> None:
    box, port = mail
    address = f"mailto://127.0.0.1:{port}?from=sw%40example.org&to={{mail}}"
    async with running(Channel(id="mail", apprise=address)):
        filler.put(notice("n", channel="mail"))
        await until(lambda: told(store, "n").state != "waiting")
    assert told(store, "n").state == "sent"
    (found,) = box.mails
    assert box.recipients == ["wang@example.org"]
    assert found["Subject"] == "三号楼地下一层火警"
    assert "请立即前往 B1 查看。" in found.get_content()


async def test_a_person_without_the_contact_is_said(
    mail: tuple[Mailbox, int], running: Running, filler: Filler, store: MemoryStore
) -> None:
    _, port = mail
    address = f"mailto://127.0.0.1:{port}?from=sw%40example.org&to={{mail}}"
    async with running(Channel(id="mail", apprise=address)):
        filler.put(notice("a", channel="mail", person="p-008"), notice("b", channel="mail", person="nobody"))
        await until(lambda: {told(store, "a").state, told(store, "b").state} == {"failed"})
    assert told(store, "a").answer == "p-008 has no mail"
    assert told(store, "b").answer == "nobody has no mail"
