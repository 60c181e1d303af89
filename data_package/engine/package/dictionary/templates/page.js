"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const CHUNK = 150;
  const SVG = "http://www.w3.org/2000/svg";
  const number = new Intl.NumberFormat("en");

  const make = (name, className, text) => {
    const node = document.createElement(name);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  };
  const draw = (name, attributes) => {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const words = (text, className) => {
    const node = make("div", className || "words");
    node.dir = "auto";
    node.textContent = text;
    return node;
  };
  const idOf = (table, field) => `field-${table}-${field}`;
  const told = (count) => (count === null ? "not shown" : number.format(count));

  const places = new Map();
  data.tables.forEach((table, t) => {
    table.fields.forEach((field, f) => places.set(JSON.stringify([table.name, field.n]), [t, f]));
  });
  const placeOf = (reference) => {
    for (const [t, table] of data.tables.entries()) {
      if (!reference.startsWith(table.name + ".")) continue;
      const place = places.get(JSON.stringify([table.name, reference.slice(table.name.length + 1)]));
      if (place) return [t, place[1]];
    }
    return null;
  };

  const histogram = (plot, name) => {
    const wide = 320, high = 74, foot = 18;
    const svg = draw("svg", { viewBox: `0 0 ${wide} ${high + foot}`, role: "img" });
    svg.setAttribute("aria-label", `Subjects by ${name}: ` +
      plot.l.map((label, i) => `${label}, ${told(plot.v[i])}`).join("; "));
    const most = Math.max(...plot.v.filter((v) => v !== null), 1);
    const step = wide / plot.v.length;
    plot.v.forEach((value, i) => {
      const bar = value === null
        ? { class: "hidden-bar", height: 22 }
        : { class: "fill", height: Math.max(1.5, (value / most) * (high - 6)) };
      const rect = draw("rect", {
        ...bar, x: i * step + 1.5, width: Math.max(1, step - 3), y: high - bar.height, rx: 1.5,
      });
      const title = draw("title", {});
      title.textContent = `${plot.l[i]}: ${told(value)}`;
      rect.append(title);
      svg.append(rect);
    });
    svg.append(draw("line", { class: "axis", x1: 0, x2: wide, y1: high + 0.5, y2: high + 0.5 }));
    const first = draw("text", { x: 0, y: high + 14 });
    first.textContent = plot.l[0];
    const last = draw("text", { x: wide, y: high + 14, "text-anchor": "end" });
    last.textContent = plot.l[plot.l.length - 1];
    svg.append(first, last);
    return svg;
  };

  const bars = (plot) => {
    const list = make("ul", "bars");
    const most = Math.max(...plot.v.filter((v) => v !== null), 1);
    plot.l.forEach((label, i) => {
      const item = make("li");
      const name = make("span", "label", label);
      name.dir = "auto";
      name.title = label;
      const svg = draw("svg", { viewBox: "0 0 100 12", preserveAspectRatio: "none" });
      svg.setAttribute("aria-hidden", "true");
      const value = plot.v[i];
      svg.append(value === null
        ? draw("rect", { class: "hidden-bar", x: 1, y: 1, width: 26, height: 10 })
        : draw("rect", { class: "fill", x: 0, y: 0, width: Math.max(0.8, (value / most) * 100), height: 12 }));
      item.append(name, svg, make("span", "count", told(value)));
      list.append(item);
    });
    return list;
  };

  const barPlot = (plot) => {
    if (plot.l.length <= 10) return bars(plot);
    const node = make("details");
    node.append(make("summary", "", `${plot.l.length} categories`));
    node.fill = () => {
      if (node.childElementCount === 1) node.append(bars(plot));
    };
    node.addEventListener("toggle", () => {
      if (node.open) node.fill();
    });
    return node;
  };

  const missing = (text) => {
    const line = make("p", "share");
    const svg = draw("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none" });
    svg.setAttribute("aria-hidden", "true");
    const share = /(\d+) %/.exec(text);
    svg.append(draw("rect", { class: "whole", width: 100, height: 10, rx: 3 }));
    if (share) svg.append(draw("rect", { class: "part", width: share[1], height: 10, rx: 3 }));
    if (share) line.append(svg);
    line.append(make("span", "", text === "none" ? "none missing" : `missing: ${text}`));
    return line;
  };

  const field = (item, t, f) => {
    const node = make("article", "field");
    node.id = idOf(t, f);
    node.tabIndex = -1;
    const main = make("div");
    const head = make("h4");
    const code = make("code", "", item.n);
    code.dir = "auto";
    head.append(code);
    if (item.t) {
      const title = make("span", "title", item.t);
      title.dir = "auto";
      head.append(" ", title);
    }
    const meta = make("ul", "meta");
    meta.append(make("li", "type", item.y));
    (item.b || []).forEach((badge) => meta.append(make("li", badge === "primary key" ? "key" : "", badge)));
    (item.f || []).forEach((reference) => {
      const badge = make("li", "key");
      const place = placeOf(reference);
      if (place) {
        const link = make("a", "", `→ ${reference}`);
        link.href = `#${idOf(...place)}`;
        badge.append(link);
      } else badge.textContent = `→ ${reference}`;
      meta.append(badge);
    });
    (item.r || []).forEach((rule) => {
      const one = make("li", "", rule);
      one.dir = "auto";
      meta.append(one);
    });
    main.append(head, meta);
    if (item.d) main.append(words(item.d));
    if (item.x) main.append(make("p", "example", `Example: ${item.x}`));
    if (item.o) {
      const origin = make("p", "example", `Made of: ${item.o}`);
      origin.dir = "auto";
      main.append(origin);
    }
    if (item.c) {
      const list = make("details");
      const many = item.c.length === 1 ? "1 category" : `${item.c.length} categories`;
      list.append(make("summary", "", many));
      const inside = make("ul");
      item.c.forEach((category) => {
        const one = make("li", "", category);
        one.dir = "auto";
        inside.append(one);
      });
      list.append(inside);
      main.append(list);
    }
    const side = make("div", "side");
    if (item.m) side.append(missing(item.m));
    if (item.p) side.append(item.p.k === "histogram" ? histogram(item.p, item.n) : barPlot(item.p));
    else if (item.w) side.append(make("p", "why", item.w));
    node.append(main, side);
    return node;
  };

  const shownOf = new Map();
  const grow = (t, upTo) => {
    const table = data.tables[t];
    const body = document.querySelector(`#table-${t} > .body`);
    if (!shownOf.has(t)) {
      if (table.words) body.append(words(table.words));
      if (table.origin) body.append(words(table.origin, "words quiet"));
      shownOf.set(t, 0);
    }
    const from = shownOf.get(t);
    const to = Math.min(table.fields.length, Math.max(upTo, from));
    if (to === from) return;
    body.querySelector(":scope > button")?.remove();
    const part = document.createDocumentFragment();
    for (let f = from; f < to; f += 1) part.append(field(table.fields[f], t, f));
    shownOf.set(t, to);
    if (to < table.fields.length) {
      const more = make("button", "", `Show more fields (${number.format(table.fields.length - to)} left)`);
      more.type = "button";
      more.addEventListener("click", () => {
        grow(t, to + CHUNK);
        document.getElementById(idOf(t, to))?.focus();
      });
      part.append(more);
      near.observe(more);
    }
    body.append(part);
  };
  const near = new IntersectionObserver((entries) => {
    entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
      near.unobserve(entry.target);
      const holder = entry.target.closest("details.table");
      if (holder && holder.open) {
        const t = Number(holder.dataset.table);
        grow(t, (shownOf.get(t) || 0) + CHUNK);
      }
    });
  }, { rootMargin: "600px" });

  const tables = [...document.querySelectorAll("details.table")];
  tables.forEach((node, t) => node.addEventListener("toggle", () => {
    if (node.open) grow(t, CHUNK);
  }));

  const go = (hash) => {
    const found = /^#field-(\d+)-(\d+)$/.exec(hash);
    const table = /^#table-(\d+)$/.exec(hash);
    if (table && tables[table[1]]) tables[table[1]].open = true;
    if (!found || !data.tables[found[1]]?.fields[found[2]]) return;
    const t = Number(found[1]), f = Number(found[2]);
    tables[t].open = true;
    grow(t, f + 20);
    document.querySelectorAll(".field.found").forEach((one) => one.classList.remove("found"));
    const node = document.getElementById(idOf(t, f));
    node.classList.add("found");
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
  };
  window.addEventListener("hashchange", () => go(location.hash));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (link && link.hash === location.hash) go(link.hash);
  });

  const entries = data.tables.flatMap((table, t) => [
    { name: table.name, place: table.title, hash: `#table-${t}`, text: `${table.name}\n${table.title || ""}\n${table.words || ""}`.toLowerCase() },
    ...table.fields.map((item, f) => ({
      name: item.n, place: `${table.name}${item.t ? ` · ${item.t}` : ""}`, hash: `#${idOf(t, f)}`,
      text: [item.n, item.t, item.d, ...(item.c || [])].join("\n").toLowerCase(),
    })),
  ]);
  const box = document.getElementById("search");
  const results = document.getElementById("results");
  const found = document.getElementById("found");
  const LISTED = 60;
  const search = () => {
    const wanted = box.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    results.replaceChildren();
    results.hidden = wanted.length === 0;
    if (!wanted.length) {
      found.textContent = "";
      return;
    }
    const hits = entries.filter((entry) => wanted.every((word) => entry.text.includes(word)));
    const rank = (entry) => (entry.name.toLowerCase() === wanted[0] ? 0 : entry.name.toLowerCase().includes(wanted[0]) ? 1 : 2);
    hits.sort((a, b) => rank(a) - rank(b));
    hits.slice(0, LISTED).forEach((entry) => {
      const item = make("li");
      const link = make("a");
      link.href = entry.hash;
      const name = make("bdi", "", entry.name);
      link.append(name);
      if (entry.place) {
        const place = make("small", "", entry.place);
        place.dir = "auto";
        link.append(place);
      }
      item.append(link);
      results.append(item);
    });
    results.hidden = hits.length === 0;
    const more = hits.length > LISTED ? `, the first ${LISTED} listed` : "";
    found.textContent = hits.length === 1 ? "1 match" : `${number.format(hits.length)} matches${more}`;
  };
  let waiting = 0;
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 60);
  });
  document.getElementById("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    search();
    results.querySelector("a")?.focus();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(input|textarea|select)$/i.test(event.target.tagName || "");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      box.focus();
    } else if (event.key === "Escape" && (event.target === box || results.contains(event.target))) {
      box.value = "";
      search();
      box.focus();
    }
  });

  const PRINTED = 2000;
  let folded = [];
  window.addEventListener("beforeprint", () => {
    let left = PRINTED;
    tables.forEach((node, t) => {
      node.open = true;
      const count = Math.min(left, data.tables[t].fields.length);
      grow(t, count);
      left -= count;
    });
    // Paper has nothing to unfold.
    folded = [...document.querySelectorAll("details:not([open])")];
    folded.forEach((node) => {
      if (node.fill) node.fill();
      node.open = true;
    });
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((node) => { node.open = false; });
    folded = [];
  });

  const few = data.tables.length === 1 || data.tables.reduce((sum, table) => sum + table.fields.length, 0) <= 60;
  if (few) tables.forEach((node) => { node.open = true; });
  if (location.hash) go(location.hash);
})();
