// Words of the page in Chinese and English, and times as people of the site read them.

let dictionary = { zh: {}, en: {} };
let language = "zh";
let timezone = "UTC";

export async function loadWords() {
  dictionary = await (await fetch("/static/words.json")).json();
}

export function speak(code, zone) {
  language = code === "en" ? "en" : "zh";
  timezone = zone ?? timezone;
  document.documentElement.lang = language;
}

export const spoken = () => language;

export function word(name, values = {}) {
  const text = dictionary[language][name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export const hasWord = (name) => name in dictionary[language];

// A name that comes in both languages; the other one where one is missing, `otherwise` where both are.
export function inWords(name, otherwise = "") {
  return name ? name[language] || name.zh || name.en || otherwise : otherwise;
}

const formats = new Map();

function format(options) {
  const key = language + timezone + JSON.stringify(options);
  if (!formats.has(key)) {
    const locale = language === "zh" ? "zh-CN" : "en-GB";
    formats.set(key, new Intl.DateTimeFormat(locale, { timeZone: timezone, hourCycle: "h23", ...options }));
  }
  return formats.get(key);
}

const DAY = { year: "numeric", month: "2-digit", day: "2-digit" };
const OTHER_DAY = { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" };
const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit" };

export const clockTime = (ms) => format({ ...DAY, weekday: "short", ...TIME }).format(ms);

// The time of day, with the date when that is not today.
export function moment(ms, now) {
  const day = format(DAY);
  return (day.format(ms) === day.format(now) ? format(TIME) : format(OTHER_DAY)).format(ms);
}

// A length of time to the second: 1:02:03 or 02:03.
export function countdown(ms) {
  const total = Math.floor(Math.abs(ms) / 1000);
  const parts = [Math.floor(total / 60) % 60, total % 60];
  const hours = Math.floor(total / 3600);
  return (hours ? [hours, ...parts] : parts)
    .map((part, index) => (index === 0 && hours ? String(part) : String(part).padStart(2, "0")))
    .join(":");
}

// How long ago, as coarse as one needs it: 8 s, 5 min, 3 h, 2 d.
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} ${language === "zh" ? "秒" : "s"}`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} ${language === "zh" ? "分钟" : "min"}`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} ${language === "zh" ? "小时" : "h"}`;
  return `${Math.round(seconds / 86400)} ${language === "zh" ? "天" : "d"}`;
}
