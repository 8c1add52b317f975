// Draws the model. Everything that came from outside goes in as text, never as markup.

import { serverNow } from "./clock.js";
import { age, countdown, hasWord, inWords, moment, word } from "./words.js";

const MOST_CARDS = 24;
const MOST_ROWS = 20;
const MOST_TILES = 200;
const NARROW_PX = 1100;
// Room left free below a list, in rem: for the line that says how many more there are; for the verdicts.
const ROOM_BELOW = 4.5;
const ROOM_BELOW_CARDS = 20;

const MARKS = { overdue: "▲", waiting: "●", breached: "✖", unknown: "?", toclose: "○", link: "◆" };
const OUTCOME_MARKS = { met: "✓", breached: "✖", unknown: "?", pending: "…" };
const STATE_MARKS = { ok: "✓", blind: "◆", behind: "◆", unreachable: "◆", never: "–", stranger: "?" };
const STATE_ORDER = ["blind", "unreachable", "behind", "stranger", "never", "ok"];

const element = (id) => document.getElementById(id);

export function render(model) {
  renderIncidents(model);
  renderVerdicts(model);
  renderDevices(model);
}

function renderIncidents(model) {
  const now = serverNow();
  const cards = model.openIncidents().map((incident) => cardOf(incident, model, now));
  cards.sort((a, b) => a.rank - b.rank || a.due - b.due || (a.id < b.id ? -1 : 1));
  const shown = fitting(element("cards"), MOST_CARDS, ROOM_BELOW_CARDS);
  keyed(element("cards"), cards.slice(0, shown), "article", drawCard);
  element("incidents-count").textContent = cards.length || "";
  element("no-incidents").hidden = cards.length > 0 || !model.loaded;
  more("more-incidents", cards.length - shown);
}

function cardOf(incident, model, now) {
  const episode = foremost(incident.episodes);
  const status = statusOf(incident, episode, now);
  const others = incident.episodes.filter((other) => other !== episode && other.outcome !== "met");
  const verdict = episode && model.verdictOf(episode);
  const due = episode?.due_at ?? Infinity;
  return {
    id: incident.id,
    rank: Object.keys(MARKS).indexOf(status),
    due,
    status,
    place: inWords(model.names.get(incident.subject), incident.subject),
    what: whatOf(incident, model, others.length),
    missing: status === "toclose" ? word("to_close") : missingOf(incident, verdict),
    since: word("since", { time: moment(incident.opened_at, now) }),
    clock: clockOf(status, incident, due, now),
    share: status === "waiting" ? share(episode.opened_at, due, now) : null,
  };
}

// The obligation that needs somebody first: the pending one that is due next, else one that went wrong.
function foremost(episodes) {
  const pending = episodes.filter((episode) => episode.outcome === "pending");
  const wrong = episodes.filter((episode) => episode.outcome !== "met");
  return [...pending, ...wrong, ...episodes][0] ?? null;
}

function statusOf(incident, episode, now) {
  if (!episode) return incident.life.emergency ? "toclose" : "link";
  if (episode.outcome === "pending") return episode.overdue || now > episode.due_at ? "overdue" : "waiting";
  if (incident.life.emergency) return "toclose";
  return episode.outcome in MARKS ? episode.outcome : "waiting";
}

function whatOf(incident, model, others) {
  const type = incident.kind === "alarm" && triggerType(incident, model);
  const head = type ? word(`event.${type}`) : word(`kind.${incident.kind}`);
  const said = [head, ...peopleOf(incident, model)];
  if (others) said.push(word("others_unmet", { n: others }));
  return said.join(" · ");
}

// How far people came with an emergency, and who.
function peopleOf(incident, model) {
  if (!incident.life.emergency) return [];
  const step = incident.life.steps.findLast((one) => one.phase === incident.phase);
  const who = incident.phase === "dispatched" ? incident.life.people : [step?.person].filter(Boolean);
  const names = who.map((id) => inWords(model.names.get(id), id));
  return [[word(`phase.${incident.phase}`), ...names].join(" ")];
}

// What set the alarm off: its cause where that is told, else the one event type that all its rules begin with.
// Where several are left the page does not guess.
function triggerType(incident, model) {
  if (hasWord(`event.${incident.cause}`)) return incident.cause;
  const begins = incident.episodes.map((episode) => model.rules.get(episode.rule)?.on ?? []);
  const common = (begins[0] ?? []).filter((type) => begins.every((types) => types.includes(type)));
  return common.length === 1 && hasWord(`event.${common[0]}`) ? common[0] : null;
}

function missingOf(incident, verdict) {
  if (verdict) return inWords(verdict.explain);
  if (incident.kind === "link") return incident.cause || word("link_missing");
  return word("evidence_missing");
}

function clockOf(status, incident, due, now) {
  if (status === "toclose") return word("open_for", { time: countdown(now - incident.opened_at) });
  if (status === "link") return word("down_for", { time: countdown(now - incident.opened_at) });
  return word(now > due ? "late" : "left", { time: countdown(due - now) });
}

const share = (from, to, now) => Math.min(1, Math.max(0, (to - now) / Math.max(1, to - from)));

