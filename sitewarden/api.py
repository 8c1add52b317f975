"""The API's description without a running service."""

from typing import Any

from cloud.broker.memory import MemoryLine, MemoryPost
from cloud.clock import now_ms
from cloud.store.memory import MemoryStore
from cloud.store.memory_reads import MemoryReader
from cloud.web.app import create_app
from cloud.web.describe import describe
from cloud.web.options import WebOptions


def description() -> dict[str, Any]:
    """OpenAPI, as `/api/v1/openapi.json` gives it."""
    post = MemoryPost(MemoryLine(now_ms))
    return describe(create_app(MemoryReader(MemoryStore()), (), WebOptions(), post=post))
