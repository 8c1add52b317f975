-- migrate:up

-- Live readers ask for the newest commits of one partition. Partitions count their commits apart, so neighbours
-- on disk carry numbers from far apart: the plain minmax summary of a block range would span everything between
-- and match every question. The multi-range summary keeps the partitions' numbers as separate clusters.
drop index events_commit;
create index events_commit on events
    using brin (commit_no int8_minmax_multi_ops) with (autosummarize = on, pages_per_range = 32);
