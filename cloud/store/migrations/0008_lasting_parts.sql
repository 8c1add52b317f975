-- migrate:up

-- The point of its device that an event tells of, as `part_of` in contract/events.py has it.
create function point_of(data jsonb) returns text
    language sql immutable parallel safe
    return case when jsonb_typeof(data -> 'point') = 'string' then data ->> 'point' else '' end;

-- Which detectors of a panel stand in alarm is asked on every plan. Such events are few, and so is what the index
-- holds. The types are LASTING_PART_TYPES of contract/events.py.
create index events_lasting_parts on events (site, device, type, point_of(data), at)
where type in ('fire.alarm', 'fire.reset', 'generator.fault');

-- migrate:down

drop index events_lasting_parts;
drop function point_of(jsonb);
