// Draws the charts of a page from their tables: what a picture shows is what its table says.
"use strict";
(() => {
  const drawn = new WeakMap();
  const NAMED = { good: "--c-good", bad: "--c-bad", p50: "--c1", p95: "--c2", p99: "--c4", cost: "--c3", rest: "--c-rest", limit: "--c-bad", satisfied: "--c3", bound: "--c-rest", in: "--c1", out: "--c2" };
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (key, n) => css(NAMED[key] || `--c${(n % 7) + 1}`);

  const short = (value) => {
    const size = Math.abs(value);
    if (size >= 1e9) return `${+(value / 1e9).toPrecision(3)}B`;
    if (size >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
    if (size >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
    return `${+value.toPrecision(3)}`;
  };
  const SHOW = {
    count: short,
    usd: (value) => (value && Math.abs(value) < 0.01 ? `$${+value.toPrecision(2)}` : `$${short(value)}`),
    ms: (value) => (value >= 1000 ? `${+(value / 1000).toPrecision(3)} s` : `${+value.toPrecision(3)} ms`),
    share: (value) => `${+(value * 100).toPrecision(3)} %`,
  };

  // A tick of the time axis, in UTC: days by their date, and what is within a day by its time.
  function when(seconds, apart) {
    const iso = new Date(seconds * 1000).toISOString();
    const day = `${+iso.slice(8, 10)} ${"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ")[+iso.slice(5, 7) - 1]}`;
    if (apart >= 27 * 86400) return iso.slice(0, 7);
    return apart >= 86400 || iso.slice(11, 16) === "00:00" ? day : iso.slice(11, 16);
  }

  function read(figure) {
    const table = figure.querySelector("table");
    const heads = [...table.tHead.rows[0].cells].slice(1);
    const data = [[], ...heads.map(() => [])];
    const told = [];
    for (const row of table.tBodies[0].rows) {
      data[0].push(+row.dataset.t);
      told.push(row.cells[0].textContent);
      heads.forEach((_, n) => {
        const cell = row.cells[n + 1].dataset.v;
        data[n + 1].push(cell === undefined ? null : +cell);
      });
    }
    return { data, told, names: heads.map((head) => head.textContent), keys: heads.map((head) => head.dataset.key), table };
  }

  // Each band begins where the one below it ends; the topmost is drawn first, so that all are seen.
  function stacked(data) {
    const sums = data[0].map(() => 0);
    return [data[0], ...data.slice(1).map((values) => values.map((value, at) => (sums[at] += value || 0)))];
  }

  function draw(figure) {
    const place = figure.querySelector(".plot");
    if (!place) return;
    const { data, told, names, keys, table } = read(figure);
    if (!data[0].length) return;
    const show = SHOW[figure.dataset.kind];
    const style = figure.dataset.style;
    const bands = style !== "line";
    const plotted = style === "stack" ? stacked(data) : data;
    const order = names.map((_, n) => n);
    if (style === "stack") order.reverse();
    const few = (values) => values.filter((value) => value != null).length < 3; // which make no line, or hardly one
    const step = data[0].length > 1 ? data[0][1] - data[0][0] : 60;
    const font = `12px ${css("--font")}`;
    const axis = { stroke: css("--soft"), font, grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    place.replaceChildren();

    const paths = bands ? uPlot.paths.bars({ size: [0.86, 40], align: 1 }) : uPlot.paths.linear();
    const chart = new uPlot(
      {
        width: Math.max(200, place.clientWidth),
        height: 190,
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
        legend: { show: false },
        padding: [10, 22, 0, 0],
        cursor: { sync: { key: "headgate" }, points: { show: !bands, size: 7 }, drag: { x: true, y: false, setScale: false } },
        scales: {
          x: { time: true, range: () => [data[0][0], data[0][data[0].length - 1] + (bands ? step : 0)] },
          y: { range: (_, least, most) => [0, (most || 1) * 1.08] },
        },
        axes: [
          { ...axis, space: 62, size: 24, values: (_, ticks) => ticks.map((tick) => when(tick, ticks[1] - ticks[0])) },
          { ...axis, size: 62, space: 34, values: (_, ticks) => ticks.map((tick) => (figure.dataset.kind === "count" && tick % 1 ? "" : show(tick))) },
        ],
        series: [
          {},
          ...order.map((n) => ({
            label: names[n],
            stroke: colour(keys[n], n),
            fill: bands ? colour(keys[n], n) : undefined,
            width: bands ? 0 : 1.8,
            dash: ["limit", "bound"].includes(keys[n]) ? [7, 5] : undefined,
            points: { show: !bands && few(data[n + 1]) },
            paths,
            spanGaps: true,
          })),
        ],
        hooks: {
          setCursor: [
            (self) => {
              const at = self.cursor.idx;
              if (at == null || self.cursor.left < 0) {
                tip.hidden = true;
                return;
              }
              const lines = names.map((name, n) => {
                const line = document.createElement("div");
                const mark = document.createElement("i");
                mark.className = "swatch";
                mark.style.background = colour(keys[n], n);
                const value = document.createElement("b");
                value.textContent = table.tBodies[0].rows[at].cells[n + 1].textContent;
                line.append(mark, name.length > 40 ? `${name.slice(0, 40)}…` : name, value);
                return line;
              });
              const head = document.createElement("div");
              head.className = "at";
              head.textContent = `${told[at]} UTC`;
              tip.replaceChildren(head, ...lines);
              tip.hidden = false;
              const right = self.cursor.left > self.over.clientWidth / 2;
              tip.style.left = right ? "auto" : `${self.cursor.left + 14}px`;
              tip.style.right = right ? `${self.over.clientWidth - self.cursor.left + 14}px` : "auto";
            },
          ],
          setSelect: [
            (self) => {
              if (self.select.width < 8) return;
              const from = self.posToVal(self.select.left, "x");
              const to = self.posToVal(self.select.left + self.select.width, "x");
              self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
              zoom(from, Math.max(to, from + 60));
            },
          ],
        },
      },
      [plotted[0], ...order.map((n) => plotted[n + 1])],
      place,
    );
    chart.over.append(tip);
    chart.root.setAttribute("aria-hidden", "true");
    drawn.set(place, chart);
  }

  // What is dragged over becomes the page's time.
  function zoom(from, to) {
    const url = new URL(location.href);
    const written = (seconds) => `${new Date(Math.floor(seconds / 60) * 60000).toISOString().slice(0, 16)}`;
    url.searchParams.set("range", "custom");
    url.searchParams.set("from", written(from));
    url.searchParams.set("to", written(to + 59));
    for (const name of ["step", "refresh", "cursor"]) url.searchParams.delete(name);
    location.assign(url);
  }

  function legends(root) {
    for (const mark of root.querySelectorAll(".legend .swatch")) mark.style.background = colour(mark.dataset.key, +mark.dataset.n);
  }

  function all(root = document) {
    for (const figure of root.querySelectorAll("figure.chart")) draw(figure);
    legends(root);
  }

  new MutationObserver(() => all()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => all());
  let due = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(due);
    due = requestAnimationFrame(() => {
      for (const place of document.querySelectorAll(".plot")) {
        const chart = drawn.get(place);
        if (chart && place.clientWidth) chart.setSize({ width: place.clientWidth, height: 190 });
      }
    });
  });
  document.addEventListener("htmx:afterSettle", () => all());
  all();
})();
