-- migrate:up

-- The part of its device that an event tells of, as `part_name` in contract/parts.py has it: `part`, or for what was
-- stored before events had one, what the source called it. A text that is no number is passed over, since what fails in
-- an index would keep the event out.
create function part_system(data jsonb) returns text
    language sql immutable parallel safe
    return case
        when not coalesce(
            jsonb_typeof(data -> 'system') = 'number' and data ->> 'system' ~ '^[0-9]{1,10}$'
            and jsonb_typeof(data -> 'system_address') = 'number' and data ->> 'system_address' ~ '^[0-9]{1,10}$', false
        ) then ''
        when data ->> 'system' = '1' and data ->> 'system_address' = '1' then ''
        when data ->> 'system' = '1' then (data ->> 'system_address') || '/'
        else (data ->> 'system') || '.' || (data ->> 'system_address') || '/'
    end;

create function part_component(address text) returns text
    language sql immutable parallel safe
    return case
        when address::bigint < 65536 then address
        else (address::bigint / 65536)::text || '-' || (address::bigint % 65536)::text
    end;

create function part_of(data jsonb) returns text
    language sql immutable parallel safe
    return left(case
        when jsonb_typeof(data -> 'part') = 'string' and data ->> 'part' <> '' then data ->> 'part'
        when jsonb_typeof(data -> 'component_address') = 'number' and data ->> 'component_address' ~ '^[0-9]{1,10}$'
            then part_system(data) || part_component(data ->> 'component_address')
                || case
                    when jsonb_typeof(data -> 'what') = 'string' and data ->> 'what' <> 'component'
                        then '.' || (data ->> 'what')
                    else ''
                end
        when jsonb_typeof(data -> 'address') = 'number' and data ->> 'address' ~ '^[0-9]{1,10}$'
            then case
                    when jsonb_typeof(data -> 'loop') = 'number' and data ->> 'loop' ~ '^[0-9]{1,10}$'
                        then (data ->> 'loop') || '-'
                    else ''
                end
                || case when data ->> 'device_kind' = 'module' then 'M' else '' end || (data ->> 'address')
        when jsonb_typeof(data -> 'loop') = 'number' and data ->> 'loop' ~ '^[0-9]{1,10}$' then data ->> 'loop'
        when jsonb_typeof(data -> 'point') = 'string' and data ->> 'point' <> ''
            then (data ->> 'point') || coalesce(
                '.' || nullif(coalesce(
                    case when jsonb_typeof(data -> 'alarm') = 'string' then data ->> 'alarm' end,
                    case when jsonb_typeof(data -> 'fault') = 'string' then data ->> 'fault' end
                ), ''), '')
        when jsonb_typeof(data -> 'what') = 'string' and data ->> 'what' not in ('reset', 'manual')
            then part_system(data) || (data ->> 'what')
        else ''
    end, 128);

-- Which parts of a device stand in alarm is asked on every plan. Such events are few, and so is what the index
-- holds. The types are LASTING_PART_TYPES of contract/events.py.
drop index events_lasting_parts;
drop function point_of(jsonb);
create index events_lasting_parts on events (site, device, type, part_of(data), at)
where type in ('fire.alarm', 'fire.reset', 'generator.fault');

-- migrate:down

drop index events_lasting_parts;
drop function part_of(jsonb);
drop function part_component(text);
drop function part_system(jsonb);

create function point_of(data jsonb) returns text
    language sql immutable parallel safe
    return case when jsonb_typeof(data -> 'point') = 'string' then data ->> 'point' else '' end;

create index events_lasting_parts on events (site, device, type, point_of(data), at)
where type in ('fire.alarm', 'fire.reset', 'generator.fault');
