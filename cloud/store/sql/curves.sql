-- Curves of a point: its good readings, one by one, in bins, or in bins of whole hours.

-- name: raw_curve
select to_ms(at), value, value, value, 1
from readings
where site = %(site)s and device = %(device)s and point = %(point)s
  and at >= from_ms(%(since)s) and at < from_ms(%(until)s)
  and quality = 'good' and value between -%(most)s and %(most)s and flags & %(withheld)s = 0
order by at, value
limit %(limit)s

-- name: binned_curve
select to_ms(date_bin(make_interval(secs => %(step)s / 1000.0), at, from_ms(%(origin)s))),
       min(value), avg(value), max(value), count(*)
from readings
where site = %(site)s and device = %(device)s and point = %(point)s
  and at >= from_ms(%(since)s) and at < from_ms(%(until)s)
  and quality = 'good' and value between -%(most)s and %(most)s and flags & %(withheld)s = 0
group by 1
order by 1

-- name: unrolled
-- How far each partition's hours are behind. A batch's readings are committed with its place in the ledger, which says
-- where a site's come from; of a site that it does not know, any partition may have some.
select c.partition, coalesce(h.commit_no, 0), c.commit_no
from checkpoint c
left join hours_rolled h using (partition)
where c.commit_no > coalesce(h.commit_no, 0)
  and (c.partition in (select l.partition from ledger l where l.site = %(site)s)
       or not exists (select from ledger l where l.site = %(site)s))

-- name: hourly_curve
-- Whole hours as they were rolled, but for those that commits not rolled yet brought readings of: these are taken
-- from the readings, as are the ends of the period. `offset 0`: the commits are looked for first, by their numbers;
-- by the point its whole past would be read.
with touched as materialized (
    select distinct date_bin('1 hour', r.at, from_ms(0)) as hour
    from unnest(%(partitions)s::int2[], %(after)s::int8[], %(upto)s::int8[]) as c (partition, after, upto)
    cross join lateral (
        select n.site, n.device, n.point, n.at
        from readings n
        where n.partition = c.partition and n.commit_no > c.after and n.commit_no <= c.upto
          and n.at >= from_ms(%(first)s) and n.at < from_ms(%(last)s)
        offset 0
    ) r
    where r.site = %(site)s and r.device = %(device)s and r.point = %(point)s
),
span (start_at, end_at) as (
    select from_ms(%(since)s), from_ms(%(first)s)
    union all select from_ms(%(last)s), from_ms(%(until)s)
    union all select hour, hour + interval '1 hour' from touched
),
part as (
    select h.hour as at, h.low, h.high, h.sum, h.count
    from readings_hourly h
    where h.site = %(site)s and h.device = %(device)s and h.point = %(point)s
      and h.hour >= from_ms(%(first)s) and h.hour < from_ms(%(last)s)
      and h.hour not in (select hour from touched)
    union all
    select r.at, r.value, r.value, r.value, 1
    from span
    cross join lateral (
        select n.at, n.value
        from readings n
        where n.site = %(site)s and n.device = %(device)s and n.point = %(point)s
          and n.at >= span.start_at and n.at < span.end_at
          and n.quality = 'good' and n.value between -%(most)s and %(most)s and n.flags & %(withheld)s = 0
    ) r
)
select to_ms(date_bin(make_interval(secs => %(step)s / 1000.0), at, from_ms(%(origin)s))),
       min(low), sum(sum) / sum(count)::float8, max(high), sum(count)::int8
from part
group by 1
order by 1
