-- name: lock_partition
select pg_try_advisory_lock(%(space)s, %(partition)s)

-- name: is_read_only
select pg_is_in_recovery() or current_setting('default_transaction_read_only')::boolean

-- name: take_partition
insert into checkpoint (partition, generation, commit_no, committed_at, stream, stream_seq)
values (%(partition)s, 1, 0, from_ms(0), '', 0)
on conflict (partition) do update set generation = checkpoint.generation + 1
returning generation, commit_no, stream, stream_seq

-- name: read_ledger
select site, agent, epoch, lane, high, islands from ledger where partition = %(partition)s

-- name: read_cells
select site, cell, body from engine_cells where partition = %(partition)s

-- name: read_devices
select site, device, agent, to_ms(last_at), to_ms(last_seen), to_ms(complete_to), known
from devices where partition = %(partition)s

-- name: read_agents
select site, agent, to_ms(last_seen), epoch, clock_offset_ms, to_ms(last_observed_at)
from agents where partition = %(partition)s

-- name: read_open_incidents
select body::text from incidents where partition = %(partition)s and state = 'open'

-- name: read_live_records
select site, kind, id, revision, state, live, to_ms(opened_at), to_ms(changed_at), body::text
from records where partition = %(partition)s and live

-- name: read_record
select site, kind, id, revision, state, live, to_ms(opened_at), to_ms(changed_at), body::text
from records where site = %(site)s and kind = %(kind)s and id = %(id)s

-- name: read_incident
select body::text from incidents where site = %(site)s and id = %(id)s

-- name: refused_notices
select site, id, about, channel, person, answer, to_ms(settled_at)
from notices
where partition = %(partition)s and state = 'failed' and settled_at > from_ms(%(since)s)
order by settled_at
limit 100

-- name: answered
select id from answers where site = %(site)s and id = any(%(ids)s)

-- name: advance
-- The row is the fence: a stale owner, or one that counts wrongly, changes nothing and gets no row back.
with advanced as (
    update checkpoint
    set commit_no = %(commit_no)s, committed_at = from_ms(%(committed_at)s),
        stream = %(stream)s, stream_seq = %(stream_seq)s
    where partition = %(partition)s and generation = %(generation)s and commit_no = %(commit_no)s - 1
    returning partition, commit_no
)
select pg_notify(%(channel)s, partition || ':' || commit_no) from advanced

-- name: put_ledger
insert into ledger (site, agent, epoch, lane, high, islands, partition, commit_no)
select site, agent, epoch, lane, high, islands::int8[], %(partition)s, %(commit_no)s
from unnest(%(site)s::text[], %(agent)s::text[], %(epoch)s::int4[], %(lane)s::text[], %(high)s::int8[],
            %(islands)s::text[]) as t (site, agent, epoch, lane, high, islands)
on conflict (site, agent, epoch, lane) do update
set high = excluded.high, islands = excluded.islands, commit_no = excluded.commit_no

-- name: put_cells
insert into engine_cells (partition, site, cell, body)
select %(partition)s, site, cell, body
from unnest(%(site)s::text[], %(cell)s::text[], %(body)s::bytea[]) as t (site, cell, body)
on conflict (partition, site, cell) do update set body = excluded.body

-- name: drop_cells
delete from engine_cells c
using unnest(%(site)s::text[], %(cell)s::text[]) as t (site, cell)
where c.partition = %(partition)s and c.site = t.site and c.cell = t.cell

-- name: put_devices
insert into devices (site, device, agent, last_at, last_seen, complete_to, known, partition, commit_no)
select site, device, agent, from_ms(last_at), from_ms(last_seen), from_ms(complete_to), known,
       %(partition)s, %(commit_no)s
from unnest(%(site)s::text[], %(device)s::text[], %(agent)s::text[], %(last_at)s::int8[],
            %(last_seen)s::int8[], %(complete_to)s::int8[], %(known)s::boolean[])
     as t (site, device, agent, last_at, last_seen, complete_to, known)
on conflict (site, device) do update
set agent = excluded.agent, last_at = excluded.last_at, last_seen = excluded.last_seen,
    complete_to = excluded.complete_to, known = excluded.known, partition = excluded.partition,
    commit_no = excluded.commit_no

-- name: put_blind
insert into blind_spans (site, device, start_at, end_at, partition, commit_no)
select site, device, from_ms(start), max(from_ms("end")), %(partition)s, %(commit_no)s
from unnest(%(site)s::text[], %(device)s::text[], %(start)s::int8[], %(end)s::int8[])
     as t (site, device, start, "end")
group by site, device, start
on conflict (site, device, start_at) do update
set end_at = excluded.end_at, partition = excluded.partition, commit_no = excluded.commit_no
where excluded.end_at > blind_spans.end_at

