"""The API's description (OpenAPI) with the shapes of what matters hold, so that typed clients know them too."""

from typing import Any, Final

import msgspec
from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from cloud.operations.alarm import Alarm
from cloud.operations.check_book import Check
from cloud.operations.command import Action
from cloud.operations.drill_book import Drill
from cloud.operations.duty_book import Duty
from cloud.operations.life import Life
from cloud.operations.miss_book import Miss
from cloud.operations.order import Order
from cloud.operations.screen import Screen
from cloud.operations.telling_book import Escalation
from cloud.operations.upkeep_book import Course
from cloud.web.models import ChangeMessage, Goodbye, Heartbeat, Hello

BODIES: Final = (Alarm, Order, Course, Drill, Duty, Check, Escalation, Screen, Miss, Life)
"""What `RecordView.body` and `IncidentView.life` hold."""

MESSAGES: Final = (Hello, Heartbeat, Goodbye, ChangeMessage)
"""What the live stream carries."""

_REF: Final = "#/components/schemas/{}"


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of every path, with `BODIES`, `Action` and `MESSAGES` among its schemas under their class names.

    In a body a field that has its default is not sent.
    """
    description: dict[str, Any] = app.openapi()
    (*_, action), bodies = msgspec.json.schema_components(
        (*BODIES, Action), ref_template=_REF.format("{name}")
    )
    _, messages = models_json_schema(
        [(message, "serialization") for message in MESSAGES], ref_template=_REF.format("{model}")
    )
    components = description.get("components", {})
    schemas = {**bodies, "Action": action, **messages["$defs"], **components.get("schemas", {})}
    return description | {"components": components | {"schemas": schemas}}
