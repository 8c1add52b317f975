-- migrate:up

-- What each point read, hour by hour, from its good readings: years of a curve are drawn from these. An hour is always
-- worked out whole from `readings`, so that doing it twice changes nothing and late readings come to be counted.
create table readings_hourly (
    hour   timestamptz not null,
    low    float8 not null,
    high   float8 not null,
    sum    float8 not null,
    count  int8 not null,
    site   text not null,
    device text not null,
    point  text not null,
    primary key (site, device, point, hour)
) with (fillfactor = 90);
comment on table readings_hourly is 'hour is when it begins, UTC. The newest hour is written many times: the rest of each page is for that.';

create table hours_rolled (
    partition int2 primary key,
    commit_no int8 not null
);
comment on table hours_rolled is 'By partition, the last commit whose readings readings_hourly holds. Written in one transaction with them.';

-- migrate:down

drop table readings_hourly, hours_rolled;
