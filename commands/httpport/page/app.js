"use strict";
// The live page: it asks for /api/figures once a second and draws what has changed. Whatever comes from the server is set as
// text, never as markup.

const points = 120;
const svg = "http://www.w3.org/2000/svg";
const byID = (id) => document.getElementById(id);

// Each chart: a title, one or two series (a value out of the figures), and how a value is written.
const info = (f, name) => Number.parseFloat(f.info[name] ?? "NaN");
const charts = [
  { title: "throughput, commands/s", series: [["commands", (f) => f.rates.total_commands_processed]], unit: count },
  { title: "hit ratio", series: [["hits", (f) => (f.hit_ratio < 0 ? NaN : 100 * f.hit_ratio)]], unit: (v) => v.toFixed(1) + " %", top: 100 },
  { title: "memory", series: [["used", (f) => info(f, "used_memory")], ["resident", (f) => info(f, "used_memory_rss")]], unit: bytes },
  { title: "network/s", series: [["in", (f) => f.rates.total_net_input_bytes], ["out", (f) => f.rates.total_net_output_bytes]], unit: bytes },
  { title: "clients", series: [["connected", (f) => info(f, "connected_clients")], ["blocked", (f) => info(f, "blocked_clients")]], unit: count },
  { title: "expiry", series: [["expired/s", (f) => f.rates.expired_keys], ["lag, ms", (f) => info(f, "active_expire_behind_ms")]], unit: count },
  { title: "evicted keys/s", series: [["evicted", (f) => f.rates.evicted_keys]], unit: count },
  { title: "round of the loop", series: [["p50", (f) => f.rounds.p50], ["p99", (f) => f.rounds.p99]], unit: micros },
  { title: "journal queue", series: [["bytes not yet written", (f) => info(f, "aof_buffer_length")]], unit: bytes, none: "appendonly no" },
  { title: "journal fsync", series: [["last", (f) => info(f, "aof_fsync_last_us")]], unit: micros, none: "appendonly no" },
];

function scaled(v, units, step) {
  if (!Number.isFinite(v)) return "–";
  let i = 0;
  while (Math.abs(v) >= step && i < units.length - 1) { v /= step; i++; }
  return (v >= 100 || Number.isInteger(v) ? v.toFixed(0) : v.toFixed(v >= 10 ? 1 : 2)) + units[i];
}
function count(v) { return scaled(v, ["", " k", " M", " G"], 1000); }
function bytes(v) { return scaled(v, [" B", " KiB", " MiB", " GiB", " TiB"], 1024); }
function micros(v) { return scaled(v, [" µs", " ms", " s"], 1000); }

function element(name, parent, text, className) {
  const e = document.createElement(name);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  if (parent) parent.append(e);
  return e;
}

for (const c of charts) {
  const box = element("div", byID("charts"), undefined, "chart");
  element("h2", box, c.title);
  c.now = element("div", box, "–", "now");
  const s = document.createElementNS(svg, "svg");
  s.setAttribute("viewBox", "0 0 " + (points - 1) + " 100");
  s.setAttribute("preserveAspectRatio", "none");
  s.setAttribute("role", "img");
  s.setAttribute("aria-label", c.title);
  box.append(s);
  c.lines = c.series.map((_, i) => {
    const line = document.createElementNS(svg, "polyline");
    if (i > 0) line.setAttribute("class", "second");
    s.append(line);
    return line;
  });
  c.legend = element("div", box, undefined, "legend");
  c.values = c.series.map(() => []);
}

function draw(c, f) {
  let top = c.top ?? 0;
  c.series.forEach(([, value], i) => {
    const v = c.values[i];
    v.push(value(f) ?? NaN);
    if (v.length > points) v.shift();
    if (!c.top) for (const x of v) if (x > top) top = x;
  });
  top = top > 0 ? top * 1.05 : 1;
  c.series.forEach((_, i) => {
    const v = c.values[i];
    const path = [];
    v.forEach((x, at) => { if (Number.isFinite(x)) path.push(points - v.length + at + "," + (98 - 96 * Math.max(x, 0) / top).toFixed(1)); });
    c.lines[i].setAttribute("points", path.join(" "));
  });
  const last = c.values.map((v) => v[v.length - 1]);
  c.now.textContent = Number.isFinite(last[0]) ? c.unit(last[0]) : c.none && f.info.aof_enabled === "0" ? c.none : "–";
  c.legend.replaceChildren();
  c.series.forEach(([name], i) => {
    const b = element("b", c.legend, name, i > 0 ? "second" : "");
    b.after(" " + (Number.isFinite(last[i]) ? c.unit(last[i]) : "–") + "  ");
  });
}

