// Which colours: those of the system, unless somebody has chosen others here. Before the page is drawn.
"use strict";
(() => {
  const kept = localStorage.getItem("headgate-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