function drawCard(article, card) {
  article.className = `card ${card.status}`;
  parts(article, ["status", "place", "what", "missing", "since", "clock"]);
  text(article, "status", `${MARKS[card.status]} ${word(`incident.${card.status}`)}`);
  text(article, "place", card.place);
  text(article, "what", card.what);
  text(article, "missing", card.missing);
  text(article, "since", card.since);
  text(article, "clock", card.clock);
  article.style.setProperty("--left", card.share ?? 0);
}

function renderVerdicts(model) {
  const now = serverNow();
  const shown = fitting(element("rows"), MOST_ROWS, ROOM_BELOW);
  const rows = model.latestVerdicts(shown).map((verdict) => ({
    id: `${verdict.rule}|${verdict.key}|${verdict.opened_at}`,
    outcome: verdict.outcome,
    place: inWords(model.names.get(verdict.key), verdict.key),
    explain: inWords(verdict.explain),
    at: moment(verdict.opened_at, now),
    amended: verdict.late_ms !== null,
  }));
  keyed(element("rows"), rows, "li", drawRow);
  element("no-verdicts").hidden = rows.length > 0;
}

function drawRow(item, row) {
  item.className = `row ${row.outcome}`;
  parts(item, ["status", "at", "place", "explain"]);
  const amended = row.amended ? ` · ${word("amended")}` : "";
  text(item, "status", `${OUTCOME_MARKS[row.outcome]} ${word(`outcome.${row.outcome}`)}${amended}`);
  text(item, "at", row.at);
  text(item, "place", row.place);
  text(item, "explain", row.explain);
}

function renderDevices(model) {
  const now = serverNow();
  const devices = [...model.devices].sort(
    (a, b) => STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state),
  );
  const silent = model.agents.filter((agent) => agent.silent).length;
  const odd = silent + devices.filter((device) => device.state !== "ok").length;
  element("devices-count").textContent = odd ? word("abnormal", { n: odd }) : word("all_well");
  keyed(element("agents"), model.agents.map((agent) => agentTile(agent, now)), "li", drawTile);
  const shown = fitting(element("tiles"), MOST_TILES, ROOM_BELOW);
  const tiles = devices.slice(0, shown).map((device) => deviceTile(device, model, now));
  keyed(element("tiles"), tiles, "li", drawTile);
  more("more-devices", devices.length - shown);
}

function agentTile(agent, now) {
  const state = agent.silent ? "unreachable" : "ok";
  return {
    id: agent.id,
    state,
    name: inWords(agent.name, agent.id),
    status: `${STATE_MARKS[state]} ${word(agent.silent ? "agent.silent" : "agent.ok")}`,
    seen: seenText(agent.last_seen, now),
    hint: agent.id,
  };
}

function deviceTile(device, model, now) {
  const newest = Math.max(device.last_seen ?? 0, device.complete_to ?? 0) || null;
  const hints = [device.id];
  if (device.complete_to !== null) hints.push(word("known_to", { time: moment(device.complete_to, now) }));
  if (device.blind_since !== null) hints.push(word("blind_since", { time: moment(device.blind_since, now) }));
  return {
    id: device.id,
    state: device.state,
    name: inWords(device.name, device.id),
    status: `${STATE_MARKS[device.state]} ${word(`state.${device.state}`)}`,
    seen: seenText(device.blind_since ?? newest, now),
    hint: hints.join(" · "),
  };
}

const seenText = (at, now) => (at === null ? word("never") : word("ago", { age: age(now - at) }));

function drawTile(item, tile) {
  item.className = `tile ${tile.state}`;
  item.title = tile.hint;
  parts(item, ["name", "status", "seen"]);
  text(item, "name", tile.name);
  text(item, "status", tile.status);
  text(item, "seen", tile.seen);
}

// How many items of a list fit on a wide screen, which nobody scrolls; on a narrow one all of them may show.
function fitting(list, most, below) {
  const item = list.firstElementChild;
  if (!item || innerWidth <= NARROW_PX) return most;
  const style = getComputedStyle(list);
  const gap = parseFloat(style.rowGap) || 0;
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const top = list.getBoundingClientRect().top + scrollY;
  const rows = Math.floor((innerHeight - top - below * rem + gap) / (item.offsetHeight + gap));
  return Math.min(most, Math.max(1, rows) * style.gridTemplateColumns.split(" ").length);
}

function more(id, count) {
  element(id).hidden = count <= 0;
  element(id).textContent = word("more", { n: count });
}

// Keeps one child for each item, by its id, in the order of the items; a child is made once and then filled.
function keyed(parent, items, tag, draw) {
  const old = new Map([...parent.children].map((child) => [child.dataset.id, child]));
  items.forEach((item, index) => {
    const child = old.get(item.id) ?? document.createElement(tag);
    old.delete(item.id);
    child.dataset.id = item.id;
    draw(child, item);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
  for (const child of old.values()) child.remove();
}

function parts(parent, names) {
  if (parent.childElementCount) return;
  for (const name of names) {
    const child = document.createElement("span");
    child.className = name;
    parent.append(child);
  }
}

function text(parent, name, value) {
  const child = parent.getElementsByClassName(name)[0];
  if (child.textContent !== value) child.textContent = value;
}
