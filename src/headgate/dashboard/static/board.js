// What pages do beyond links and forms: colours, filters that act at once, following calls live, copying.
"use strict";
(() => {
  const said = (text) => {
    document.getElementById("status").textContent = text;
  };

  // ── colours ──
  const theme = document.getElementById("theme");
  const NEXT = { "": "light", light: "dark", dark: "" };
  const TOLD = { "": "as the system’s", light: "light", dark: "dark" };
  function show() {
    const now = document.documentElement.dataset.theme || "";
    theme.setAttribute("aria-label", `Colours: ${TOLD[now]}`);
    theme.title = `Colours: ${TOLD[now]}`;
    theme.textContent = { "": "◐", light: "○", dark: "●" }[now];
  }
  theme.hidden = false;
  show();
  theme.addEventListener("click", () => {
    const next = NEXT[document.documentElement.dataset.theme || ""];
    if (next) document.documentElement.dataset.theme = next;
    else delete document.documentElement.dataset.theme;
    if (next) localStorage.setItem("headgate-theme", next);
    else localStorage.removeItem("headgate-theme");
    show();
  });

  // ── filters: a change is a new URL ──
  function url(form) {
    const fields = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) fields.append(name, value);
    const query = fields.toString();
    return form.getAttribute("action") + (query ? `?${query}` : "");
  }
  let going = "";
  function go(form) {
    const place = url(form);
    if (place === going) return; // a field is changed and its form sent by one and the same key
    going = place;
    if (window.htmx === undefined) {
      location.assign(place);
      return;
    }
    document.getElementById("main").setAttribute("aria-busy", "true");
    htmx.ajax("GET", place, { target: "#main", select: "#main", selectOOB: "#firing", swap: "outerHTML show:none" }).then(() => {
      history.pushState(null, "", place);
      shown = location.pathname + location.search;
      going = "";
      said("Updated");
    });
  }
  document.addEventListener("change", (event) => {
    const form = event.target.closest && event.target.closest("form[data-live]");
    if (form && !(event.target.type || "").startsWith("datetime")) go(form);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-live]")) {
      event.preventDefault();
      go(event.target);
    }
  });
  let shown = location.pathname + location.search;
  addEventListener("popstate", () => {
    if (location.pathname + location.search !== shown) location.reload();
  });

  // What somebody has opened stays open when figures come anew.
  let open = [];
  document.addEventListener("htmx:beforeSwap", () => {
    open = [...document.querySelectorAll("details[open][id]")].map((each) => each.id);
  });
  document.addEventListener("htmx:afterSwap", () => {
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    ready();
  });
  document.addEventListener("htmx:responseError", () => {
    document.getElementById("main")?.removeAttribute("aria-busy");
    going = "";
    said("That could not be shown.");
  });

  // ── what comes while one looks ──
  let tail = null;
  const MOST = 200;
  const put = (place, html) => place.insertAdjacentHTML("afterbegin", html); // escaped where it was made
  const COMES = {
    call: (html) => {
      const rows = document.getElementById("rows");
      if (!rows) return;
      document.getElementById("none")?.remove();
      put(rows, html);
      rows.firstElementChild?.classList.add("new");
      while (rows.rows.length > MOST) rows.lastElementChild.remove();
    },
    standing: (html) => {
      const place = document.getElementById("standing");
      if (!place) return;
      const focused = place.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
      const opened = [...place.querySelectorAll("details[open]")].map((each) => each.id);
      place.replaceChildren();
      put(place, html);
      for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
      if (focused) [...place.querySelectorAll("a")].find((each) => each.getAttribute("href") === focused)?.focus();
    },
    firing: (number) => {
      const place = document.getElementById("firing");
      if (!place) return;
      place.replaceChildren();
      if (number === "0") return;
      const count = document.createElement("b");
      count.className = "count";
      count.textContent = number;
      const what = document.createElement("span");
      what.className = "hidden";
      what.textContent = " fire";
      count.append(what);
      place.append(" ", count);
    },
    said,
  };
  function follow(button) {
    tail = new EventSource(button.dataset.liveTail);
    for (const [name, act] of Object.entries(COMES)) tail.addEventListener(name, (event) => act(event.data));
    tail.addEventListener("error", () => {
      if (tail?.readyState === EventSource.CLOSED) leave("This cannot be followed now.");
    });
    following(button);
  }
  function leave(why) {
    if (tail) tail.close();
    tail = null;
    const button = document.getElementById("live");
    if (button) following(button);
    if (why) said(why);
  }
  function following(button) {
    button.setAttribute("aria-pressed", tail ? "true" : "false");
    button.textContent = tail ? "Following, stop" : "Follow live";
  }
  function turn(button) {
    if (tail) {
      leave("No longer following.");
    } else {
      follow(button);
      said("What is new is shown as it comes.");
    }
  }
  addEventListener("pagehide", () => leave());

  // ── copying ──
  async function copy(button) {
    const text = button.dataset.copy || document.getElementById(button.dataset.copyFrom).textContent;
    await navigator.clipboard.writeText(text);
    said("Copied");
    button.textContent = "Copied";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("button");
    if (!button) return;
    if (button.id === "live") turn(button);
    if (button.classList.contains("copy")) copy(button);
  });

  function ready() {
    leave();
    const live = document.getElementById("live");
    if (live) live.hidden = false;
    if (live && "liveAuto" in live.dataset) follow(live);
    if (navigator.clipboard) for (const each of document.querySelectorAll("button.copy")) each.hidden = false;
  }
  ready();

  // Where the pages do not all fit beside each other, the one that is shown is among those seen.
  const here = document.querySelector(".top nav [aria-current]");
  if (here) here.closest("ul").scrollLeft = here.offsetLeft - 24;
})();
