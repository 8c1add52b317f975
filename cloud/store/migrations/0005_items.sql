-- migrate:up

alter table verdict_revisions add column items jsonb not null default '[]';
comment on column verdict_revisions.items is 'What the verdict is made of: [[word, device, at, until], …], times in ms or null.';

-- A view keeps the columns that were there when it was made.
create or replace view verdicts as
select v.* from verdict_revisions v
where not exists (
    select from verdict_revisions n
    where n.site = v.site and n.rule = v.rule and n.key = v.key and n.opened_at = v.opened_at
      and n.revision > v.revision
);
