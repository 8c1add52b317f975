-- migrate:up

-- Events come about in the order of their times: a block range summary finds a span of time at a hundredth of what
-- a B-tree costs with every row. The multi-range summary keeps late ones from widening a whole range.
drop index events_site_at;
create index events_at on events
    using brin (at timestamptz_minmax_multi_ops) with (autosummarize = on, pages_per_range = 32);
