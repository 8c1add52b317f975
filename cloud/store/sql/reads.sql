-- Lists sort text by code point (collate "C"), as every other part of the system does.

-- name: positions
select partition, commit_no from checkpoint order by partition

-- name: devices
select site, device, agent, to_ms(last_at), to_ms(last_seen), to_ms(complete_to), known
from devices
where site = %(site)s
order by device collate "C"

-- name: blind
select site, device, to_ms(start_at), to_ms(end_at)
from blind_spans
where site = %(site)s and end_at > from_ms(%(since)s)
  and (%(device)s::text is null or device = %(device)s)
order by device collate "C", start_at

-- name: agents
select site, agent, to_ms(last_seen), epoch, clock_offset_ms, to_ms(last_observed_at)
from agents
where site = %(site)s
order by agent collate "C"

-- name: events
select device, seq, to_ms(at), type, coalesce(to_ms(observed_at), 0), clock_error_ms, zone, person,
       coalesce(data::text, '{}'), to_ms(received_at), flags
from events
where site = %(site)s
  and (%(types)s::text[] is null or type = any(%(types)s))
  and (%(devices)s::text[] is null or device = any(%(devices)s))
  and (%(zone)s::text is null or zone = %(zone)s or (zone is null and device = any(%(zone_devices)s::text[])))
  and (%(since)s::int8 is null or at >= from_ms(%(since)s))
  and (%(until)s::int8 is null or at < from_ms(%(until)s))
  and (%(before_at)s::int8 is null
       or (at, device collate "C", seq)
          < (from_ms(%(before_at)s), %(before_device)s::text, %(before_seq)s::int8))
order by at desc, device collate "C" desc, seq desc
limit %(limit)s

-- name: lasting
select e.device, e.seq, to_ms(e.at), e.type, coalesce(to_ms(e.observed_at), 0), e.clock_error_ms, e.zone, e.person,
       coalesce(e.data::text, '{}'), to_ms(e.received_at), e.flags
from unnest(%(devices)s::text[]) as wanted(device)
cross join unnest(%(types)s::text[]) as told(type)
cross join lateral (
    select * from events n
    where n.site = %(site)s and n.device = wanted.device and n.type = told.type
      and n.type in (
    'door.closed', 'door.opened', 'gate.locked', 'gate.released',
    'generator.fault', 'generator.mode', 'generator.off_load', 'generator.on_load',
    'generator.started', 'generator.stopped', 'mains.lost', 'mains.restored'
)
    order by n.at desc, n.seq desc
    limit 1
) e

-- name: lasting_parts
-- One step along the index for each part that ever told of it, then one for the newest that it told.
with recursive told(device, type, part) as (
    (select device, type, part_of(data)
     from events
     where site = %(site)s and type in ('fire.alarm', 'fire.reset', 'generator.fault')
     order by device, type, part_of(data)
     limit 1)
    union all
    select next.device, next.type, next.part
    from told t
    cross join lateral (
        select n.device, n.type, part_of(n.data) as part
        from events n
        where n.site = %(site)s and n.type in ('fire.alarm', 'fire.reset', 'generator.fault')
          and (n.device, n.type, part_of(n.data)) > (t.device, t.type, t.part)
        order by n.device, n.type, part_of(n.data)
        limit 1
    ) next
)
select e.device, e.seq, to_ms(e.at), e.type, coalesce(to_ms(e.observed_at), 0), e.clock_error_ms, e.zone, e.person,
       coalesce(e.data::text, '{}'), to_ms(e.received_at), e.flags
from told t
cross join lateral (
    select * from events n
    where n.site = %(site)s and n.device = t.device and n.type = t.type and part_of(n.data) = t.part
      and n.type in ('fire.alarm', 'fire.reset', 'generator.fault')
    order by n.at desc, n.seq desc
    limit 1
) e
where t.device = any(%(devices)s) and t.type = any(%(types)s)

-- name: seen
select distinct on (person)
       device, seq, to_ms(at), type, coalesce(to_ms(observed_at), 0), clock_error_ms, zone, person,
       coalesce(data::text, '{}'), to_ms(received_at), flags
from events
where site = %(site)s and at >= from_ms(%(since)s) and type = any(%(types)s) and person is not null
order by person, at desc, device collate "C" desc, seq desc

