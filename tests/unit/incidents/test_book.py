"""Incidents: one per cause, open while somebody still has to act."""

from cloud.correlation.verdict import Episode, Outcome, Overdue, Reason, Revised, Verdict
from cloud.incidents.book import IncidentBook
from cloud.store.base import IncidentKind, IncidentState

T0 = 1_764_547_200_000


def verdict(
    outcome: Outcome = Outcome.PENDING,
    *,
    rule: str = "ER-2",
    kind: str = "response",
    key: str = "b1",
    final: bool = False,
    revision: int = 1,
    due_ms: int = 120_000,
) -> Revised:
    """A revision about the fire at T0."""
    return Revised(
        verdict=Verdict(
            rule=rule,
            version=1,
            kind=kind,
            key=key,
            opened_at=T0,
            due_at=T0 + due_ms,
            outcome=outcome,
            final=final,
            reason=Reason.WAITING,
            evidence=(("panel", 7),) if kind == "response" else (),
        ),
        revision=revision,
        decided_at=T0,
    )


def test_all_obligations_of_one_alarm_are_one_incident() -> None:
    book = IncidentBook("demo")
    book.revised(verdict(), T0, "fire.alarm")
    book.revised(verdict(rule="FS-2", key="gate-n", due_ms=10_000), T0, "fire.alarm")
    (incident,) = book.take_changes(T0)
    assert incident.kind is IncidentKind.ALARM
    assert (incident.trigger, incident.cause) == (("panel", 7), "fire.alarm")
    assert [episode.rule for episode in incident.episodes] == ["FS-2", "ER-2"]


def test_an_alarm_stays_open_until_every_obligation_is_done() -> None:
    book = IncidentBook("demo")
    book.revised(verdict(), T0)
    book.revised(verdict(rule="FS-2", key="gate-n"), T0)
    book.take_changes(T0)
    book.revised(verdict(Outcome.MET, revision=2), T0 + 1)
    assert [incident.state for incident in book.take_changes(T0 + 1)] == [IncidentState.OPEN]
    book.revised(verdict(Outcome.MET, rule="FS-2", key="gate-n", revision=2), T0 + 2)
    (closed,) = book.take_changes(T0 + 2)
    assert (closed.state, closed.closed_at, closed.revision) == (IncidentState.CLOSED, T0 + 2, 3)
    assert book.open_incidents == ()


def test_a_breach_stays_open_until_somebody_came_or_it_is_final() -> None:
    book = IncidentBook("demo")
    book.revised(verdict(), T0)
    book.revised(verdict(Outcome.BREACHED, revision=2), T0 + 1)
    assert [incident.state for incident in book.take_changes(T0)] == [IncidentState.OPEN]
    book.revised(verdict(Outcome.BREACHED, final=True, revision=3), T0 + 2)
    assert [incident.state for incident in book.take_changes(T0)] == [IncidentState.CLOSED]


def test_an_overdue_round_opens_an_incident_that_the_late_scan_closes() -> None:
    book = IncidentBook("demo")
    book.revised(verdict(rule="PT-1", kind="recurrence", key="cp-1"), T0)
    assert book.take_changes(T0) == []
    book.overdue(Overdue(episode=Episode("PT-1", "cp-1", T0), due_at=T0 + 120_000), T0 + 120_000)
    (opened,) = book.take_changes(T0 + 120_000)
    assert (opened.kind, opened.subject, opened.episodes[0].overdue) == (IncidentKind.OVERDUE, "cp-1", True)
    book.revised(
        verdict(Outcome.BREACHED, rule="PT-1", kind="recurrence", key="cp-1", final=True, revision=2), T0
    )
    assert book.take_changes(T0)[0].state is IncidentState.CLOSED


def test_an_obligation_that_joined_another_leaves_no_incident_behind() -> None:
    book = IncidentBook("demo")
    book.revised(verdict(), T0)
    book.take_changes(T0)
    book.revised(verdict(Outcome.VOID, final=True, revision=2), T0 + 1)
    (closed,) = book.take_changes(T0 + 1)
    assert (closed.state, closed.episodes) == (IncidentState.CLOSED, ())


def test_a_restart_goes_on_with_the_open_ones_and_their_ids() -> None:
    book = IncidentBook("demo")
    book.revised(verdict(), T0)
    (opened,) = book.take_changes(T0)
    again = IncidentBook("demo", [opened])
    again.revised(verdict(Outcome.MET, revision=2), T0 + 5)
    (closed,) = again.take_changes(T0 + 5)
    assert (closed.id, closed.revision, closed.state) == (opened.id, 2, IncidentState.CLOSED)


def test_a_link_is_one_incident_while_it_is_down() -> None:
    book = IncidentBook("demo")
    book.trouble(IncidentKind.LINK, "gw-1", "numbers 5 to 9 are missing", T0, T0 + 60_000)
    book.trouble(IncidentKind.LINK, "gw-1", "numbers 5 to 9 are missing", T0, T0 + 61_000)
    assert len(book.take_changes(T0 + 61_000)) == 1
    book.trouble_over(IncidentKind.LINK, T0 + 90_000, "gw-1")
    assert [incident.state for incident in book.take_changes(T0 + 90_000)] == [IncidentState.CLOSED]
