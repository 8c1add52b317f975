"""docker-compose.yml and the code agree: services, ports, settings, secrets; and nothing has a default secret."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cloud.broker.config import SHORTEST_SECRET, agent_user
from cloud.web.options import LEAST_TOKEN
from contract.site import Site
from contract.site_files import load_site
from contract.topics import Address
from sitewarden.__main__ import PROCESSES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SETTINGS = {
    "cloud": ROOT / "cloud" / "settings.py",
    "gw-1": ROOT / "edge" / "settings.py",
    "gw-2": ROOT / "edge" / "settings.py",
    "simulators": ROOT / "firmware-sim" / "firmware_sim" / "settings.py",
}
OURS = [name for name, service in SERVICES.items() if str(service["image"]).startswith("sitewarden:")]
PREFIX = "SITEWARDEN_"


@pytest.fixture(scope="module")
def demo() -> Site:
    return load_site(ROOT / "config" / "sites" / "demo")


def names_read(settings: Path, *methods: str) -> set[str]:
    """The names that a settings module looks up by those methods of its reader, as environment variables."""
    calls = [node for node in ast.walk(ast.parse(settings.read_text("utf-8"))) if isinstance(node, ast.Call)]
    named = [
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in methods
        and call.args
        and isinstance(call.args[0], ast.Constant)
    ]
    return {PREFIX + name.upper() for name in named if isinstance(name, str)}


def environment(service: str) -> dict[str, str]:
    """What a service of ours is told, once the variables are filled in."""
    told: dict[str, str] = SERVICES[service].get("environment", {})
    return {name: re.sub(r"\$\{[^}]*\}", "filled-in", value) for name, value in told.items()}


def lines_of(service: str) -> dict[str, str]:
    """The endpoints that an edge is given, by line."""
    return dict(text.split("=", 1) for text in environment(service)["SITEWARDEN_LINES"].split())


def host_and_port(url: str) -> tuple[str, int]:
    match = re.search(r"://(?:[^@/]*@)?([\w.-]+):(\d+)", url)
    assert match is not None, url
    return match[1], int(match[2])


def test_it_has_the_services_of_the_line() -> None:
    assert set(SERVICES) == {"broker-config", "broker", "database", "cloud", "gw-1", "gw-2", "simulators"}
    demo_only = {name for name, service in SERVICES.items() if service.get("profiles") == ["demo"]}
    assert demo_only == {"gw-1", "gw-2", "simulators"}


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_is_told_only_what_the_code_reads_and_all_that_it_needs(service: str) -> None:
    told = set(environment(service))
    needed = names_read(SETTINGS[service], "needed")
    assert needed, "the settings module is read in another way than this test knows"
    assert needed <= told
    assert told <= names_read(SETTINGS[service], "needed", "optional", "secret")


@pytest.mark.parametrize("service", SETTINGS)
def test_a_service_runs_a_subcommand_that_exists(service: str) -> None:
    (command,) = SERVICES[service]["command"]
    assert command in PROCESSES
    assert SETTINGS[service].parent.name == PROCESSES[command].split(".")[0]


def test_there_is_one_edge_for_each_agent_of_the_demo_site(demo: Site) -> None:
    edges = {name for name, service in SERVICES.items() if service.get("command") == ["edge"]}
    assert edges == set(demo.agents)
    for edge in edges:
        assert environment(edge)["SITEWARDEN_AGENT"] == edge
        assert environment(edge)["SITEWARDEN_BROKER_USER"] == agent_user(Address(demo.id, edge))


@pytest.mark.parametrize("edge", ["gw-1", "gw-2"])
def test_an_edge_finds_each_of_its_lines_where_the_simulators_serve_it(edge: str, demo: Site) -> None:
    told = lines_of(edge)
    own = {line.id: line.endpoint for line in demo.agents[edge].lines}
    assert set(told) == set(own)
    for line, endpoint in told.items():
        assert endpoint.split("://")[0] == own[line].split("://")[0]
        host, port = host_and_port(endpoint)
        assert host == ("broker" if endpoint.startswith("mqtt:") else "simulators")
        assert port == host_and_port(own[line])[1]


def test_everybody_finds_broker_and_database_by_their_names_and_ports() -> None:
    urls = [value for name in SETTINGS for value in environment(name).values() if "://" in value]
    found = {host_and_port(url) for text in urls for url in text.split() if "simulators" not in url}
    assert found == {("broker", 4222), ("broker", 1883), ("database", 5432)}


def test_published_ports_are_those_that_are_served_and_on_loopback_unless_asked_for() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "broker": ["${SITEWARDEN_MQTT_ADDRESS:-127.0.0.1}:1883:1883"],
        "cloud": ["${SITEWARDEN_WEB_ADDRESS:-127.0.0.1}:8080:8080"],
    }
    assert environment("cloud")["SITEWARDEN_WEB_PORT"] == "8080"


def test_whatever_is_waited_for_has_a_health_check() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            one_shot = other == "broker-config"
            assert how["condition"] == (
                "service_completed_successfully" if one_shot else "service_healthy"
            ), name
            assert one_shot or "test" in SERVICES[other]["healthcheck"]
    assert all("healthcheck" in service for name, service in SERVICES.items() if name != "broker-config")


def test_every_secret_is_a_file_that_its_service_is_given() -> None:
    for name, service in SERVICES.items():
        given = set(service.get("secrets", []))
        assert given <= set(COMPOSE["secrets"])
        files = {
            str(value).removeprefix("/run/secrets/")
            for key, value in service.get("environment", {}).items()
            if key.endswith("_FILE")
        }
        assert files <= given, name


def test_the_broker_is_given_a_password_for_each_of_its_users(demo: Site) -> None:
    users = {"cloud", "field"} | {agent_user(Address(demo.id, agent)) for agent in demo.agents}
    assert set(SERVICES["broker-config"]["secrets"]) == {f"broker-{user}" for user in users}


def test_no_secret_has_a_default_and_nothing_starts_without_one() -> None:
    variables = {secret["environment"] for secret in COMPOSE["secrets"].values()}
    required = {match[1] for text in COMPOSE["x-needed"] if (match := re.match(r"\$\{(\w+):\?", text))}
    assert required == variables
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    for variable in variables:
        uses = re.findall(rf"\$\{{{variable}([^}}]*)\}}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_the_example_names_every_variable_and_gives_no_secret() -> None:
    example = (ROOT / ".env.example").read_text("utf-8")
    given = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))
    used = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text("utf-8")))
    secrets = {secret["environment"] for secret in COMPOSE["secrets"].values()}
    assert set(given) == used | secrets
    assert {given[name] for name in secrets} == {""}
    advised = re.search(r"at least (\d+) characters", example)
    assert advised is not None
    assert int(advised[1]) >= max(SHORTEST_SECRET, LEAST_TOKEN)


def test_images_are_pinned_and_ours_may_do_little() -> None:
    for name, service in SERVICES.items():
        tag = str(service["image"]).rpartition(":")[2]
        assert re.match(r"v?\d+\.\d+\.\d+", tag), name
    for name in [*OURS, "broker"]:
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["read_only"] is True


def test_the_image_holds_every_part_and_is_not_root() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text("utf-8")
    copied = set(re.findall(r"^COPY (\S+) \S+$", dockerfile, re.MULTILINE))
    assert {"contract", "edge", "cloud", "firmware-sim", "sitewarden", "config"} <= copied
    assert re.search(r"^USER (?!root)\w+$", dockerfile, re.MULTILINE)
    uid = re.search(r"--uid (\d+)", dockerfile)
    assert uid is not None
    assert SERVICES["broker"]["user"] == f"{uid[1]}:{uid[1]}"


def test_volumes_and_dependencies_that_are_named_exist() -> None:
    named = {
        volume.split(":")[0]
        for service in SERVICES.values()
        for volume in service.get("volumes", [])
        if not volume.startswith(".")
    }
    assert named == set(COMPOSE["volumes"])
    assert {other for service in SERVICES.values() for other in service.get("depends_on", {})} <= set(
        SERVICES
    )