-- name: put_agents
insert into agents (site, agent, last_seen, last_observed_at, epoch, clock_offset_ms, partition, commit_no)
select site, agent, from_ms(last_seen), from_ms(last_observed_at), epoch, clock_offset_ms,
       %(partition)s, %(commit_no)s
from unnest(%(site)s::text[], %(agent)s::text[], %(last_seen)s::int8[], %(last_observed_at)s::int8[],
            %(epoch)s::int4[], %(clock_offset_ms)s::int8[])
     as t (site, agent, last_seen, last_observed_at, epoch, clock_offset_ms)
on conflict (site, agent) do update
set last_seen = excluded.last_seen, last_observed_at = excluded.last_observed_at, epoch = excluded.epoch,
    clock_offset_ms = excluded.clock_offset_ms, partition = excluded.partition, commit_no = excluded.commit_no

-- name: put_alerts
insert into alerts (site, rule, key, opened_at, due_at, raised_at, links, partition, commit_no)
select site, rule, key, from_ms(opened_at), from_ms(due_at), from_ms(raised_at), links::jsonb,
       %(partition)s, %(commit_no)s
from unnest(%(site)s::text[], %(rule)s::text[], %(key)s::text[], %(opened_at)s::int8[], %(due_at)s::int8[],
            %(raised_at)s::int8[], %(links)s::text[])
     as t (site, rule, key, opened_at, due_at, raised_at, links)
on conflict (site, rule, key, opened_at) do nothing

-- name: clear_alerts
update alerts a
set cleared_at = from_ms(t.cleared_at), commit_no = %(commit_no)s
from unnest(%(site)s::text[], %(rule)s::text[], %(key)s::text[], %(opened_at)s::int8[], %(cleared_at)s::int8[])
     as t (site, rule, key, opened_at, cleared_at)
where a.site = t.site and a.rule = t.rule and a.key = t.key and a.opened_at = from_ms(t.opened_at)

-- name: put_incidents
insert into incidents (site, id, kind, state, subject, opened_at, changed_at, closed_at, revision, body,
                       partition, commit_no)
select site, id, kind, state, subject, from_ms(opened_at), from_ms(changed_at), from_ms(closed_at), revision,
       body::jsonb, %(partition)s, %(commit_no)s
from unnest(%(site)s::text[], %(id)s::text[], %(kind)s::text[], %(state)s::text[], %(subject)s::text[],
            %(opened_at)s::int8[], %(changed_at)s::int8[], %(closed_at)s::int8[], %(revision)s::int4[],
            %(body)s::text[])
     as t (site, id, kind, state, subject, opened_at, changed_at, closed_at, revision, body)
on conflict (site, id) do update
set state = excluded.state, changed_at = excluded.changed_at, closed_at = excluded.closed_at,
    revision = greatest(excluded.revision, incidents.revision + 1), body = excluded.body,
    partition = excluded.partition, commit_no = excluded.commit_no

-- name: put_incident_changes
insert into incident_changes (commit_no, revision, partition, site, id, body)
select %(commit_no)s, revision, %(partition)s, site, id, body::jsonb
from unnest(%(revision)s::int4[], %(site)s::text[], %(id)s::text[], %(body)s::text[])
     as t (revision, site, id, body)
on conflict (site, id, revision) do nothing

-- name: put_records
insert into records (site, kind, id, revision, state, live, opened_at, changed_at, body, partition, commit_no)
select site, kind, id, revision, state, live, from_ms(opened_at), from_ms(changed_at), body::jsonb,
       %(partition)s, %(commit_no)s
from unnest(%(site)s::text[], %(kind)s::text[], %(id)s::text[], %(revision)s::int4[], %(state)s::text[],
            %(live)s::boolean[], %(opened_at)s::int8[], %(changed_at)s::int8[], %(body)s::text[])
     as t (site, kind, id, revision, state, live, opened_at, changed_at, body)
on conflict (site, kind, id) do update
set revision = excluded.revision, state = excluded.state, live = excluded.live, opened_at = excluded.opened_at,
    changed_at = excluded.changed_at, body = excluded.body, partition = excluded.partition,
    commit_no = excluded.commit_no

-- name: put_record_changes
insert into record_changes (commit_no, revision, partition, site, kind, id, state, live, opened_at, changed_at,
                            body)
select %(commit_no)s, revision, %(partition)s, site, kind, id, state, live, from_ms(opened_at),
       from_ms(changed_at), body::jsonb
from unnest(%(site)s::text[], %(kind)s::text[], %(id)s::text[], %(revision)s::int4[], %(state)s::text[],
            %(live)s::boolean[], %(opened_at)s::int8[], %(changed_at)s::int8[], %(body)s::text[])
     as t (site, kind, id, revision, state, live, opened_at, changed_at, body)
