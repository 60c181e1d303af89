"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SVG = "http://www.w3.org/2000/svg";
  const WIDE = 218, HIGH = 38, ALONG = 66, ASIDE = 14, LANE = 6, SWEEPS = 8;
  const MOST_LANES = 400, TALLEST = 34;
  const WORST = data.worst;
  const classOf = (state) => state.replaceAll(" ", "-");
  const number = new Intl.NumberFormat("en");
  const $ = (id) => document.getElementById(id);
  const make = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const draw = (name, attributes, text) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const labelOf = (state) => (state === "file" ? "raw file" : state);

  const tables = new Map(data.nodes.map((node) => [node.n, { ...node, out: [] }]));
  for (const node of tables.values()) {
    node.i = node.i.filter((name) => tables.has(name));
    node.i.forEach((name) => tables.get(name).out.push(node.n));
  }
  const groups = [...new Set(data.nodes.map((node) => node.g))];
  const members = new Map(groups.map((group) => [group, data.nodes.filter((n) => n.g === group)]));
  // Fitted into a phone's width, more boxes than these are too small to read.
  const NARROW = 600, LEGIBLE = 8;
  const small = window.innerWidth < NARROW && data.nodes.length > LEGIBLE;
  const folded = new Set(data.fold || small ? groups.filter((group) => members.get(group).length > 1) : []);

  // What is seen: a table, or a folded group instead of its tables.
  const placeOf = (name) => {
    const group = tables.get(name).g;
    return folded.has(group) ? `g${groups.indexOf(group)}` : `t${name}`;
  };
  const seen = () => {
    const spots = new Map(), edges = new Map();
    for (const node of tables.values()) {
      const id = placeOf(node.n);
      if (id[0] === "t") spots.set(id, { id, name: node.n, state: node.s, inputs: [], out: [] });
      else if (!spots.has(id)) {
        const counts = {};
        members.get(node.g).forEach((one) => { counts[one.s] = (counts[one.s] || 0) + 1; });
        const state = WORST.find((one) => counts[one]);
        spots.set(id, { id, name: node.g, state, counts, group: node.g, inputs: [], out: [] });
      }
    }
    for (const node of tables.values()) {
      for (const input of node.i) {
        const from = placeOf(input), to = placeOf(node.n);
        if (from === to) continue;
        const key = JSON.stringify([from, to]);
        const edge = edges.get(key) || { from, to, count: 0 };
        if (!edge.count) {
          spots.get(to).inputs.push(from);
          spots.get(from).out.push(to);
        }
        edge.count += 1;
        edges.set(key, edge);
      }
    }
    return { spots, edges: [...edges.values()] };
  };

  // Each spot is one layer behind the last of its inputs; a circle ends where it is entered.
  const layersOf = (spots) => {
    const depth = new Map();
    for (const start of spots.keys()) {
      const stack = [start], onWay = new Set(stack);
      while (stack.length) {
        const spot = spots.get(stack[stack.length - 1]);
        const rest = spot.inputs.find((one) => !depth.has(one) && !onWay.has(one));
        if (rest !== undefined) {
          stack.push(rest);
          onWay.add(rest);
          continue;
        }
        if (!depth.has(spot.id)) {
          depth.set(spot.id, 1 + Math.max(-1, ...spot.inputs.map((one) => depth.get(one) ?? -1)));
        }
        onWay.delete(stack.pop());
      }
    }
    return depth;
  };

  // Layers in the order that keeps lines short, with lanes for lines that pass by.
  const layOut = ({ spots, edges }) => {
    const depth = layersOf(spots);
    const layers = [];
    const put = (item, level) => (layers[level] = layers[level] || []).push(item);
    for (const id of spots.keys()) put({ id, near: [], high: HIGH + ASIDE }, depth.get(id));
    const items = new Map(layers.flat().map((item) => [item.id, item]));
    const spans = edges.reduce((sum, e) => sum + Math.max(0, depth.get(e.to) - depth.get(e.from) - 1), 0);
    for (const edge of edges) {
      edge.way = [items.get(edge.from)];
      for (let level = depth.get(edge.from) + 1; spans <= MOST_LANES && level < depth.get(edge.to); level += 1) {
        const lane = { near: [], high: LANE + ASIDE };
        put(lane, level);
        edge.way.push(lane);
      }
      edge.way.push(items.get(edge.to));
      for (let i = 1; i < edge.way.length; i += 1) {
        edge.way[i - 1].near.push(edge.way[i]);
        edge.way[i].near.push(edge.way[i - 1]);
      }
    }
    const number = (layer) => layer.forEach((item, i) => { item.at = i - (layer.length - 1) / 2; });
    layers.forEach(number);
    const mean = (item) => (item.near.length ? item.near.reduce((s, one) => s + one.at, 0) / item.near.length : item.at);
    for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
      for (const layer of [...layers, ...[...layers].reverse()]) {
        layer.forEach((item) => { item.wish = mean(item); });
        layer.sort((a, b) => a.wish - b.wish);
        number(layer);
      }
    }
    // A layer that is too tall is split into several columns.
    let x = 0, tallest = 0;
    const columns = [];
    for (const layer of layers) {
      const count = Math.ceil(layer.length / TALLEST);
      const size = Math.ceil(layer.length / count);
      for (let i = 0; i < count; i += 1) {
        const column = layer.slice(i * size, (i + 1) * size);
        columns.push([column, x]);
        tallest = Math.max(tallest, column.reduce((sum, item) => sum + item.high, 0));
        x += WIDE + (i + 1 < count ? 16 : ALONG);
      }
    }
    for (const [column, left] of columns) {
      let y = (tallest - column.reduce((sum, item) => sum + item.high, 0)) / 2;
      for (const item of column) {
        Object.assign(item, { x: left, y });
        y += item.high;
      }
    }
    return { items, width: x - ALONG, height: tallest - ASIDE };
  };

  const bend = (x1, y1, x2, y2) => {
    const by = Math.max(28, Math.abs(x2 - x1) / 2);
    return `C${x1 + by} ${y1} ${x2 - by} ${y2} ${x2} ${y2}`;
  };
  const pathOf = (way) => {
    let x = way[0].x + WIDE, y = way[0].y + HIGH / 2;
    let path = `M${x} ${y}`;
    for (const lane of way.slice(1, -1)) {
      const middle = lane.y + LANE / 2;
      path += bend(x, y, lane.x, middle) + `H${lane.x + WIDE}`;
      x = lane.x + WIDE;
      y = middle;
    }
    const end = way[way.length - 1];
    return path + bend(x, y, end.x - 2, end.y + HIGH / 2);
  };

  const svg = $("graph"), view = $("view"), canvas = $("canvas");
  let shown, size, chosen = null;
  const nodeOf = new Map();

  const box = (spot, item) => {
    const many = spot.group !== undefined;
    const count = many ? members.get(spot.group).length : 0;
    const what = spot.group === data.files ? "file" : "table";
    const extent = `${number.format(count)} ${what}${count === 1 ? "" : "s"}`;
    const words = many ? `${spot.name} ${extent}, folded` : `${spot.name}, ${labelOf(spot.state)}`;
    const node = draw("g", {
      class: `node ${classOf(spot.state)}${many ? " group" : ""}`, tabindex: 0, role: "button",
      "aria-label": words, transform: `translate(${item.x} ${item.y})`,
    });
    node.append(draw("title", {}, many ? `${words}; click to open` : words));
    if (many) for (const by of [7, 3.5]) node.append(draw("rect", { x: by, y: by, width: WIDE, height: HIGH, rx: 9 }));
    node.append(draw("rect", { class: "body", width: WIDE, height: HIGH, rx: 9 }));
    node.append(draw("text", { class: "mark", x: 11, y: 24 }, data.marks[spot.state]));
    // The whole name, of which the picture shows the beginning: voice control uses it.
    const end = many ? 30 : 16, beginning = draw("svg", { x: 30, width: WIDE - 30 - end, height: HIGH });
    beginning.append(draw("text", { class: "name", y: many ? 18 : 24 }, spot.name));
    node.append(beginning);
    if (spot.name.length > (many ? 22 : 25)) node.append(draw("text", { x: WIDE - end, y: many ? 18 : 24 }, "…"));
    if (many) {
      node.append(draw("text", { class: "count", x: 30, y: 32 }, ` ${extent}`));
      node.append(draw("text", { class: "more", x: WIDE - 21, y: 25 }, "⊕"));
      let x = 108;
      WORST.filter((state) => spot.counts[state]).forEach((state) => {
        const width = (WIDE - 138) * (spot.counts[state] / count);
        node.append(draw("rect", { class: `share ${classOf(state)}`, x, y: 26, width: Math.max(2, width), height: 5 }));
        x += width;
      });
    }
    node.addEventListener("click", () => { if (!moved) open(spot); });
    node.addEventListener("keydown", (event) => keys(event, spot));
    return node;
  };

  const redraw = () => {
    shown = seen();
    size = layOut(shown);
    $("edges").replaceChildren(...shown.edges.map((edge) => {
      edge.line = draw("path", { class: `edge${edge.count > 1 ? " many" : ""}`, d: pathOf(edge.way), "marker-end": "url(#tip)" });
      return edge.line;
    }));
    nodeOf.clear();
    const ordered = [...shown.spots.values()].sort((a, b) => {
      const one = size.items.get(a.id), other = size.items.get(b.id);
      return one.x - other.x || one.y - other.y;
    });
    $("nodes").replaceChildren(...ordered.map((spot) => {
      const node = box(spot, size.items.get(spot.id));
      nodeOf.set(spot.id, node);
      return node;
    }));
    groupButtons();
    mark();
  };

  const groupButtons = () => {
    const at = document.activeElement?.dataset?.group;
    const label = make("span", "quiet", "Open:");
    const buttons = groups.map((group, i) => {
      const count = members.get(group).length;
      const button = make("button", "", `${group} (${number.format(count)})`);
      button.type = "button";
      button.dataset.group = i;
      button.setAttribute("aria-pressed", String(!folded.has(group)));
      button.addEventListener("click", () => toggle(group));
      return button;
    });
    $("groups").replaceChildren(label, ...buttons);
    if (at !== undefined) buttons[at].focus();
  };
  const toggle = (group) => {
    if (!folded.delete(group)) folded.add(group);
    if (chosen && folded.has(tables.get(chosen).g)) close();
    redraw();
    fit();
  };

  // Moving and zooming.
  let at = { x: 0, y: 0, k: 1 }, moved = false;
  const place = () => view.setAttribute("transform", `translate(${at.x} ${at.y}) scale(${at.k})`);
  const fit = () => {
    const { width, height } = canvas.getBoundingClientRect();
    const k = Math.min(1.25, (width - 60) / size.width, (height - 70) / size.height);
    at = { k: Math.max(k, 0.03), x: 0, y: 0 };
    at.x = (width - size.width * at.k) / 2;
    at.y = (height - size.height * at.k) / 2;
    place();
  };
  const zoom = (by, x, y) => {
    const k = Math.min(4, Math.max(0.03, at.k * by));
    at = { k, x: x - (x - at.x) * (k / at.k), y: y - (y - at.y) * (k / at.k) };
    place();
  };
  const middle = () => {
    const { width, height } = canvas.getBoundingClientRect();
    return [width / 2, height / 2];
  };
  const bring = (id) => {
    const item = size.items.get(id);
    const { width, height } = canvas.getBoundingClientRect();
    const x = at.x + item.x * at.k, y = at.y + item.y * at.k;
    const small = at.k < 0.6;
    if (!small && x > 10 && y > 10 && x + WIDE * at.k < width - 10 && y + HIGH * at.k < height - 10) return;
    if (small) at.k = 0.9;
    at.x = width / 2 - (item.x + WIDE / 2) * at.k;
    at.y = height / 2 - (item.y + HIGH / 2) * at.k;
    place();
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const frame = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)), event.clientX - frame.left, event.clientY - frame.top);
  }, { passive: false });
  let grip = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    grip = { x: event.clientX - at.x, y: event.clientY - at.y, from: [event.clientX, event.clientY] };
    moved = false;
  });
  window.addEventListener("pointermove", (event) => {
    if (!grip) return;
    if (!moved && Math.hypot(event.clientX - grip.from[0], event.clientY - grip.from[1]) < 4) return;
    moved = true;
    canvas.classList.add("moving");
    at.x = event.clientX - grip.x;
    at.y = event.clientY - grip.y;
    place();
  });
  window.addEventListener("pointerup", () => {
    grip = null;
    canvas.classList.remove("moving");
  });
  canvas.addEventListener("click", (event) => {
    if (!moved && !event.target.closest(".node")) close();
  });
  $("in").addEventListener("click", () => zoom(1.3, ...middle()));
  $("out").addEventListener("click", () => zoom(1 / 1.3, ...middle()));
  $("fit").addEventListener("click", fit);

  // What is chosen, with all that leads to it and all that comes of it.
  const reach = (name, next) => {
    const found = new Set(), waiting = [name];
    while (waiting.length) {
      for (const one of tables.get(waiting.pop())[next]) {
        if (!found.has(one)) {
          found.add(one);
          waiting.push(one);
        }
      }
    }
    return found;
  };
  const mark = () => {
    view.classList.toggle("choosing", chosen !== null);
    if (chosen === null) {
      nodeOf.forEach((node) => node.classList.remove("near", "chosen"));
      shown.edges.forEach((edge) => edge.line.classList.remove("near"));
      return;
    }
    const up = new Set([chosen, ...reach(chosen, "i")].map(placeOf));
    const down = new Set([chosen, ...reach(chosen, "out")].map(placeOf));
    nodeOf.forEach((node, id) => {
      node.classList.toggle("near", up.has(id) || down.has(id));
      node.classList.toggle("chosen", id === placeOf(chosen));
    });
    shown.edges.forEach((edge) => {
      const near = (up.has(edge.from) && up.has(edge.to)) || (down.has(edge.from) && down.has(edge.to));
      edge.line.classList.toggle("near", near);
    });
  };
  const open = (spot) => {
    if (spot.group !== undefined) {
      const first = members.get(spot.group)[0].n;
      toggle(spot.group);
      nodeOf.get(`t${first}`)?.focus({ preventScroll: true });
    } else choose(spot.name);
  };
  const choose = (name, focus) => {
    const group = tables.get(name).g;
    if (folded.has(group)) {
      folded.delete(group);
      redraw();
    }
    chosen = name;
    const wasHidden = $("panel").hidden;
    $("panel").hidden = false;
    about(tables.get(name));
    mark();
    if (wasHidden || focus) bring(placeOf(name));
    if (focus) nodeOf.get(placeOf(name)).focus({ preventScroll: true });
    history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  };
  const close = () => {
    if (chosen === null) return;
    chosen = null;
    $("panel").hidden = true;
    mark();
    history.replaceState(null, "", "#");
  };
  $("close").addEventListener("click", () => {
    const id = placeOf(chosen);
    close();
    nodeOf.get(id)?.focus({ preventScroll: true });
  });

  const CODE = new Set(["fingerprint", "data version", "run", "file", "function", "contract", "path"]);
  const APART = new Set(["state", "why", "error", "title", "description"]);
  const about = (node) => {
    const facts = new Map(node.f);
    const parts = [make("h2", "", node.n)];
    if (facts.has("title")) parts.push(make("div", "", facts.get("title")));
    const state = make("span", `state ${classOf(node.s)}`, `${data.marks[node.s]} ${facts.get("state") || labelOf(node.s)}`);
    parts.push(state);
    if (node.s === "failed" && facts.get("contract state") === "failed") state.textContent += ", contract failed";
    if (facts.has("why")) parts.push(make("div", "words", facts.get("why")));
    if (facts.has("error")) parts.push(make("div", "error", facts.get("error")));
    if (facts.has("description")) parts.push(make("div", "words", facts.get("description")));
    const list = make("dl");
    for (const [label, text] of [["group", node.g], ...node.f]) {
      if (APART.has(label)) continue;
      const row = make("div");
      row.append(make("dt", "", label), make("dd", CODE.has(label) ? "code" : "", text));
      list.append(row);
    }
    parts.push(list, ...links("Made from", node.i), ...links("Read by", node.out));
    parts.forEach((part) => { part.dir = "auto"; });
    $("about").replaceChildren(...parts);
  };
  const links = (title, names) => {
    if (!names.length) return [];
    const list = make("ul", "links");
    names.forEach((name) => {
      const item = make("li");
      const button = make("button", "", `${data.marks[tables.get(name).s]} ${name}`);
      button.type = "button";
      button.addEventListener("click", () => choose(name, true));
      item.append(button);
      list.append(item);
    });
    return [make("h3", "", `${title} (${number.format(names.length)})`), list];
  };

  // Left and right follow the lines, up and down go to the next in the column.
  const keys = (event, spot) => {
    const beside = (step) => {
      const here = size.items.get(spot.id);
      return [...size.items.values()]
        .filter((one) => one.x === here.x && (one.y - here.y) * step > 0)
        .sort((a, b) => (a.y - b.y) * step)[0]?.id;
    };
    const to = {
      ArrowLeft: () => spot.inputs[0], ArrowRight: () => spot.out[0],
      ArrowUp: () => beside(-1), ArrowDown: () => beside(1),
    }[event.key];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      open(spot);
    } else if (to) {
      event.preventDefault();
      const id = to();
      if (id) {
        bring(id);
        nodeOf.get(id).focus({ preventScroll: true });
      }
    }
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.tagName === "INPUT";
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      $("search").focus();
    } else if (event.key === "Escape") {
      if (!$("results").hidden || typing) clear();
      else close();
    } else if (!typing && (event.key === "+" || event.key === "-")) zoom(event.key === "+" ? 1.3 : 1 / 1.3, ...middle());
    else if (!typing && event.key === "0") fit();
  });

  // Finding.
  const LISTED = 30;
  const clear = () => {
    $("search").value = "";
    search();
  };
  const search = () => {
    const words = $("search").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const text = (node) => [node.n, node.g, node.s, ...node.f.filter(([l]) => l === "title" || l === "description").map(([, t]) => t)].join(" ").toLowerCase();
    const hits = words.length ? data.nodes.filter((node) => words.every((word) => text(node).includes(word))) : [];
    hits.sort((a, b) => Number(b.n.toLowerCase().includes(words[0])) - Number(a.n.toLowerCase().includes(words[0])));
    $("results").replaceChildren(...hits.slice(0, LISTED).map((node) => {
      const item = make("li");
      const button = make("button");
      button.type = "button";
      button.append(make("span", "", data.marks[node.s]), make("bdi", "", node.n), make("small", "", node.g));
      button.addEventListener("click", () => {
        clear();
        choose(node.n, true);
      });
      item.append(button);
      return item;
    }));
    $("results").hidden = !hits.length;
    $("found").textContent = words.length ? `${hits.length} found` : "";
  };
  $("search").addEventListener("input", search);
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") $("results").querySelector("button")?.focus();
  });
  $("results").addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = [...$("results").querySelectorAll("button")];
    const next = all[all.indexOf(document.activeElement) + step];
    (next || $("search")).focus();
  });
  $("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    $("results").querySelector("button")?.click();
  });

  $("states").replaceChildren(...Object.keys(data.marks).flatMap((state) => {
    const count = data.nodes.filter((node) => node.s === state).length;
    const words = `${data.marks[state]} ${number.format(count)} ${labelOf(state)}${state === "file" && count > 1 ? "s" : ""}`;
    return count ? [make("li", classOf(state), words)] : [];
  }));
  // On paper: every table, the whole drawing on one page, and the same as text.
  let before = null;
  window.addEventListener("beforeprint", () => {
    before = { at: { ...at }, folded: [...folded] };
    folded.clear();
    redraw();
    view.removeAttribute("transform");
    svg.setAttribute("viewBox", `-20 -20 ${size.width + 40} ${size.height + 40}`);
    $("printed").replaceChildren(...data.nodes.map((node) => {
      const from = tables.get(node.n).i;
      const made = from.length ? `, made from ${from.join(", ")}` : "";
      const item = make("li", "", `${data.marks[node.s]} ${node.n} (${node.g}, ${labelOf(node.s)})${made}`);
      item.dir = "auto";
      return item;
    }));
    $("printed").hidden = false;
  });
  window.addEventListener("afterprint", () => {
    if (!before) return;
    $("printed").hidden = true;
    svg.removeAttribute("viewBox");
    before.folded.forEach((group) => folded.add(group));
    at = before.at;
    before = null;
    redraw();
    place();
  });

  redraw();
  fit();
  const wanted = decodeURIComponent(location.hash.slice(1));
  if (tables.has(wanted)) choose(wanted, true);
})();
