// What is known of the site on screen: lists loaded once, then kept up to date by the stream's changes.

import { get } from "./api.js";

const KEPT_VERDICTS = 300;
const DECIDED = ["met", "breached", "unknown"];

const episodeKey = (row) => `${row.rule}|${row.key}|${row.opened_at}`;

export class Model {
  site = null;
  rules = new Map();
  incidents = new Map();
  verdicts = new Map();
  devices = [];
  agents = [];
  #loading = null;

  constructor(site) {
    this.site = site;
    this.names = new Map();
    this.loaded = false;
    for (const group of [site.people, site.agents, site.groups, site.devices, site.zones]) {
      for (const item of group) this.names.set(item.id, item.name);
    }
  }

  // Changes that arrive while the lists are under way are applied after them.
  async load() {
    const late = [];
    this.#loading = late;
    const path = `sites/${this.site.id}`;
    const [incidents, pending, decided, rules] = await Promise.all([
      get(`${path}/incidents`, { state: "open", limit: 1000 }),
      get(`${path}/verdicts`, { outcome: "pending", limit: 500 }),
      get(`${path}/verdicts`, { outcome: DECIDED, limit: 50 }),
      get(`${path}/rules`),
      this.refresh(),
    ]);
    if (this.#loading !== late) return;
    this.#loading = null;
    this.incidents = new Map(incidents.items.map((row) => [row.id, row]));
    this.verdicts = new Map([...pending.items, ...decided.items].map((row) => [episodeKey(row), row]));
    this.rules = new Map(rules.items.map((rule) => [rule.id, rule]));
    this.loaded = true;
    for (const [kind, row] of late) this.apply(kind, row);
  }

  // The health of devices depends on the time too, so it is asked for again and again.
  async refresh() {
    const path = `sites/${this.site.id}`;
    const [devices, agents] = await Promise.all([get(`${path}/devices`), get(`${path}/agents`)]);
    this.devices = devices.items;
    this.agents = agents.items;
  }

  apply(kind, row) {
    if (this.#loading) this.#loading.push([kind, row]);
    else if (kind === "incident") this.#applyIncident(row);
    else if (kind === "verdict") this.#applyVerdict(row);
  }

  verdictOf(episode) {
    return this.verdicts.get(episodeKey(episode));
  }

  openIncidents() {
    return [...this.incidents.values()].filter((row) => row.state === "open");
  }

  latestVerdicts(count) {
    const decided = [...this.verdicts.values()].filter((row) => DECIDED.includes(row.outcome));
    decided.sort((a, b) => b.decided_at - a.decided_at || b.opened_at - a.opened_at);
    return decided.slice(0, count);
  }

  newestData() {
    return Math.max(0, ...this.agents.map((agent) => agent.last_seen ?? 0));
  }

  #applyIncident(row) {
    if ((this.incidents.get(row.id)?.revision ?? 0) > row.revision) return;
    if (row.state === "open") this.incidents.set(row.id, row);
    else this.incidents.delete(row.id);
  }

  #applyVerdict(row) {
    if ((this.verdictOf(row)?.revision ?? 0) > row.revision) return;
    this.verdicts.set(episodeKey(row), row);
    if (this.verdicts.size > 2 * KEPT_VERDICTS) this.#forgetOldVerdicts();
  }

  #forgetOldVerdicts() {
    const needed = new Set(this.openIncidents().flatMap((row) => row.episodes.map(episodeKey)));
    const newestFirst = [...this.verdicts].sort((a, b) => b[1].decided_at - a[1].decided_at);
    const kept = newestFirst.filter(([key], index) => index < KEPT_VERDICTS || needed.has(key));
    this.verdicts = new Map(kept);
  }
}
