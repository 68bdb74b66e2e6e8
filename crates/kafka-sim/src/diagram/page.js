"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const lanesSvg = byId("lanes"), replicasSvg = byId("replicas"), tip = byId("tip"), choice = byId("partition");
  const LEFT = 110, RIGHT = 20, TOP = 34, LANE = 62, PLOT = 84;
  const SVG = "http://www.w3.org/2000/svg";
  let width = 1200, from = 0, until = data.ended, partition = null;

  const element = (parent, name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    if (text !== undefined) made.textContent = text;
    parent.appendChild(made);
    return made;
  };
  const seconds = (ms, digits) => (ms / 1000).toFixed(digits) + " s";
  const x = (at) => LEFT + ((at - from) / (until - from)) * (width - LEFT - RIGHT);
  const clampX = (at) => Math.max(LEFT, Math.min(width - RIGHT, x(at)));
  const shows = (a, b) => b >= from && a <= until;
  const digits = () => Math.max(0, Math.min(6, Math.ceil(-Math.log10((until - from) / 10000))));

  function hint(target, text) {
    target.addEventListener("pointerenter", (event) => { tip.textContent = text; tip.hidden = false; place(event); });
    target.addEventListener("pointermove", place);
    target.addEventListener("pointerleave", () => { tip.hidden = true; });
    element(target, "title", {}, text);
  }
  function place(event) {
    tip.style.left = Math.min(event.clientX + 14, window.innerWidth - tip.offsetWidth - 8) + "px";
    tip.style.top = event.clientY + 16 + "px";
  }

  function axis(svg, height) {
    const span = until - from, rough = span / 8, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= rough);
    for (let at = Math.ceil(from / step) * step; at <= until; at += step) {
      element(svg, "line", { x1: x(at), x2: x(at), y1: 18, y2: height, class: "rule" });
      element(svg, "text", { x: x(at), y: 13, "text-anchor": "middle", class: "axis" }, seconds(at, digits()));
    }
    for (const [at, name] of [[data.began, "workload begins"], [data.healed, "everything healed"]]) {
      if (!shows(at, at)) continue;
      element(svg, "line", { x1: x(at), x2: x(at), y1: 18, y2: height, class: "phase" });
      element(svg, "text", { x: x(at) + 3, y: height - 4, class: "axis" }, name);
    }
  }

  function bars(svg, y, labelled) {
    data.faults.filter((fault) => shows(fault.from, fault.until)).forEach((fault) => {
      const rows = fault.lanes.length ? fault.lanes.map(y).filter((top) => top !== undefined) : [undefined];
      rows.forEach((middle, nth) => {
        const left = clampX(fault.from), right = Math.max(clampX(fault.until), left + 2);
        const shape = middle === undefined
          ? { x: left, width: right - left, y: 20, height: 7 } : { x: left, width: right - left, y: middle - 14, height: 28 };
        const bar = element(svg, "rect", { ...shape, class: "fault" });
        hint(bar, `${fault.label}, from ${seconds(fault.from, 3)} to ${seconds(fault.until, 3)}`);
        if (labelled && nth === 0 && middle !== undefined && right - left > 60) {
          const room = Math.floor((right - left) / 6);
          const text = fault.label.length > room ? fault.label.slice(0, room - 1) + "…" : fault.label;
          element(svg, "text", { x: left + 3, y: middle - 18, class: "faultname" }, text);
        }
      });
    });
  }

  function drawLanes() {
    const height = TOP + data.lanes.length * LANE;
    start(lanesSvg, height);
    axis(lanesSvg, height);
    const y = (id) => { const row = data.lanes.findIndex((lane) => lane.id === id); return row < 0 ? undefined : TOP + row * LANE + LANE / 2; };
    for (const lane of data.lanes) {
      element(lanesSvg, "text", { x: 8, y: y(lane.id) + 4 }, lane.id);
      element(lanesSvg, "line", { x1: LEFT, x2: width - RIGHT, y1: y(lane.id), y2: y(lane.id), class: "lane" });
    }
    bars(lanesSvg, y, true);
    const wanted = new Set([...document.querySelectorAll("[data-kind]:checked")].map((box) => box.dataset.kind));
    const visible = partition.arrows.filter((arrow) => wanted.has(arrow.kind) && shows(arrow.sent, arrow.arrived));
    for (const arrow of visible.filter((a) => !a.broken).concat(visible.filter((a) => a.broken))) draw(arrow, y);
    for (const note of data.notes.concat(partition.notes).filter((n) => shows(n.at, n.at))) {
      const dot = element(lanesSvg, "circle", { cx: x(note.at), cy: y(note.lane), r: 5, class: note.kind });
      hint(dot, `${seconds(note.at, 6)} ${note.lane}: ${note.label}`);
    }
  }

  function draw(arrow, y) {
    const [x1, y1, x2, y2] = [x(arrow.sent), y(arrow.from), x(arrow.arrived), y(arrow.to)];
    if (y1 === undefined || y2 === undefined) return;
    const length = Math.hypot(x2 - x1, y2 - y1) || 1, [dx, dy] = [(x2 - x1) / length, (y2 - y1) / length];
    const kind = arrow.broken ? "suspect" : arrow.kind;
    const head = `M${x2 - 7 * dx - 3.5 * dy},${y2 - 7 * dy + 3.5 * dx}L${x2},${y2}L${x2 - 7 * dx + 3.5 * dy},${y2 - 7 * dy - 3.5 * dx}`;
    const path = element(lanesSvg, "path", { d: `M${x1},${y1}L${x2},${y2}${head}`, class: `arrow ${kind}`, "data-message": arrow.message });
    hint(path, `${arrow.label}; ${seconds(arrow.sent, 6)} ${arrow.from} to ${seconds(arrow.arrived, 6)} ${arrow.to}`);
    const same = () => lanesSvg.querySelectorAll(`[data-message="${CSS.escape(arrow.message)}"]`);
    path.addEventListener("pointerenter", () => same().forEach((one) => one.classList.add("picked")));
    path.addEventListener("pointerleave", () => same().forEach((one) => one.classList.remove("picked")));
  }

  function drawReplicas() {
    const names = Object.keys(partition.curves.replicas), height = TOP + Math.max(names.length, 1) * PLOT;
    start(replicasSvg, height);
    axis(replicasSvg, height);
    const highest = Math.max(1, ...names.flatMap((name) => partition.curves.replicas[name].log_end.map((step) => step[1])));
    names.forEach((name, row) => {
      const bottom = TOP + row * PLOT + PLOT - 20, level = (value) => bottom - (value / highest) * (PLOT - 30);
      element(replicasSvg, "text", { x: 8, y: bottom - 20 }, name);
      element(replicasSvg, "text", { x: LEFT - 6, y: level(highest) + 4, "text-anchor": "end", class: "axis" }, highest);
      element(replicasSvg, "text", { x: LEFT - 6, y: bottom + 2, "text-anchor": "end", class: "axis" }, "0");
      membership(Number(name.replace(/\D/g, "")), name, bottom + 5);
      const replica = partition.curves.replicas[name];
      for (const [kind, label] of [["log_end", "end"], ["high_watermark", "hw"], ["durable_end", "durable"]]) {
        curve(replica[kind], level, label, `${name}: ${kind.replace("_", " ")}`);
      }
    });
  }

  function membership(id, name, top) {
    partition.curves.isr.forEach((step, nth) => {
      const end = nth + 1 < partition.curves.isr.length ? partition.curves.isr[nth + 1].at : data.ended;
      if (!step.isr.includes(id) || !shows(step.at, end)) return;
      const kind = step.leader === id ? "leads" : "insync";
      const box = element(replicasSvg, "rect", { x: clampX(step.at), width: Math.max(1, clampX(end) - clampX(step.at)), y: top, height: 7, class: kind });
      hint(box, `${name} ${step.leader === id ? "leads" : "is in sync"} from ${seconds(step.at, 3)}; in sync: ${step.isr.join(", ")}`);
    });
  }

  function curve(steps, level, kind, label) {
    let value = 0, path = "", shown = 0;
    for (const [at, next] of steps) {
      if (at < from) { value = next; continue; }
      if (at > until) break;
      if (!path) path = `M${LEFT},${level(value)}`;
      path += `H${x(at).toFixed(1)}V${level(next).toFixed(1)}`;
      value = next; shown += 1;
    }
    path = (path || `M${LEFT},${level(value)}`) + `H${width - RIGHT}`;
    hint(element(replicasSvg, "path", { d: path, class: kind }), `${label}, ${value} at the end of this view`);
  }

  function start(svg, height) {
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("height", height);
  }

  function show() {
    width = Math.max(700, lanesSvg.clientWidth || 1200);
    byId("window").textContent = `${seconds(from, digits())} to ${seconds(until, digits())}`;
    document.querySelectorAll(".which").forEach((place) => { place.textContent = partition.name; });
    drawLanes();
    drawReplicas();
  }
  function look(a, b) {
    const least = 0.01, span = Math.min(Math.max(b - a, least), data.ended);
    from = Math.max(0, Math.min(a, data.ended - span));
    until = from + span;
    show();
  }
  const zoom = (factor, around = (from + until) / 2) => look(around - (around - from) * factor, around + (until - around) * factor);
  const move = (part) => look(from + part * (until - from), until + part * (until - from));

  /** From before the first message that a promise was broken for, to after the last thing that happened to it. */
  function story() {
    const first = partition.arrows.find((arrow) => arrow.broken);
    if (!first) return look(0, data.ended);
    const way = partition.arrows.filter((arrow) => arrow.message === first.message);
    const begin = Math.min(...way.map((arrow) => arrow.sent));
    const after = partition.notes.filter((note) => note.at > begin && ["truncated", "elected"].includes(note.kind)).slice(0, 3);
    const end = Math.max(...way.map((arrow) => arrow.arrived), ...after.map((note) => note.at));
    const margin = Math.max((end - begin) * 0.15, 2);
    look(begin - margin, end + margin);
  }

  data.partitions.forEach((one, nth) => choice.add(new Option(one.broken ? `${one.name} (broken)` : one.name, nth)));
  const worst = data.partitions.reduce((best, one, nth) => (one.broken > data.partitions[best].broken ? nth : best), 0);
  partition = data.partitions[worst] ?? { name: "nothing", arrows: [], notes: [], curves: { replicas: {}, isr: [] } };
  choice.value = worst;
  choice.addEventListener("change", () => { partition = data.partitions[choice.value]; story(); });
  byId("in").onclick = () => zoom(0.5);
  byId("out").onclick = () => zoom(2);
  byId("earlier").onclick = () => move(-0.4);
  byId("later").onclick = () => move(0.4);
  byId("story").onclick = story;
  byId("all").onclick = () => look(0, data.ended);
  document.querySelectorAll("[data-kind]").forEach((box) => box.addEventListener("change", show));
  for (const svg of [lanesSvg, replicasSvg]) {
    const at = (event) => from + ((event.clientX - svg.getBoundingClientRect().left - LEFT) / (width - LEFT - RIGHT)) * (until - from);
    svg.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY > 0 ? 1.25 : 0.8, at(event)); }, { passive: false });
    let grabbed = null;
    svg.addEventListener("pointerdown", (event) => { grabbed = { x: event.clientX, from, until }; });
    window.addEventListener("pointerup", () => { grabbed = null; });
    svg.addEventListener("pointermove", (event) => {
      if (!grabbed) return;
      const shift = ((grabbed.x - event.clientX) / (width - LEFT - RIGHT)) * (grabbed.until - grabbed.from);
      look(grabbed.from + shift, grabbed.until + shift);
    });
  }
  window.addEventListener("keydown", (event) => {
    const keys = { "+": () => zoom(0.5), "-": () => zoom(2), ArrowLeft: () => move(-0.4), ArrowRight: () => move(0.4) };
    if (event.target.tagName !== "SELECT" && keys[event.key]) keys[event.key]();
  });
  window.addEventListener("resize", show);
  window.addEventListener("beforeprint", show);
  story();
  document.documentElement.dataset.drawn = "true";
})();
