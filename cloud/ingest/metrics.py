"""What Prometheus sees of ingest."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

from cloud.ingest.partition import Group

_COUNTED: Final = {
    "messages": "Messages taken from the stream",
    "events": "Events stored",
    "readings": "Readings stored",
    "duplicates": "Events and readings that were known already",
    "flagged": "Events and readings stored with a flag: odd stamps, unknown devices or types",
    "quarantined": "Messages, or parts of them, set aside",
    "verdicts": "Revisions of verdicts",
    "alerts": "Overdue alerts raised",
}
_LAG_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0)


class IngestMetrics:
    """The figures, in a registry that the web part shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            name: Counter(f"sitewarden_ingest_{name}", said, registry=registry)
            for name, said in _COUNTED.items()
        }
        self._commits = Counter("sitewarden_ingest_commits", "Transactions", registry=registry)
        self._lag = Histogram(
            "sitewarden_ingest_commit_lag_seconds",
            "From taking a batch to its commit, the oldest of each group",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )

    def counted(self, group: Group) -> None:
        """A group is durable."""
        self._commits.inc()
        for name, counter in self._counters.items():
            counter.inc(group.counts.get(name, 0))
        taken = min((events.received_at for events in group.commit.events), default=None)
        if taken is not None:
            self._lag.observe(max(0, group.commit.committed_at - taken) / 1_000)
