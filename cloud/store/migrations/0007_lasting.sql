-- migrate:up

-- How gates, doors and supplies are now is asked on every plan; their last event may be months old. The types are
-- LASTING_TYPES of contract/events.py.
create index events_lasting on events (site, device, type, at)
where type in (
    'door.closed', 'door.opened', 'gate.locked', 'gate.released',
    'generator.fault', 'generator.mode', 'generator.off_load', 'generator.on_load',
    'generator.started', 'generator.stopped', 'mains.lost', 'mains.restored'
);

-- migrate:down

drop index events_lasting;