-- name: latest_readings
-- One step along the index for each point, however many readings it has.
with recursive measured(device, point) as (
    (select device, point from readings
     where site = %(site)s and (%(device)s::text is null or device = %(device)s)
     order by device, point
     limit 1)
    union all
    select next.device, next.point
    from measured m
    cross join lateral (
        select r.device, r.point from readings r
        where r.site = %(site)s and (r.device, r.point) > (m.device, m.point)
          and (%(device)s::text is null or r.device = %(device)s)
        order by r.device, r.point
        limit 1
    ) next
)
select m.device, m.point, to_ms(l.at), to_ms(l.received_at), l.value, l.quality
from measured m
cross join lateral (
    select r.at, r.received_at, r.value, r.quality from readings r
    where r.site = %(site)s and r.device = m.device and r.point = m.point and r.flags & %(withheld)s = 0
    order by r.at desc, r.seq desc
    limit 1
) l
order by m.device collate "C", m.point collate "C"

-- name: past_readings
select r.device, r.point, to_ms(r.at), r.value
from readings r
join unnest(%(devices)s::text[], %(points)s::text[]) as wanted(device, point)
  on r.device = wanted.device and r.point = wanted.point
where r.site = %(site)s and r.at >= from_ms(%(start)s) and r.at < from_ms(%(end)s)
  and r.quality = 'good' and r.value is not null and r.flags & %(withheld)s = 0

-- name: verdicts
select v.rule, v.version, v.kind, v.key, to_ms(v.opened_at), to_ms(v.due_at), v.outcome, v.final, v.reason,
       v.elapsed_ms, v.evidence::text, v.overdue, v.joined::text, v.blind::text, v.items::text, v.revision,
       to_ms(v.decided_at), v.late_ms, v.cleared, v.site, v.explain_zh, v.explain_en
from verdicts v
where v.site = %(site)s
  and (%(rules)s::text[] is null or v.rule = any(%(rules)s))
  and (case when %(outcomes)s::text[] is null then v.outcome <> 'void' else v.outcome = any(%(outcomes)s) end)
  and (%(key)s::text is null or v.key = %(key)s)
  and (%(since)s::int8 is null or v.opened_at >= from_ms(%(since)s))
  and (%(until)s::int8 is null or v.opened_at < from_ms(%(until)s))
  and (%(before_at)s::int8 is null
       or (v.opened_at <= from_ms(%(before_at)s)
           and (v.opened_at, v.rule collate "C", v.key collate "C")
               < (from_ms(%(before_at)s), %(before_rule)s::text, %(before_key)s::text)))
order by v.opened_at desc, v.rule collate "C" desc, v.key collate "C" desc
limit %(limit)s

-- name: revisions
select v.rule, v.version, v.kind, v.key, to_ms(v.opened_at), to_ms(v.due_at), v.outcome, v.final, v.reason,
       v.elapsed_ms, v.evidence::text, v.overdue, v.joined::text, v.blind::text, v.items::text, v.revision,
       to_ms(v.decided_at), v.late_ms, v.cleared, v.site, v.explain_zh, v.explain_en
from verdict_revisions v
where v.site = %(site)s and v.rule = %(rule)s and v.key = %(key)s and v.opened_at = from_ms(%(opened_at)s)
order by v.revision

-- name: incidents
select body::text
from incidents
where site = %(site)s
  and (%(state)s::text is null or state = %(state)s)
  and (%(before_at)s::int8 is null
       or (opened_at <= from_ms(%(before_at)s)
           and (opened_at, id collate "C") < (from_ms(%(before_at)s), %(before_id)s::text)))
order by opened_at desc, id collate "C" desc
limit %(limit)s

-- name: incident
select body::text from incidents where site = %(site)s and id = %(id)s

-- name: records
select site, kind, id, revision, state, live, to_ms(opened_at), to_ms(changed_at), body::text
from records
where site = %(site)s and kind = %(kind)s
  and (%(states)s::text[] is null or state = any(%(states)s))
  and (%(since)s::int8 is null or opened_at >= from_ms(%(since)s))
  and (%(until)s::int8 is null or opened_at < from_ms(%(until)s))
  and (%(before_at)s::int8 is null
       or (opened_at <= from_ms(%(before_at)s)
           and (opened_at, id collate "C") < (from_ms(%(before_at)s), %(before_id)s::text)))
order by opened_at desc, id collate "C" desc
limit %(limit)s

-- name: record
select site, kind, id, revision, state, live, to_ms(opened_at), to_ms(changed_at), body::text
from records where site = %(site)s and kind = %(kind)s and id = %(id)s

-- name: record_revisions
select site, kind, id, revision, state, live, to_ms(opened_at), to_ms(changed_at), body::text
from record_changes
where site = %(site)s and kind = %(kind)s and changed_at >= from_ms(%(since)s) and changed_at < from_ms(%(until)s)
order by changed_at, id collate "C", revision