on conflict (site, kind, id, revision) do nothing

-- name: put_answers
insert into answers (site, id, person, at, received_at, verb, body, problem, zh, en, kind, target, revision,
                     partition, commit_no)
select site, id, person, from_ms(at), from_ms(received_at), verb, body::jsonb, problem, zh, en, kind, target,
       revision, %(partition)s, %(commit_no)s
from unnest(%(site)s::text[], %(id)s::text[], %(person)s::text[], %(at)s::int8[], %(received_at)s::int8[],
            %(verb)s::text[], %(body)s::text[], %(problem)s::text[], %(zh)s::text[], %(en)s::text[],
            %(kind)s::text[], %(target)s::text[], %(revision)s::int4[])
     as t (site, id, person, at, received_at, verb, body, problem, zh, en, kind, target, revision)
on conflict (site, id) do nothing

-- name: put_quarantine
insert into quarantine (commit_no, partition, received_at, site, agent, kind, reason, digest, body)
select %(commit_no)s, %(partition)s, from_ms(received_at), site, agent, kind, reason, digest, body
from unnest(%(received_at)s::int8[], %(site)s::text[], %(agent)s::text[], %(kind)s::text[],
            %(reason)s::text[], %(digest)s::text[], %(body)s::bytea[])
     as t (received_at, site, agent, kind, reason, digest, body)

-- name: put_notices
with put as (
    insert into notices (site, id, about, person, channel, kind, priority, title, text, chain, step, made_at,
                         not_before, partition, commit_no)
    select site, id, about, person, channel, kind, priority, title, text, chain, step, from_ms(made_at),
           from_ms(not_before), %(partition)s, %(commit_no)s
    from unnest(%(site)s::text[], %(id)s::text[], %(about)s::text[], %(person)s::text[], %(channel)s::text[],
                %(kind)s::text[], %(priority)s::int2[], %(title)s::text[], %(text)s::text[], %(chain)s::text[],
                %(step)s::int4[], %(made_at)s::int8[], %(not_before)s::int8[])
         as t (site, id, about, person, channel, kind, priority, title, text, chain, step, made_at, not_before)
    on conflict (site, id) do nothing
    returning 1
)
select pg_notify(%(told)s, '') where exists (select from put)

-- name: stop_notices
update notices n
set state = 'stopped', settled_at = from_ms(t.at)
from unnest(%(site)s::text[], %(about)s::text[], %(at)s::int8[]) as t (site, about, at)
where n.site = t.site and n.about = t.about and n.kind = 'alarm' and n.state = 'waiting'
  and ((n.partition, n.commit_no) <> (%(partition)s, %(commit_no)s) or n.made_at <= from_ms(t.at))

-- name: history
select device, seq, to_ms(at), type, coalesce(to_ms(observed_at), 0), clock_error_ms, zone, person,
       coalesce(data::text, '{}'), to_ms(received_at), flags
from events
where site = %(site)s and at >= from_ms(%(start)s) and at < from_ms(%(end)s) and type = any(%(types)s)
  and flags & %(withheld)s = 0

-- name: past_readings
select r.device, r.point, to_ms(r.at), r.value
from readings r
join unnest(%(devices)s::text[], %(points)s::text[]) as wanted(device, point)
  on r.device = wanted.device and r.point = wanted.point
where r.site = %(site)s and r.at >= from_ms(%(start)s) and r.at < from_ms(%(end)s)
  and r.quality = 'good' and r.value is not null and r.flags & %(withheld)s = 0

-- name: last_revisions
select v.rule, v.version, v.kind, v.key, to_ms(v.opened_at), to_ms(v.due_at), v.outcome, v.final, v.reason,
       v.elapsed_ms, v.evidence::text, v.overdue, v.joined::text, v.blind::text, v.items::text, v.revision,
       to_ms(v.decided_at), v.late_ms, v.cleared
from verdicts v
where v.site = %(site)s and v.rule = %(rule)s and v.key = %(key)s
  and v.opened_at >= from_ms(%(start)s) and v.opened_at < from_ms(%(end)s)
order by v.opened_at

-- name: begin_events
copy events (commit_no, seq, at, received_at, observed_at, clock_error_ms, partition, flags, site, device, type,
             zone, person, data) from stdin (format binary)

-- name: begin_readings
copy readings (commit_no, seq, at, received_at, value, clock_error_ms, partition, flags, site, device, point,
               quality) from stdin (format binary)

-- name: begin_verdicts
copy verdict_revisions (commit_no, opened_at, due_at, decided_at, elapsed_ms, late_ms, revision, version,
                        partition, final, overdue, cleared, site, rule, key, kind, outcome, reason, evidence,
                        joined, blind, items, explain_zh, explain_en) from stdin (format binary)
