// The page: picks a site and a language, loads, follows, and says loudly when what it shows is not live.

import { NoAccess, get, signIn } from "./api.js";
import { serverNow, serverSays } from "./clock.js";
import { Live } from "./live.js";
import { Model } from "./model.js";
import { render } from "./render.js";
import { age, clockTime, inWords, loadWords, moment, speak, spoken, word } from "./words.js";

const NOT_LIVE_MS = 8000;
const OLD_DATA_MS = 30000;

const element = (id) => document.getElementById(id);
const address = new URLSearchParams(location.search);

let sites = [];
let model = null;
let live = null;
let storeLive = true;
let loadedFor = null;
let shownAt = 0;

async function start() {
  await loadWords();
  speak(address.get("lang") ?? remembered());
  translate();
  try {
    const found = await get("sites");
    serverSays(found.now);
    sites = found.items;
    await choose(address.get("site") ?? sites[0]?.id);
  } catch (error) {
    if (error instanceof NoAccess) askForToken();
    else setTimeout(start, 2000);
  }
}

async function choose(id) {
  const listed = sites.find((site) => site.id === id) ?? sites[0];
  if (!listed) return;
  live?.close();
  model = new Model(await get(`sites/${listed.id}`));
  speak(address.get("lang") ?? remembered() ?? listed.language, listed.timezone);
  loadedFor = null;
  live = new Live(listed.id, ["incident", "verdict"], hear);
  translate();
}

function hear(name, data) {
  if (name === "hello" || name === "heartbeat") {
    serverSays(data.now);
    storeLive = data.live;
    if (storeLive) {
      shownAt = data.now;
      load(name === "hello" && !data.resumed);
    }
  } else if (name !== "goodbye") {
    model.apply(name, data.row);
    announce(name, data.row);
    render(model);
  }
}

// Lists are loaded when the stream begins anew; until that has worked, each heartbeat tries again.
async function load(anew) {
  const mine = model;
  if (anew) loadedFor = null;
  try {
    if (loadedFor === mine) await mine.refresh();
    else await mine.load();
  } catch (error) {
    if (error instanceof NoAccess) askForToken();
    return;
  }
  if (mine !== model) return;
  loadedFor = mine;
  // Twice: how many items fit is known only once the first of them stand.
  render(mine);
  render(mine);
}

function announce(name, row) {
  if (name !== "incident" || row.state !== "open" || row.revision > 1) return;
  const place = inWords(model.names.get(row.subject), row.subject);
  element("said").textContent = `${word(`kind.${row.kind}`)} · ${place}`;
}

function everySecond() {
  if (!model) return;
  const now = serverNow();
  const cut = performance.now() - live.heardAt > NOT_LIVE_MS;
  const stale = cut || !storeLive;
  document.body.classList.toggle("stale", stale);
  element("not-live").hidden = !stale;
  if (stale) {
    const why = word(cut ? "not_live_cut" : "not_live_store", { time: moment(shownAt || now, now) });
    element("not-live").textContent = `⚠ ${word("not_live")} — ${why}`;
  }
  element("clock").textContent = clockTime(now);
  showAge(now);
  render(model);
}

function showAge(now) {
  const newest = model.newestData();
  element("age").textContent = newest ? word("data_age", { age: age(now - newest) }) : word("data_none");
  element("age").classList.toggle("odd", !newest || now - newest > OLD_DATA_MS);
}

function translate() {
  for (const node of document.querySelectorAll("[data-word]")) node.textContent = word(node.dataset.word);
  element("language").textContent = word("language");
  if (!model) return;
  element("site-name").textContent = inWords(model.site.name, model.site.id);
  document.title = `${inWords(model.site.name, model.site.id)} · Sitewarden`;
  const options = sites.map((site) => new Option(inWords(site.name, site.id), site.id));
  element("site").replaceChildren(...options);
  element("site").value = model.site.id;
  element("site").parentElement.hidden = sites.length < 2;
  everySecond();
}

function remembered() {
  try {
    return localStorage.getItem("language");
  } catch {
    return null;
  }
}

function remember(language) {
  try {
    localStorage.setItem("language", language);
  } catch {
    // A screen that may not keep anything forgets the choice when it is reloaded.
  }
}

function askForToken() {
  if (!element("sign-in").open) element("sign-in").showModal();
}

element("language").addEventListener("click", () => {
  address.delete("lang");
  speak(spoken() === "zh" ? "en" : "zh");
  remember(spoken());
  translate();
});

element("site").addEventListener("change", (change) => {
  address.set("site", change.target.value);
  history.replaceState(null, "", `?${address}`);
  choose(change.target.value);
});

element("sign-in-form").addEventListener("submit", async (submit) => {
  submit.preventDefault();
  const status = await signIn(element("token").value);
  if (status === 204) location.reload();
  else element("refused").textContent = status === 401 ? word("wrong_token") : word("unknown_answer", { status });
});

setInterval(everySecond, 1000);
start();