-- name: answer
select site, id, person, to_ms(at), to_ms(received_at), verb, body::text, problem, zh, en, kind, target, revision
from answers where site = %(site)s and id = %(id)s

-- name: answers
select site, id, person, to_ms(at), to_ms(received_at), verb, body::text, problem, zh, en, kind, target, revision
from answers
where site = %(site)s
  and (%(person)s::text is null or person = %(person)s)
  and (%(target)s::text is null or target = %(target)s)
  and (%(before_at)s::int8 is null
       or (received_at <= from_ms(%(before_at)s)
           and (received_at, id collate "C") < (from_ms(%(before_at)s), %(before_id)s::text)))
order by received_at desc, id collate "C" desc
limit %(limit)s

-- name: notices
select site, id, about, person, channel, kind, priority, title, text, to_ms(made_at), to_ms(not_before), chain, step,
       state, attempts, to_ms(settled_at), answer
from notices
where site = %(site)s
  and (%(about)s::text is null or about = %(about)s)
  and (%(person)s::text is null or person = %(person)s)
  and (%(state)s::text is null or state = %(state)s)
  and (%(before_at)s::int8 is null
       or (made_at <= from_ms(%(before_at)s)
           and (made_at, id collate "C") < (from_ms(%(before_at)s), %(before_id)s::text)))
order by made_at desc, id collate "C" desc
limit %(limit)s

-- name: alerts
select site, rule, key, to_ms(opened_at), to_ms(due_at), to_ms(raised_at), to_ms(cleared_at), links::text
from alerts
where site = %(site)s and cleared_at is null
order by due_at desc, rule collate "C" desc, key collate "C" desc, opened_at desc
limit %(limit)s

-- name: quarantine
select id, site, agent, kind, reason, body, digest, to_ms(received_at)
from quarantine
where (%(site)s::text is null or site = %(site)s) and (%(before)s::int8 is null or id < %(before)s)
order by id desc
limit %(limit)s

-- name: event_changes
select commit_no, site, device, seq, to_ms(at), type, coalesce(to_ms(observed_at), 0), clock_error_ms, zone,
       person, coalesce(data::text, '{}'), to_ms(received_at), flags
from events
where partition = %(partition)s and commit_no > %(after)s and commit_no <= %(upto)s
  and (%(site)s::text is null or site = %(site)s)

-- name: verdict_changes
select v.commit_no, v.rule, v.version, v.kind, v.key, to_ms(v.opened_at), to_ms(v.due_at), v.outcome, v.final,
       v.reason, v.elapsed_ms, v.evidence::text, v.overdue, v.joined::text, v.blind::text, v.items::text, v.revision,
       to_ms(v.decided_at), v.late_ms, v.cleared, v.site, v.explain_zh, v.explain_en
from verdict_revisions v
where v.partition = %(partition)s and v.commit_no > %(after)s and v.commit_no <= %(upto)s
  and (%(site)s::text is null or v.site = %(site)s)

-- name: alert_changes
select commit_no, site, rule, key, to_ms(opened_at), to_ms(due_at), to_ms(raised_at), to_ms(cleared_at),
       links::text
from alerts
where partition = %(partition)s and commit_no > %(after)s and commit_no <= %(upto)s
  and (%(site)s::text is null or site = %(site)s)

-- name: incident_changes
select commit_no, body::text
from incident_changes
where partition = %(partition)s and commit_no > %(after)s and commit_no <= %(upto)s
  and (%(site)s::text is null or site = %(site)s)

-- name: record_changes
select commit_no, site, kind, id, revision, state, live, to_ms(opened_at), to_ms(changed_at), body::text
from record_changes
where partition = %(partition)s and commit_no > %(after)s and commit_no <= %(upto)s
  and (%(site)s::text is null or site = %(site)s) and kind = any(%(kinds)s)

-- name: device_changes
select commit_no, site, device, agent, to_ms(last_at), to_ms(last_seen), to_ms(complete_to), known
from devices
where partition = %(partition)s and commit_no > %(after)s and commit_no <= %(upto)s
  and (%(site)s::text is null or site = %(site)s)

-- name: blind_changes
select commit_no, site, device, to_ms(start_at), to_ms(end_at)
from blind_spans
where partition = %(partition)s and commit_no > %(after)s and commit_no <= %(upto)s
  and (%(site)s::text is null or site = %(site)s)

-- name: agent_changes
select commit_no, site, agent, to_ms(last_seen), epoch, clock_offset_ms, to_ms(last_observed_at)
from agents
where partition = %(partition)s and commit_no > %(after)s and commit_no <= %(upto)s
  and (%(site)s::text is null or site = %(site)s)
