-- migrate:up

-- The record is added to and never changed: what happened, what was judged, what people did, what was put aside, what
-- could not be seen. The program's own login may not change it either, whatever a mistake or an intruder makes it say.
-- Roles: the owner of the tables migrates, sitewarden_writer is what the program runs as, sitewarden_reader looks,
-- sitewarden_keeper removes what is older than must be kept, and nothing else.

create function refuse_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_user = 'sitewarden_keeper' then
        return old;
    end if;
    raise insufficient_privilege using
        message = format('%s is part of the record: its rows are added, never changed or removed', tg_table_name),
        hint = 'What is older than must be kept is removed by the role sitewarden_keeper.';
end
$$;

create function refuse_shrinking() returns trigger language plpgsql as $$
begin
    if (new.site, new.device, new.start_at) = (old.site, old.device, old.start_at) and new.end_at >= old.end_at then
        return new;
    end if;
    raise insufficient_privilege using
        message = 'blind_spans is part of the record: a span grows, and is never moved or made shorter';
end
$$;

do $$
declare
    name text;
begin
    foreach name in array array[
        'events', 'readings', 'verdict_revisions', 'incident_changes', 'record_changes', 'answers', 'quarantine', 'sends'
    ] loop
        execute format('create trigger keep_record before update or delete or truncate on %I '
                       'for each statement execute function refuse_change()', name);
    end loop;
    -- The parts of a partitioned table are reached by rows, not by statements on the whole.
    foreach name in array array['events', 'readings'] loop
        execute format('create trigger keep_rows before update or delete on %I '
                       'for each row execute function refuse_change()', name);
    end loop;
end
$$;
create trigger keep_record before delete or truncate on blind_spans
    for each statement execute function refuse_change();
create trigger keep_rows before update on blind_spans for each row execute function refuse_shrinking();

do $$
declare
    role text;
begin
    foreach role in array array['sitewarden_writer', 'sitewarden_reader', 'sitewarden_keeper'] loop
        begin
            execute format('create role %I nologin', role);
        exception
            when duplicate_object or unique_violation then null;
            when insufficient_privilege then
                raise notice 'the role % may not be made here: triggers alone keep the record', role;
                return;
        end;
    end loop;
    execute format('grant usage on schema %I to sitewarden_writer, sitewarden_reader, sitewarden_keeper', current_schema);
    execute format('grant select, insert, update, delete on all tables in schema %I to sitewarden_writer', current_schema);
    execute format('grant usage on all sequences in schema %I to sitewarden_writer', current_schema);
    execute format('grant select on all tables in schema %I to sitewarden_reader, sitewarden_keeper', current_schema);
    execute format('alter default privileges in schema %I grant select, insert, update, delete on tables '
                   'to sitewarden_writer', current_schema);
    execute format('alter default privileges in schema %I grant select on tables '
                   'to sitewarden_reader, sitewarden_keeper', current_schema);
    revoke update, delete on events, readings, verdict_revisions, incident_changes, record_changes, answers,
        quarantine, sends from sitewarden_writer;
    revoke delete on blind_spans from sitewarden_writer;
    revoke insert, update, delete on schema_migrations from sitewarden_writer;
    grant delete on events, readings, verdict_revisions, incident_changes, record_changes, answers, quarantine, sends,
        blind_spans to sitewarden_keeper;
end
$$;

-- migrate:down

drop trigger keep_rows on blind_spans;
drop trigger keep_record on blind_spans;
do $$
declare
    name text;
begin
    foreach name in array array[
        'events', 'readings', 'verdict_revisions', 'incident_changes', 'record_changes', 'answers', 'quarantine', 'sends'
    ] loop
        execute format('drop trigger keep_record on %I', name);
    end loop;
end
$$;
drop trigger keep_rows on events;
drop trigger keep_rows on readings;
drop function refuse_change, refuse_shrinking;
