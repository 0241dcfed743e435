// Keys and live updates for those who live in the inbox. Everything works without this file.
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

  const follow = (link) => {
    const anchor = document.querySelector(link);
    if (anchor) anchor.click();
  };

  // The next sentiment after the current one.
  const correct = () => {
    const all = Array.from(document.querySelectorAll(".correct button[aria-pressed]"));
    if (all.length === 0) return;
    const now = all.findIndex((button) => button.getAttribute("aria-pressed") === "true");
    all[(now + 1) % all.length].focus();
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
    } else if (event.key === "n") follow(".new:not([hidden]) a");
    else if (event.key === "s") correct();
    else if (event.key === "/") {
      const box = document.getElementById("q");
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "?") help();
  });

  // New mentions wait behind a link: nothing moves under the cursor.
  const waiting = document.querySelector("[data-live]");
  if (waiting && "EventSource" in window) {
    const link = waiting.querySelector("a");
    let count = 0;
    const stream = new EventSource(waiting.dataset.live);
    stream.addEventListener("open", () => waiting.setAttribute("data-open", ""));
    stream.addEventListener("mention", () => {
      count += 1;
      link.textContent = count === 1 ? "1 new mention" : `${count} new mentions`;
      waiting.hidden = false;
      document.title = `(${count}) ${document.title.replace(/^\(\d+\) /, "")}`;
    });
    window.addEventListener("pagehide", () => stream.close());
  }
})();
