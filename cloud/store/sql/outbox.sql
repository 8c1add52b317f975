-- name: claim
-- Channels are limited each for itself: one that is full must not fill the hand that others could be taken with.
with due as (
    select site, id, channel, priority, made_at,
           row_number() over (partition by channel order by priority, made_at, site, id) as nth,
           row_number() over (partition by channel, priority = %(critical)s
                              order by priority, made_at, site, id) as nth_of_its_haste
    from notices
    where state = 'waiting' and not_before <= from_ms(%(now)s)
      and (claimed_until is null or claimed_until <= from_ms(%(now)s))
), fitting as (
    select due.site, due.id
    from due
    left join unnest(%(channels)s::text[], %(slots)s::int4[], %(unhurried)s::int4[])
         as room (channel, slots, unhurried) on room.channel = due.channel
    where room.channel is null
       or (nth <= slots and (priority = %(critical)s or nth_of_its_haste <= unhurried))
    order by priority, made_at, site, id
    limit %(most)s
), free as (
    -- Asked again under the lock: another notifier may have taken it since.
    select n.site, n.id
    from notices n
    join fitting using (site, id)
    where n.state = 'waiting' and (n.claimed_until is null or n.claimed_until <= from_ms(%(now)s))
    for update of n skip locked
), claimed as (
    update notices n
    set claimed_until = from_ms(%(until)s), attempts = n.attempts + 1
    from free
    where n.site = free.site and n.id = free.id
    returning n.site, n.id, n.about, n.person, n.channel, n.kind, n.priority, n.title, n.text,
              to_ms(n.made_at) as made_at, to_ms(n.not_before) as not_before, n.chain, n.step, n.attempts
)
select * from claimed order by priority, made_at, site, id

-- name: settle
with kept as (
    insert into sends (site, notice, attempt, at, ok, answer)
    values (%(site)s, %(id)s, %(attempt)s, from_ms(%(now)s), %(ok)s, %(answer)s)
    on conflict (site, notice, attempt) do nothing
)
update notices
set state = %(state)s, answer = %(answer)s, claimed_until = null,
    not_before = coalesce(from_ms(%(again_at)s), not_before),
    settled_at = case when %(state)s = 'waiting' then null else from_ms(%(now)s) end
where site = %(site)s and id = %(id)s and state = 'waiting' and (%(ok)s or attempts = %(attempt)s)

-- name: next_at
select to_ms(min(greatest(not_before, claimed_until)))
from notices
where state = 'waiting' and greatest(not_before, claimed_until) > from_ms(%(now)s)
