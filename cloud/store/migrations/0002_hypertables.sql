-- migrate:up

-- Hypertables where TimescaleDB is there and may be used; without it the tables stay as they are and everything
-- works the same. Only what the Apache edition has is used here.
do $$
begin
    if current_setting('shared_preload_libraries') not like '%timescaledb%' then
        return;
    end if;
    begin
        create extension if not exists timescaledb;
    exception when insufficient_privilege or undefined_file then
        raise notice 'timescaledb is loaded but may not be created here: plain tables are used';
        return;
    end;
    perform create_hypertable('events', 'at', chunk_time_interval => interval '7 days',
                              create_default_indexes => false, if_not_exists => true, migrate_data => true);
    perform create_hypertable('readings', 'at', chunk_time_interval => interval '7 days',
                              create_default_indexes => false, if_not_exists => true, migrate_data => true);
end
$$;
