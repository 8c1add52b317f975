"""The channels file: secrets in their places, mistakes with file and line, people's contacts in addresses."""

from pathlib import Path

import pytest

from cloud.errors import NoContactError
from cloud.notify.channels import Channel, address, load_channels
from contract.problems import ConfigError

# Apprise imports a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr'")

MAIL = "mailto://post:{env:POST}@127.0.0.1:2525?from=sw%40example.org&to={mail}"


def load(folder: Path, text: str, **environment: str) -> tuple[Channel, ...]:
    path = folder / "channels.yaml"
    path.write_text(text)
    return load_channels(path, environment)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load(folder, text)
    return [str(problem).removeprefix(f"{folder}/channels.yaml:") for problem in raised.value.problems]


def test_secrets_are_put_in_their_places(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("hush & a secret\n")
    text = f"""
channels:
  - {{id: mail, apprise: "{MAIL}", per_minute: 20}}
  - {{id: wecom, apprise: "{{env:WECOM}}"}}
  - {{id: hook, webhook: "https://example.org/in?key={{env:POST}}", secret: "{{file:{tmp_path}/hook}}"}}
"""
    mail, wecom, hook = load(tmp_path, text, POST="p@ss/1", WECOM="wecombot://KEY")
    assert mail.apprise == "mailto://post:p%40ss%2F1@127.0.0.1:2525?from=sw%40example.org&to={mail}"
    assert mail.per_minute == 20
    assert wecom.apprise == "wecombot://KEY"
    assert (hook.webhook, hook.secret) == ("https://example.org/in?key=p%40ss%2F1", "hush & a secret")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{id: a}", "channels[0]: needs one of apprise, webhook, robot and screen"),
        ("{id: a, apprise: 'json://h', webhook: 'http://h', secret: s}", "channels[0]: needs one of"),
        ("{id: a, webhook: 'http://h'}", "channels[0]: secret is missing"),
        ("{id: a, robot: 'https://h/x'}", "channels[0]: a robot needs its service"),
        ("{id: a, robot: 'h/x', service: feishu}", "channels[0].robot: expected an address"),
        ("{id: a, robot: 'https://h/x', service: slack}", "channels[0].service: "),
        ("{id: a, screen: true, service: feishu}", "channels[0]: a robot needs its service"),
        ("{id: a, webhook: 'h/in', secret: s}", "channels[0].webhook: expected an address"),
        ("{id: a, apprise: 'mialto://u:hush@h'}", "channels[0].apprise: is no address that Apprise can use"),
        ("{id: a, apprise: 'mialto://u:hush@h?to={mail}'}", "channels[0].apprise: is no address"),
        ("{id: a, apprise: 'json://h', secret: s}", "channels[0].secret: only a webhook has a secret"),
        ("{id: a, apprise: '{env:NONE}'}", "channels[0].apprise: env:NONE is empty or not there"),
        ("{id: a, apprise: '{file:/no/such}'}", "channels[0].apprise: can't read /no/such"),
        ("{id: a, apprise: 'json://h', per_minute: 0}", "channels[0].per_minute: expected int >= 1"),
        ("{id: a, aprise: 'json://h'}", "channels[0].aprise: unknown field; did you mean apprise?"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_without_secrets(tmp_path: Path, line: str, said: str) -> None:
    (found,) = problems(tmp_path, f"# ours\nchannels:\n  - {line}\n")
    assert found.startswith(f"3: {said}")
    assert "hush" not in found


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    text = """
channels:
  - {id: a, apprise: "{env:NONE}"}
  - {id: a, webhook: "http://h", secret: "{file:/no/such}"}
"""
    assert [found.split(" ")[0] for found in problems(tmp_path, text)] == ["3:", "4:", "4:"]


def test_an_address_takes_the_contacts_of_the_person() -> None:
    assert (
        address("m://h?to={mail}", "p-007", {"mail": "wang+1@example.org"})
        == "m://h?to=wang%2B1%40example.org"
    )
    assert address("m://h", "p-007", {}) == "m://h"


def test_a_contact_that_is_missing_is_named() -> None:
    with pytest.raises(NoContactError, match=r"^p-007 has no mail$"):
        address("m://h?to={mail}", "p-007", {"phone": "1"})
