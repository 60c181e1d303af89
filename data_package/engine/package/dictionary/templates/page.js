"use strict";
(() => {
  const data = JSON.parse(document.querySelector('script[type="application/json"]').textContent);
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
  const idOf = (t, f) => `${data.tables[t].address}.${encodeURIComponent(data.tables[t].fields[f].n)}`;
  const countText = (count) => (count === null ? "not shown" : number.format(count));
  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  // Files lie beside the page where it is a file in a folder; `data-package ui` serves it alone.
  const beside = /(\.html?|\/)$/.test(location.pathname);

  const spots = new Map();
  data.tables.forEach((table, t) => {
    spots.set(table.address, [t]);
    table.fields.forEach((_, f) => spots.set(idOf(t, f), [t, f]));
  });
  const named = new Map();
  data.tables.forEach((table, t) => {
    named.set(JSON.stringify([table.name]), [t]);
    table.fields.forEach((field, f) => named.set(JSON.stringify([table.name, field.n]), [t, f]));
  });
  const spotOf = (hash) => {
    if (spots.has(hash)) return spots.get(hash);
    const typed = decoded(hash);
    for (const [t, table] of data.tables.entries()) {
      if (typed === table.name) return [t];
      if (!typed.startsWith(`${table.name}.`)) continue;
      const found = named.get(JSON.stringify([table.name, typed.slice(table.name.length + 1)]));
      if (found) return found;
    }
    return null;
  };
  const addressOf = (t, f) => (f === undefined ? data.tables[t].address : idOf(t, f));
  const linkTo = (names, text) => {
    const found = named.get(JSON.stringify(names));
    const node = make(found ? "a" : "span", "", text);
    if (found) node.href = `#${addressOf(...found)}`;
    return node;
  };
  const listed = (label, nodes, more) => {
    const line = make("p", "example", `${label}: `);
    line.dir = "auto";
    nodes.forEach((node, i) => line.append(...(i ? [", ", node] : [node])));
    if (more) line.append(` and ${number.format(more)} more`);
    return line;
  };

  const histogram = (plot, name) => {
    const wide = 320, high = 74, foot = 18;
    const svg = draw("svg", { viewBox: `0 0 ${wide} ${high + foot}`, role: "img" });
    svg.setAttribute("aria-label", `Subjects by ${name}: ` +
      plot.l.map((label, i) => `${label}, ${countText(plot.v[i])}`).join("; "));
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
      title.textContent = `${plot.l[i]}: ${countText(value)}`;
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
      item.append(name, svg, make("span", "count", countText(value)));
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
    const own = make("a", "own");
    own.href = `#${idOf(t, f)}`;
    own.append(code);
    head.append(own);
    if (item.t) {
      const title = make("span", "title", item.t);
      title.dir = "auto";
      head.append(" ", title);
    }
    const meta = make("ul", "meta");
    meta.append(make("li", "type", item.y));
    (item.b || []).forEach((badge) => meta.append(make("li", badge === "primary key" ? "key" : "", badge)));
    if (item.s) meta.append(make("li", "unit", item.s));
    (item.f || []).forEach((target) => {
      const badge = make("li", "key");
      badge.append(linkTo(target, `→ ${target.join(".")}`));
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
    if (item.u) main.append(listed("Used by", item.u.map((one) => linkTo(one, one.join("."))), item.more));
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
    const body = tables[t].querySelector(":scope > .body");
    if (!shownOf.has(t)) {
      if (table.words) body.append(words(table.words));
      if (table.origin) body.append(words(table.origin, "words quiet"));
      if (table.users.length) body.append(listed("Used by", table.users.map((one) => linkTo([one], one))));
      if (beside && table.files.length) body.append(listed("Download", table.files.map(([kind, path]) => {
        const link = make("a", "", kind);
        link.href = path;
        link.download = "";
        return link;
      })));
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
    const spot = hash.replace(/^#/, "");
    const [t, f] = spotOf(spot) || [];
    if (t === undefined) {
      // What the script has put above a section has moved it.
      document.getElementById(spot)?.scrollIntoView();
      return;
    }
    tables[t].open = true;
    document.querySelectorAll(".field.found").forEach((one) => one.classList.remove("found"));
    if (f === undefined) {
      tables[t].scrollIntoView();
      return;
    }
    grow(t, f + 20);
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
    { name: table.name, place: table.title, hash: `#${table.address}`, text: `${table.name}\n${table.title || ""}\n${table.words || ""}`.toLowerCase() },
    ...table.fields.map((item, f) => ({
      name: item.n, place: `${table.name}${item.t ? ` · ${item.t}` : ""}`, hash: `#${idOf(t, f)}`,
      text: [item.n, item.t, item.d, ...(item.c || [])].join("\n").toLowerCase(),
    })),
  ]);
  const box = document.getElementById(".search");
  const results = document.getElementById(".results");
  const found = document.getElementById(".found");
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
  document.getElementById(".search-form").addEventListener("submit", (event) => {
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

  const everything = data.tables.flatMap((table, t) => table.fields.map((item, f) => {
    const missing = item.m || "not shown";
    const share = /(\d+) %/.exec(missing);
    return {
      t, f, name: item.n, title: item.t || "", type: item.y, unit: item.s || "", missing, table: table.name,
      share: missing === "none" ? 0 : share ? Number(share[1]) : Infinity,
      text: [item.n, item.t, item.s, table.name].join("\n").toLowerCase(),
    };
  }));
  const COLUMNS = [["name", "Name"], ["title", "Title"], ["type", "Type"], ["unit", "Unit"], ["missing", "Missing"], ["table", "Table"]]
    .filter(([key]) => everything.some((one) => one[key]));
  const order = new Intl.Collator("en", { numeric: true });
  const variables = () => {
    const ROWS = 25;
    let by = "", down = false, upTo = ROWS;
    const picked = (label, name) => {
      const select = make("select");
      select.id = `.variables-${name}`;
      select.append(new Option("all", ""));
      [...new Set(everything.map((one) => one[name]))].sort(order.compare)
        .forEach((value) => select.append(new Option(value, value)));
      return control(label, select);
    };
    const control = (label, node) => {
      const holder = make("p");
      const text = make("label", "", label);
      text.htmlFor = node.id;
      holder.append(text, node);
      return holder;
    };
    const words = make("input");
    words.id = ".variables-words";
    words.type = "search";
    words.autocomplete = "off";
    words.spellcheck = false;
    const controls = make("div", "controls");
    controls.append(control("Name, title or table", words), picked("Type", "type"), picked("Table", "table"));
    const [type, table] = controls.querySelectorAll("select");
    const count = make("p", "quiet");
    count.setAttribute("role", "status");
    const region = make("div", "scroll");
    region.tabIndex = 0;
    region.setAttribute("role", "region");
    region.setAttribute("aria-label", "Variables, table");
    const sheet = make("table");
    const head = make("tr");
    const body = make("tbody");
    COLUMNS.forEach(([key, label]) => {
      const cell = make("th");
      cell.scope = "col";
      const button = make("button", "sort", label);
      button.type = "button";
      button.addEventListener("click", () => {
        down = by === key && !down;
        by = key;
        head.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        show();
      });
      cell.append(button);
      head.append(cell);
    });
    const top = make("thead");
    top.append(head);
    sheet.append(top, body);
    region.append(sheet);
    const more = make("button");
    more.type = "button";
    more.addEventListener("click", () => {
      const first = upTo;
      upTo *= 4;
      show();
      body.rows[first]?.querySelector("a").focus();
    });
    const row = (one) => {
      const line = make("tr");
      COLUMNS.forEach(([key]) => {
        const cell = make(key === "name" ? "th" : "td");
        if (key === "name") {
          cell.scope = "row";
          cell.append(linkTo([one.table, one.name], one.name));
        } else if (key === "table") cell.append(linkTo([one.table], one.table));
        else cell.textContent = one[key];
        if (key === "table") cell.className = "mono";
        cell.dir = "auto";
        line.append(cell);
      });
      return line;
    };
    const show = () => {
      const wanted = words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const kept = everything.filter((one) => (!type.value || one.type === type.value) &&
        (!table.value || one.table === table.value) && wanted.every((word) => one.text.includes(word)));
      const sign = down ? -1 : 1;
      if (by) kept.sort((a, b) => sign * (by === "missing"
        ? (a.share === b.share ? order.compare(a.missing, b.missing) : a.share - b.share)
        : order.compare(a[by], b[by])));
      body.replaceChildren(...kept.slice(0, upTo).map(row));
      count.textContent = kept.length === everything.length
        ? `${number.format(kept.length)} ${kept.length === 1 ? "variable" : "variables"}`
        : `${number.format(kept.length)} of ${number.format(everything.length)} variables`;
      more.hidden = kept.length <= upTo;
      more.textContent = `Show more variables (${number.format(kept.length - upTo)} left)`;
    };
    [words, type, table].forEach((node) => node.addEventListener("input", () => {
      upTo = ROWS;
      show();
    }));
    document.querySelector(".variables").append(controls, count, region, more);
    show();
  };
  variables();

  const checked = (t) => {
    const sheet = make("table");
    const top = make("thead");
    const head = make("tr");
    ["Rule", "Number", "For"].forEach((label, i) => {
      const cell = make("th", i === 1 ? "number" : "", label);
      cell.scope = "col";
      head.append(cell);
    });
    top.append(head);
    const body = make("tbody");
    data.tables[t].rules.forEach(([name, count, what]) => {
      const line = make("tr");
      const rule = make("th", "", name);
      rule.scope = "row";
      const whom = make("td", "breaks", what);
      whom.dir = "auto";
      line.append(rule, make("td", "number", number.format(count)), whom);
      body.append(line);
    });
    sheet.append(top, body);
    return sheet;
  };
  document.querySelectorAll("details.rules").forEach((node) => {
    node.fill = () => {
      if (node.childElementCount === 1) node.append(checked(Number(node.dataset.table)));
    };
    node.addEventListener("toggle", () => {
      if (node.open) node.fill();
    });
  });
  if (!beside) document.querySelectorAll(".downloads").forEach((node) => { node.hidden = true; });

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
