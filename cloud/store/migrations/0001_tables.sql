-- migrate:up

-- Every row written by one transaction carries (partition, commit_no). Times are UTC. Columns of a fixed width
-- stand first, widest first, so that rows are packed without holes and binary COPY can write them in one piece.

create function from_ms(int8) returns timestamptz language sql immutable parallel safe
    return to_timestamp($1 / 1000.0);
create function to_ms(timestamptz) returns int8 language sql stable parallel safe
    return (extract(epoch from $1) * 1000)::int8;

create table checkpoint (
    partition   int2 primary key,
    generation  int8 not null,
    commit_no   int8 not null,
    committed_at timestamptz not null,
    stream      text not null,
    stream_seq  int8 not null
);
comment on table checkpoint is 'One row per partition: its owner''s generation, its last commit, how far the stream was taken.';

create table ledger (
    site      text not null,
    agent     text not null,
    epoch     int4 not null,
    lane      text not null,
    high      int8 not null,
    islands   int8[] not null,
    partition int2 not null,
    commit_no int8 not null,
    primary key (site, agent, epoch, lane)
);
comment on table ledger is 'Sequence numbers taken: all of 1..high, and islands as first,last,first,last… beyond it.';

create table engine_cells (
    partition int2 not null,
    site      text not null,
    cell      text not null,
    body      bytea not null,
    primary key (partition, site, cell)
);
comment on table engine_cells is 'The memory of the correlation engines, written with what it decided.';

-- The commits of a partition are found by a BRIN index, which costs next to nothing when rows are added. It is a
-- multi-range one: every partition counts for itself, so a block of rows holds several narrow ranges of numbers.

-- No unique index: identity (site, device, seq) is kept by the ledger, so that this can be a hypertable.
create table events (
    commit_no      int8 not null,
    seq            int8 not null,
    at             timestamptz not null,
    received_at    timestamptz not null,
    observed_at    timestamptz,
    clock_error_ms int8 not null,
    partition      int2 not null,
    flags          int2 not null,
    site           text not null,
    device         text not null,
    type           text not null,
    zone           text,
    person         text,
    data           jsonb
);
comment on column events.seq is 'Identity with site and device: the agent''s epoch, lane and sequence number in one number.';
comment on column events.data is 'Null stands for {}.';
comment on column events.flags is 'Sum of 1 future, 2 impossible time, 4 seconds for milliseconds, 8 unknown device, 16 unknown type.';
create index events_commit on events using brin (commit_no int8_minmax_multi_ops) with (autosummarize = on);
create index events_site_at on events (site, at);

create table readings (
    commit_no      int8 not null,
    seq            int8 not null,
    at             timestamptz not null,
    received_at    timestamptz not null,
    value          float8,
    clock_error_ms int8 not null,
    partition      int2 not null,
    flags          int2 not null,
    site           text not null,
    device         text not null,
    point          text not null,
    quality        text not null
);
create index readings_commit on readings using brin (commit_no int8_minmax_multi_ops) with (autosummarize = on);
create index readings_device_at on readings (site, device, point, at);

create table devices (
    site        text not null,
    device      text not null,
    agent       text not null,
    last_at     timestamptz,
    last_seen   timestamptz,
    complete_to timestamptz,
    known       boolean not null,
    partition   int2 not null,
    commit_no   int8 not null,
    primary key (site, device)
);
comment on table devices is 'The newest known of each device. known is false when the site model does not name it.';
create index devices_commit on devices (partition, commit_no);

create table blind_spans (
    site      text not null,
    device    text not null,
    start_at  timestamptz not null,
    end_at    timestamptz not null,
    partition int2 not null,
    commit_no int8 not null,
    primary key (site, device, start_at)
);
create index blind_spans_commit on blind_spans (partition, commit_no);

create table agents (
    site             text not null,
    agent            text not null,
    last_seen        timestamptz not null,
    last_observed_at timestamptz,
    epoch            int4 not null,
    clock_offset_ms  int8 not null,
    partition        int2 not null,
    commit_no        int8 not null,
    primary key (site, agent)
);
create index agents_commit on agents (partition, commit_no);

create table verdict_revisions (
    commit_no    int8 not null,
    opened_at    timestamptz not null,
    due_at       timestamptz not null,
    decided_at   timestamptz not null,
    elapsed_ms   int8,
    late_ms      int8,
    revision     int4 not null,
    version      int4 not null,
    partition    int2 not null,
    final        boolean not null,
    overdue      boolean not null,
    cleared      boolean not null,
    site         text not null,
    rule         text not null,
    key          text not null,
    kind         text not null,
    outcome      text not null,
    reason       text not null,
    evidence     jsonb not null,
    joined       jsonb not null,
    blind        jsonb not null,
    explain_zh   text not null,
    explain_en   text not null,
    primary key (site, rule, key, opened_at, revision)
);
comment on table verdict_revisions is 'Rows are only ever added. evidence and joined: [[device, seq], …]; blind: [{device, start, end}, …] in ms.';
create index verdict_revisions_commit on verdict_revisions using brin (commit_no int8_minmax_multi_ops) with (autosummarize = on);
create index verdict_revisions_site_opened on verdict_revisions (site, opened_at);

create view verdicts as
select v.* from verdict_revisions v
where not exists (
    select from verdict_revisions n
    where n.site = v.site and n.rule = v.rule and n.key = v.key and n.opened_at = v.opened_at
      and n.revision > v.revision
);
comment on view verdicts is 'The newest revision of each episode.';

create table alerts (
    site       text not null,
    rule       text not null,
    key        text not null,
    opened_at  timestamptz not null,
    due_at     timestamptz not null,
    raised_at  timestamptz not null,
    cleared_at timestamptz,
    links      jsonb not null,
    partition  int2 not null,
    commit_no  int8 not null,
    primary key (site, rule, key, opened_at)
);
comment on column alerts.links is 'How far each evidence source was known: [[device, complete_to in ms], …].';
create index alerts_commit on alerts (partition, commit_no);

create table incidents (
    site       text not null,
    id         text not null,
    kind       text not null,
    state      text not null,
    subject    text not null,
    opened_at  timestamptz not null,
    changed_at timestamptz not null,
    closed_at  timestamptz,
    revision   int4 not null,
    body       jsonb not null,
    partition  int2 not null,
    commit_no  int8 not null,
    primary key (site, id)
);
comment on column incidents.body is 'The incident as JSON, with times in ms.';
create index incidents_open on incidents (partition, site) where state = 'open';
create index incidents_site_opened on incidents (site, opened_at);

create table incident_changes (
    commit_no int8 not null,
    revision  int4 not null,
    partition int2 not null,
    site      text not null,
    id        text not null,
    body      jsonb not null,
    primary key (site, id, revision)
);
comment on table incident_changes is 'Each revision of each incident. Rows are only ever added.';
create index incident_changes_commit on incident_changes using brin (commit_no int8_minmax_multi_ops) with (autosummarize = on);

create table quarantine (
    id          int8 generated always as identity primary key,
    commit_no   int8 not null,
    partition   int2 not null,
    received_at timestamptz not null,
    site        text not null,
    agent       text not null,
    kind        text not null,
    reason      text not null,
    digest      text not null,
    body        bytea not null
);
create index quarantine_commit on quarantine (partition, commit_no);
create index quarantine_received on quarantine (received_at);
