// The page for people: asks /status once a second and shows what it says.
//
// Names, messages and labels come from models and from strangers: everything is set as text, never as markup.
// Elements are made once and only their text is changed, so that the keyboard, a selection or a screen reader stays
// where it is. Nothing is kept but the token, for as long as this tab is open.
"use strict";

const SECONDS = 300;
const byId = (id) => document.getElementById(id);
const models = new Map(); // by name and version: what is drawn of each
let past = {}; // series of the container
let seen = 0; // the last second that is known
let started = null; // which server that was
let answeredAt = 0;

// --- numbers for people

const number = (value, digits = 0) =>
  value === null || value === undefined ? "–" : value.toLocaleString("en", { maximumFractionDigits: digits });
const few = (value) => number(value, value >= 100 ? 0 : value >= 10 ? 1 : 2);
const plural = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

function bytes(value) {
  if (value === null || value === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${few(value)} ${units[unit]}`;
}

function time(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 1) return `${few(seconds * 1000)} ms`;
  if (seconds < 60) return `${few(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

// --- elements

function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

function say(element, text, className) {
  if (element.textContent !== text) element.textContent = text;
  if (className !== undefined && element.className !== className) element.className = className;
}

// A number with its plot: .show(value, unit, under, lines, description)
function tile(name, key = []) {
  const keys = make("span", "", ...key.map((word, i) => make("span", `key${i + 1}`, word)));
  const top = make("span", "dim");
  const value = make("div", "value");
  const under = make("div", "under");
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "plot");
  svg.setAttribute("viewBox", `0 0 ${SECONDS} 50`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  const element = make("div", "tile", make("div", "name", make("span", "", name), keys), value, svg, under);
  element.firstChild.append(top);
  return {
    element,
    show(text, unit, below, lines, unitOfTop = few) {
      const small = make("small", "", ` ${unit}`);
      if (value.textContent !== text + small.textContent) value.replaceChildren(text, small);
      say(under, below);
      const most = Math.max(0, ...lines.filter((line) => line.kind !== "ends").flatMap((line) => line.values.filter((v) => v !== null)));
      say(top, most > 0 ? `max ${unitOfTop(most)}` : "");
      svg.setAttribute("aria-label", `${name}, the last five minutes: at most ${unitOfTop(most)}, now ${text} ${unit}`);
      draw(svg, lines, most || 1);
    },
  };
}

// Lines of one plot; a gap is where nothing is known.
function draw(svg, lines, most) {
  while (svg.childNodes.length < lines.length) svg.append(document.createElementNS(svg.namespaceURI, "path"));
  lines.forEach((line, i) => {
    const first = SECONDS - line.values.length;
    let path = "";
    let pen = false;
    line.values.forEach((value, at) => {
      const x = first + at + 0.5;
      if (line.kind === "ends") {
        if (value > 0) path += `M${x} 50V38`;
      } else if (value === null) {
        pen = false;
      } else {
        path += `${pen ? "L" : "M"}${x} ${(50 - (48 * value) / most).toFixed(1)}`;
        if (!pen) path += "h.01";
        pen = true;
      }
    });
    svg.childNodes[i].setAttribute("class", line.kind);
    svg.childNodes[i].setAttribute("d", path);
  });
}

// A table whose rows are lists of texts: .show(rows)
function table(caption, columns, empty) {
  const head = make("tr", "", ...columns.map(([name, kind]) => make("th", kind, name)));
  head.querySelectorAll("th").forEach((th) => (th.scope = "col"));
  const body = make("tbody");
  const whole = make("table", "", make("thead", "", head), body);
  whole.setAttribute("aria-label", caption);
  const scroll = make("div", "scroll", whole);
  scroll.tabIndex = 0;
  scroll.setAttribute("role", "region");
  scroll.setAttribute("aria-label", caption);
  const none = make("p", "empty", empty);
  return {
    element: make("div", "", make("h3", "", caption), none, scroll),
    show(rows) {
      none.hidden = rows.length > 0;
      scroll.hidden = rows.length === 0;
      while (body.rows.length > rows.length) body.lastChild.remove();
      rows.forEach((row, at) => {
        if (!body.rows[at]) body.append(make("tr", "", ...columns.map(([, kind]) => make("td", kind))));
        row.forEach((cell, i) => {
          const [text, mood = ""] = Array.isArray(cell) ? cell : [cell];
          say(body.rows[at].cells[i], text, `${columns[i][1]} ${mood}`.trim());
        });
      });
    },
  };
}

// --- a picture for a model

function dropZone(name) {
  const input = make("input");
  input.type = "file";
  input.accept = "image/*";
  input.setAttribute("aria-label", `A picture for ${name}`);
  const hint = make("p", "dim", "Drop a picture here, or choose one: the model answers at once.");
  const answer = make("div", "answer");
  answer.setAttribute("aria-live", "polite");
  const image = make("img");
  image.hidden = true;
  image.alt = "";
  const zone = make("div", "drop", image, make("div", "said", hint, input, answer));
  const ask = async (file) => {
    URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(file);
    image.hidden = false;
    answer.replaceChildren("asking …");
    const begin = performance.now();
    try {
      const headers = { "Content-Type": file.type.startsWith("image/") ? file.type : "image/unknown" };
      const reply = await request(`/v2/models/${encodeURIComponent(name)}/infer`, { method: "POST", body: file, headers });
      const result = await reply.json();
      const took = make("p", "dim", `${time((performance.now() - begin) / 1000)}, there and back`);
      answer.replaceChildren(...(reply.ok ? shown(result) : [make("p", "bad", `${reply.status}: ${result.error}`)]), took);
    } catch (error) {
      answer.replaceChildren(make("p", "bad", `no answer: ${error.message}`));
    }
  };
  input.addEventListener("change", () => input.files.length && ask(input.files[0]));
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files.length) ask(event.dataTransfer.files[0]);
  });
  return zone;
}

// A classification as bars; anything else as it is.
function shown(result) {
  if (!Array.isArray(result.top) || !result.label) return [make("pre", "", JSON.stringify(result, null, 1))];
  return result.top.map((one) => {
    const meter = make("meter");
    meter.value = one.score;
    meter.setAttribute("aria-hidden", "true");
    return make("div", "bar", make("span", "", String(one.label)), meter, make("span", "", number(one.score, 3)));
  });
}

// --- what is shown of a model

// Errors that say the same, each once: the first of them, and how many there are.
function alike(errors) {
  const kinds = new Map();
  for (const error of errors) {
    const text = error.attempts > 1 ? `${error.message} (${error.attempts} attempts)` : error.message;
    const key = `${error.code} ${text}`;
    const kind = kinds.get(key) ?? { error, text, times: 0 };
    kind.times++;
    kinds.set(key, kind);
  }
  return [...kinds.values()];
}

const STATE_MOODS = { ready: "good", loading: "warm", leaving: "warm", resting: "warm", unavailable: "bad", failed: "bad", dying: "bad" };

function drawModel(model) {
  const state = make("span", "state");
  const about = make("p", "dim");
  const tiles = {
    rate: tile("Throughput"),
    latency: tile("Latency", ["p50", "p99"]),
    queue: tile("Queue"),
    totals: tile("Requests that failed"),
  };
  const workers = table("Workers", [["#", ""], ["state", "text"], ["doing", "text"], ["for", ""], ["CPU", ""], ["memory", ""],
    ["items", ""], ["restarts", ""], ["pid", ""], ["last end", "text long"]], "There is no worker yet.");
  const errors = table("Last errors", [["when", "text"], ["code", "text"], ["message", "text long"], ["request id", "text"]],
    "No request has failed.");
  const ends = table("Why workers ended", [["by", "text"], ["times", ""]], "No worker has ended unasked.");
  const acts = table("What was done about the container", [["when", "text"], ["what", "text long"]], "Nothing had to be done.");
  const tried = make("div", "", make("h3", "", "Try it"),
    model.takes_pictures ? dropZone(model.name) : make("p", "empty", `This model takes tensors: send them to /v2/models/${model.name}/infer.`));
  const section = make("section", "", make("h2", "", model.name, state), about,
    make("div", "tiles", ...Object.values(tiles).map((one) => one.element)), workers.element, errors.element,
    make("div", "sides", tried, ends.element, acts.element));
  section.setAttribute("aria-label", `Model ${model.name}`);
  byId("models").append(section);
  return { section, state, about, tiles, workers, errors, ends, acts, past: {} };
}

function showModel(drawn, model, status) {
  const { tiles, past } = drawn;
  const { last_10_seconds: lately, queue, totals } = model;
  say(drawn.state, model.state, `state ${STATE_MOODS[model.state] || ""}`);
  say(drawn.about, [model.platform, `${model.workers.filter((one) => one.state === "ready").length} of ${plural(model.workers.length, "worker")} ready`, model.reason].filter(Boolean).join(" · "));
  const ends = { kind: "ends", values: past.worker_ends };
  tiles.rate.show(few(lately.answers_per_second), "answers/s", `${plural(totals.results, "result")} since the start`,
    [{ kind: "first", values: past.answers_per_second }, ends]);
  tiles.latency.show(lately.p50_ms === null ? "–" : few(lately.p50_ms), lately.p50_ms === null ? "no answer in 10 s" : `ms · p99 ${few(lately.p99_ms)} ms`,
    "from admission to answer, last 10 s", [{ kind: "first", values: past.p50_ms }, { kind: "second", values: past.p99_ms }, ends],
    (most) => `${few(most)} ms`);
  tiles.queue.show(number(queue.waiting), "waiting", `${queue.taken} of ${queue.limit} places · ${bytes(queue.bytes)} of ${bytes(queue.bytes_limit)}`,
    [{ kind: "first", values: past.waiting }, ends]);
  tiles.totals.show(number(totals.failures), `· ${few(lately.failures_per_second)}/s`,
    `${number(totals.refused_full)} refused when full · ${plural(totals.retries, "retry").replace("retrys", "retries")}`, [{ kind: "first", values: past.failures_per_second }, ends]);
  drawn.workers.show(model.workers.map((worker) => [
    number(worker.number),
    [`● ${worker.state}`, STATE_MOODS[worker.state]],
    worker.items_in_flight > 0 ? `${plural(worker.items_in_flight, "item")} in hand` : { ready: "idle", loading: "the model", resting: "until it is tried again" }[worker.state] || "–",
    time(worker.item_seconds ?? worker.state_seconds),
    worker.cpu_used_cores === null ? "–" : number(worker.cpu_used_cores, 2),
    bytes(worker.memory_private_bytes),
    number(worker.items_done),
    [number(worker.restarts), worker.restarts ? "bad" : ""],
    worker.pid === null ? "–" : String(worker.pid),
    worker.last_end === null ? "–" : `${time(worker.last_end_seconds_ago)} ago: ${worker.last_end}`,
  ]));
  drawn.errors.show(alike([...model.last_errors].reverse()).map(({ error, text, times }) => [
    `${time(Math.max(0, Math.round((status.server.now_ms - error.time_ms) / 1000)))} ago`,
    [error.code, "bad"],
    times > 1 ? `${text} (${times} times)` : text,
    error.request_id ?? "–",
  ]));
  drawn.ends.show(Object.entries(model.restarts_by_reason).map(([reason, count]) => [reason, number(count)]));
  drawn.acts.show([...model.interventions].reverse().map((act) => [`${time(act.seconds_since_start)} after start`, act.text]));
}

function containerTiles() {
  const tiles = { cpu: tile("CPU"), throttled: tile("Stopped by the CPU quota"), memory: tile("Memory") };
  byId("container").append(...Object.values(tiles).map((one) => one.element));
  return tiles;
}

function showContainer(tiles, { container, server }) {
  const now = container ?? {}; // without a model nothing is known of it
  const limit = now.memory_limit_bytes ?? null;
  const throttled = now.throttled_percent ?? null;
  tiles.cpu.show(number(now.cpu_used_cores, 2), `of ${number(now.cpu_budget_cores, 2)} cores`,
    `of these the supervisor ${number(server.supervisor_cpu_cores, 2)}`,
    [{ kind: "first", values: past.cpu_used_cores }, { kind: "limit", values: past.cpu_budget_cores }]);
  tiles.throttled.show(number(throttled, 1), throttled !== null ? "% of periods" : container ? "there is no quota" : "",
    `${time(now.throttled_seconds_total)} in all`,
    [{ kind: "first", values: past.throttled_percent }], (most) => `${few(most)} %`);
  tiles.memory.show(bytes(now.memory_in_use_bytes), limit === null ? "" : `of ${bytes(limit)}`,
    `workers ${bytes(now.memory_of_workers_bytes)} · killed for memory: ${number(now.out_of_memory_kills_total)}`,
    [{ kind: "first", values: past.memory_in_use_bytes }, { kind: "limit", values: limit === null ? [] : past.memory_in_use_bytes.map(() => limit) }], bytes);
}

// --- asking

function request(path, options = {}) {
  const token = sessionStorage.getItem("token");
  const headers = { ...(options.headers || {}), ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  return fetch(path, { ...options, headers, cache: "no-store" });
}

// What went and came again in the seconds that have passed brings fewer values, and begins anew.
function extend(series, news, passed) {
  for (const [name, values] of Object.entries(news)) {
    if (!Array.isArray(values)) continue;
    const before = values.length < Math.min(passed, SECONDS) ? [] : series[name] || [];
    series[name] = [...before, ...values].slice(-SECONDS);
  }
}

function show(status) {
  const { server, history } = status;
  if (server.started_ms !== started) {
    models.forEach((drawn) => drawn.section.remove());
    models.clear();
    past = {};
    started = server.started_ms;
    if (seen > 0) {
      seen = 0;
      return; // what was asked for was of another server
    }
  }
  const passed = history.last - seen;
  seen = history.last;
  extend(past, history, passed);
  say(byId("state"), server.draining ? "ending" : server.ready ? "ready" : "not ready",
    `state ${server.draining ? "warm" : server.ready ? "good" : "bad"}`);
  say(byId("about"), [`version ${server.version}`, `up ${time(Math.floor(server.uptime_seconds))}`, plural(server.connections, "connection"), server.reason].filter(Boolean).join(" · "));
  const key = (model) => `${model.name}/${model.version}/${model.takes_pictures}`;
  const there = new Set(status.models.map(key));
  for (const [name, drawn] of models) {
    if (there.has(name)) continue;
    drawn.section.remove();
    models.delete(name);
  }
  showContainer(container, status);
  for (const model of status.models) {
    if (!models.has(key(model))) models.set(key(model), drawModel(model));
    extend(models.get(key(model)).past, model.history, passed);
    showModel(models.get(key(model)), model, status);
  }
  byId("main").hidden = false;
}

async function tick() {
  try {
    const reply = await request(`/status?since=${seen}`, { signal: AbortSignal.timeout(5000) });
    const appears = byId("gate").hidden && reply.status === 401;
    byId("gate").hidden = reply.status !== 401;
    if (appears) byId("token").focus();
    if (reply.status === 401) {
      say(byId("refused"), sessionStorage.getItem("token") ? "That is none of its tokens." : "");
      say(byId("state"), "a token is needed", "state warm");
    } else if (reply.ok) {
      show(await reply.json());
      answeredAt = Date.now();
    } else {
      say(byId("state"), `refused: ${reply.status}`, "state bad");
    }
    document.body.classList.remove("stale");
  } catch {
    document.body.classList.add("stale");
    const since = answeredAt ? ` since ${new Date(answeredAt).toLocaleTimeString()}` : "";
    say(byId("state"), `no answer${since}`, "state bad");
  }
  setTimeout(tick, document.hidden ? 10000 : 1000);
}

byId("gate").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", byId("token").value.trim());
  byId("token").value = "";
});
const container = containerTiles();
tick();
