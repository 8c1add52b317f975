-- Readings rolled up by the hour. `good` everywhere: quality, a value that is one, and no flag that withholds it.

-- name: begin_rolling
insert into hours_rolled (partition, commit_no)
select c.partition, 0 from checkpoint c where c.partition = any(%(partitions)s::int2[])
on conflict (partition) do nothing

-- name: behind
select c.partition
from checkpoint c
join hours_rolled h using (partition)
where c.partition = any(%(partitions)s::int2[]) and c.commit_no > h.commit_no
order by c.partition

-- name: lock_rolled
-- Who finds the row locked leaves the partition to the one that works on it.
select h.commit_no, c.commit_no
from hours_rolled h
join checkpoint c using (partition)
where h.partition = %(partition)s
for update of h skip locked

-- name: roll
with touched as materialized (
    select distinct site, device, point, date_bin('1 hour', at, from_ms(0)) as hour
    from readings
    where partition = %(partition)s and commit_no > %(after)s and commit_no <= %(upto)s
      and quality = 'good' and value between -%(most)s and %(most)s and flags & %(withheld)s = 0
)
insert into readings_hourly (hour, low, high, sum, count, site, device, point)
select t.hour, r.low, r.high, r.sum, r.count, t.site, t.device, t.point
from touched t
cross join lateral (
    select min(n.value) as low, max(n.value) as high, sum(n.value) as sum, count(*) as count
    from readings n
    where n.site = t.site and n.device = t.device and n.point = t.point
      and n.at >= t.hour and n.at < t.hour + interval '1 hour'
      and n.quality = 'good' and n.value between -%(most)s and %(most)s and n.flags & %(withheld)s = 0
) r
on conflict (site, device, point, hour) do update
set low = excluded.low, high = excluded.high, sum = excluded.sum, count = excluded.count

-- name: set_rolled
update hours_rolled set commit_no = %(upto)s where partition = %(partition)s