// rows fills a table; a cell is text, or {key: text} for what users have chosen, or {bar: share}.
function rows(id, list, none) {
  const body = byID(id).tBodies[0];
  body.replaceChildren();
  if (list.length === 0) {
    const cell = element("td", element("tr", body), none, "none");
    cell.colSpan = byID(id).tHead.rows[0].cells.length;
  }
  for (const row of list) {
    const tr = element("tr", body);
    for (const cell of row) {
      if (cell !== null && typeof cell === "object" && "bar" in cell) {
        const i = element("i", element("td", tr, undefined, "bar"));
        i.style.width = (100 * cell.bar).toFixed(1) + "%";
      } else if (cell !== null && typeof cell === "object") {
        element("td", tr, cell.key, "key").title = cell.key;
      } else {
        element("td", tr, cell);
      }
    }
  }
}

function show(f) {
  byID("version").textContent = f.info.redix_version;
  byID("where").textContent = "port " + f.info.tcp_port + " · up " + duration(f.info.uptime_in_seconds) + " · " + f.info.io_reactor + " · " +
    f.info.go_version + " · maxmemory " + (f.info.maxmemory === "0" ? "none" : f.info.maxmemory_human + " " + f.info.maxmemory_policy);
  for (const c of charts) draw(c, f);
  byID("window").textContent = f.seconds > 0 ? "last " + f.seconds.toFixed(0) + " s" : "since the start";
  rows("commands", (f.commands ?? []).slice(0, 20).map((c) => [c.name, count(c.rate), c.mean.toFixed(1), c.latency.p50.toFixed(1), c.latency.p99.toFixed(1),
    c.latency.p999.toFixed(1), c.latency.max.toFixed(1), count(c.calls), count(c.failed)]), "no command has been called");
  const types = f.keys.Types ?? [];
  const most = Math.max(1, ...types.map((t) => t.Bytes));
  rows("types", types.map((t) => [t.Name, count(t.Keys), bytes(t.Bytes), { bar: t.Bytes / most }]), "no keys");
  byID("walk").textContent = "estimated; " + (f.keys.WalkSecs > 0 ? "a walk over all keys takes " + duration(f.keys.WalkSecs) :
    count(f.keys.Visited) + " of " + count(f.keys.Total) + " keys seen so far");
  rows("hottest", (f.keys.Hottest ?? []).map((k) => [{ key: k.Key }, k.DB, count(k.PerSecond)]), "none stands out");
  rows("biggest", (f.keys.Biggest ?? []).map((k) => [{ key: k.Key }, k.DB, k.Type, bytes(k.Bytes)]), "no keys");
  byID("slowlen").textContent = f.slow_len + " entries";
  rows("slow", (f.slow ?? []).map((e) => [new Date(e.at * 1000).toLocaleTimeString(), (e.us / 1000).toFixed(2), { key: e.words.join(" ") },
    e.addr + (e.name ? " " + e.name : "")]), "empty");
}

function duration(s) {
  s = Number(s);
  if (s < 60) return s.toFixed(s < 10 ? 1 : 0) + " s";
  if (s < 3600) return (s / 60).toFixed(0) + " min";
  return s < 172800 ? (s / 3600).toFixed(1) + " h" : (s / 86400).toFixed(0) + " days";
}

function state(text, good) {
  byID("state").textContent = text;
  byID("state").className = good ? "good" : "bad";
}

async function ask() {
  try {
    const r = await fetch(location.origin + "/api/figures", { cache: "no-store" }); // origin: the address may hold a password
    if (!r.ok) throw new Error(r.status + " " + (await r.text()));
    const f = await r.json();
    show(f);
    if (f.loading) state("loading " + f.loaded.toFixed(0) + " %", false);
    else if (f.writes_refused) state("writes refused: " + f.writes_refused, false);
    else state("ready", true);
  } catch (e) {
    state("no figures: " + e.message, false);
  }
  setTimeout(ask, 1000);
}
ask();
