// Keys for those who live in the inbox. Everything works without this file.
"use strict";
(() => {
  const rows = () => Array.from(document.querySelectorAll("a.row"));

  const move = (step) => {
    const all = rows();
    if (all.length === 0) return;
    const focused = all.indexOf(document.activeElement);
    const chosen = all.findIndex((row) => row.hasAttribute("aria-current"));
    const from = focused >= 0 ? focused : chosen;
    const to = Math.min(Math.max(from + step, 0), all.length - 1);
    all[to].focus({ preventScroll: true });
    all[to].scrollIntoView({ block: "nearest" });
  };

  const help = () => {
    const dialog = document.getElementById("keys");
    if (!dialog) return;
    if (dialog.open) dialog.close();
    else dialog.showModal();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = event.target instanceof Element && event.target.closest("input, textarea, select");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const dialog = document.getElementById("keys");
    if (dialog && dialog.open && event.key !== "?") return;
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "o") {
      const row = document.activeElement;
      if (row instanceof HTMLAnchorElement && row.classList.contains("row")) row.click();
    } else if (event.key === "/") {
      const box = document.getElementById("q");
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "?") help();
  });
})();
