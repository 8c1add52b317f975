-- migrate:up

-- The part of an event as `part_name` in contract/parts.py has it: numbers count also as texts and as floats.
create function part_number(told jsonb) returns text
    language sql immutable parallel safe
    return case
        when jsonb_typeof(told) = 'number' then case
            when (told #>> '{}')::numeric >= 0 and (told #>> '{}')::numeric < 10000000000
                and (told #>> '{}')::numeric = trunc((told #>> '{}')::numeric)
                then trunc((told #>> '{}')::numeric)::bigint::text
        end
        when jsonb_typeof(told) = 'string' then case
            when btrim(normalize(left(told #>> '{}', 128), nfkc)) ~ '^[0-9]{1,20}([.]0*)?$' then case
                when split_part(btrim(normalize(left(told #>> '{}', 128), nfkc)), '.', 1)::numeric < 10000000000
                    then split_part(btrim(normalize(left(told #>> '{}', 128), nfkc)), '.', 1)::numeric::text
            end
        end
    end;

create function part_word(told jsonb) returns text
    language sql immutable parallel safe
    return coalesce(part_number(told), case
        when jsonb_typeof(told) = 'string' then regexp_replace(
            substring(btrim(normalize(left(told #>> '{}', 128), nfkc)) from '^[0-9A-Za-z]{1,16}$'),
            '^(M?)0+([0-9]+)$', '\1\2'
        )
    end);

drop index events_lasting_parts;

create or replace function part_system(data jsonb) returns text
    language sql immutable parallel safe
    return case
        when part_number(data -> 'system') is null or part_number(data -> 'system_address') is null then ''
        when part_number(data -> 'system') = '1' and part_number(data -> 'system_address') = '1' then ''
        when part_number(data -> 'system') = '1' then part_number(data -> 'system_address') || '/'
        else part_number(data -> 'system') || '.' || part_number(data -> 'system_address') || '/'
    end;

-- With a setting of its own it is not inlined: written out, the index of a chunk would be too big for its row.
create or replace function part_of(data jsonb) returns text
    language sql immutable parallel safe
    set search_path = pg_catalog, public
    return left(case
        when jsonb_typeof(data -> 'part') = 'string' and data ->> 'part' <> '' then data ->> 'part'
        when jsonb_typeof(data -> 'part') = 'number' and part_number(data -> 'part') is not null
            then part_number(data -> 'part')
        when part_number(data -> 'component_address') is not null
            then part_system(data) || part_component(part_number(data -> 'component_address'))
                || case
                    when jsonb_typeof(data -> 'what') = 'string' and data ->> 'what' <> 'component'
                        then '.' || (data ->> 'what')
                    else ''
                end
        when part_word(data -> 'address') is not null
            then coalesce(part_word(data -> 'loop') || '-', '')
                || case
                    when data ->> 'device_kind' = 'module' and part_word(data -> 'address') not like 'M%' then 'M'
                    else ''
                end || part_word(data -> 'address')
        when part_word(data -> 'loop') is not null then part_word(data -> 'loop')
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

create index events_lasting_parts on events (site, device, type, part_of(data), at)
where type in ('fire.alarm', 'fire.reset', 'generator.fault');

-- migrate:down

drop index events_lasting_parts;

create or replace function part_system(data jsonb) returns text
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

create or replace function part_of(data jsonb) returns text
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

drop function part_word(jsonb);
drop function part_number(jsonb);

create index events_lasting_parts on events (site, device, type, part_of(data), at)
where type in ('fire.alarm', 'fire.reset', 'generator.fault');
