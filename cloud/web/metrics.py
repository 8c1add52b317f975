"""What Prometheus sees of the web part."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE

__all__ = ["CONTENT_TYPE", "WebMetrics"]

_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class WebMetrics:
    """The figures of one app, shown together with those of `others`, the rest of the process."""

    def __init__(self, others: CollectorRegistry | None = None) -> None:
        # Its own, so that an app can be made anew in a process that goes on.
        self.registry = CollectorRegistry()
        self._others = others
        self.requests = Counter(
            "sitewarden_web_requests",
            "Requests answered, by route and status",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "sitewarden_web_request_seconds",
            "Time to the start of the answer",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.streams = Gauge("sitewarden_web_streams", "Open live streams", registry=self.registry)
        self.messages = Counter(
            "sitewarden_web_stream_messages",
            "Changes sent on live streams",
            ["kind"],
            registry=self.registry,
        )
        self.dropped = Counter(
            "sitewarden_web_streams_dropped", "Live streams ended since too slow", registry=self.registry
        )
        self.screen_answers = Counter(
            "sitewarden_web_screen_answers", "Answers of screens", ["result"], registry=self.registry
        )
        self.screen_age = Histogram(
            "sitewarden_web_screen_data_age_seconds",
            "Age of what screens show, as they say",
            buckets=(0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0),
            registry=self.registry,
        )
        self.store_up = Gauge(
            "sitewarden_store_up", "1 while the database answers the web part", registry=self.registry
        )
        self.commits = Gauge(
            "sitewarden_store_commit_no",
            "Last commit of each partition",
            ["partition"],
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All figures in Prometheus's text format."""
        return generate_latest(self.registry) + (generate_latest(self._others) if self._others else b"")
