-- migrate:up

create table records (
    site       text not null,
    kind       text not null,
    id         text not null,
    revision   int4 not null,
    state      text not null,
    live       boolean not null,
    opened_at  timestamptz not null,
    changed_at timestamptz not null,
    body       jsonb not null,
    partition  int2 not null,
    commit_no  int8 not null,
    primary key (site, kind, id)
);
comment on table records is 'Matters people work on, as they stand: alarms, orders, drills. body is JSON with times in ms.';
create index records_live on records (partition) where live;
create index records_opened on records (site, kind, opened_at);

create table record_changes (
    commit_no int8 not null,
    revision  int4 not null,
    partition int2 not null,
    site      text not null,
    kind      text not null,
    id        text not null,
    state     text not null,
    live      boolean not null,
    opened_at  timestamptz not null,
    changed_at timestamptz not null,
    body      jsonb not null,
    primary key (site, kind, id, revision)
);
comment on table record_changes is 'Each revision of each matter. Rows are only ever added.';
create index record_changes_commit on record_changes using brin (commit_no int8_minmax_multi_ops) with (autosummarize = on);
create index record_changes_changed on record_changes (site, kind, changed_at);

create table answers (
    site        text not null,
    id          text not null,
    person      text not null,
    at          timestamptz not null,
    received_at timestamptz not null,
    verb        text not null,
    body        jsonb not null,
    problem     text not null,
    zh          text not null,
    en          text not null,
    kind        text not null,
    target      text not null,
    revision    int4,
    partition   int2 not null,
    commit_no   int8 not null,
    primary key (site, id)
);
comment on table answers is 'Every command of every person and what became of it. Rows are only ever added.';
create index answers_received on answers (site, received_at);

create table notices (
    site          text not null,
    id            text not null,
    about         text not null,
    person        text not null,
    channel       text not null,
    kind          text not null,
    priority      int2 not null,
    title         text not null,
    text          text not null,
    chain         text not null,
    step          int4 not null,
    made_at       timestamptz not null,
    not_before    timestamptz not null,
    state         text not null default 'waiting',
    claimed_until timestamptz,
    attempts      int4 not null default 0,
    settled_at    timestamptz,
    answer        text not null default '',
    partition     int2 not null,
    commit_no     int8 not null,
    primary key (site, id)
);
comment on table notices is 'The outbox. state: waiting, sent, failed (given up), stopped (acknowledged before it was sent).';
create index notices_waiting on notices (not_before) where state = 'waiting';
create index notices_made on notices (site, made_at);
create index notices_failed on notices (partition, settled_at) where state = 'failed';
create index notices_about on notices (site, about);

create table sends (
    site    text not null,
    notice  text not null,
    attempt int4 not null,
    at      timestamptz not null,
    ok      boolean not null,
    answer  text not null,
    primary key (site, notice, attempt)
);
comment on table sends is 'Each attempt to send a notice, and what the channel answered. Rows are only ever added.';
