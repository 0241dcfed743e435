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

  const picks = () => Array.from(document.querySelectorAll(".pick input"));
  const picked = () => picks().filter((box) => box.checked);

  // Selects the mention that has the focus, else the one that is shown.
  const pick = () => {
    const all = rows();
    const row = all.includes(document.activeElement) ? document.activeElement : all.find((one) => one.hasAttribute("aria-current"));
    const box = row && row.parentElement.querySelector(".pick input");
    if (box) box.click();
  };

  const tell = () => {
    const place = document.querySelector("[data-picked]");
    if (place) place.textContent = String(picked().length);
  };
  for (const box of picks()) box.addEventListener("change", tell);
  tell();

  // Of those that are selected, else the next sentiment after the current one.
  const correct = () => {
    if (picked().length > 0) return document.querySelector(".bulk button").focus();
    const all = Array.from(document.querySelectorAll(".correct button[aria-pressed]"));
    if (all.length === 0) return;
    const now = all.findIndex((button) => button.getAttribute("aria-pressed") === "true");
    all[(now + 1) % all.length].focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = event.target instanceof Element && event.target.closest("input:not([type=checkbox]), textarea, select");
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
    else if (event.key === "x") pick();
    else if (event.key === "l") {
      const place = document.querySelector(".link input:not([type=hidden]), .link button");
      if (!place) return;
      event.preventDefault();
      place.focus();
    } else if (event.key === "Escape" && picked().length > 0) document.getElementById("bulk").reset();
    else if (event.key === "/") {
      const box = document.getElementById("q");
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "?") help();
  });

  // Completes the field or the value under the cursor. The list is fetched when somebody begins to type.
  const box = document.querySelector("#q[data-fields]");
  if (box) {
    const list = document.createElement("ul");
    list.id = "completions";
    list.className = "completions";
    list.setAttribute("role", "listbox");
    list.hidden = true;
    box.after(list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", "false"]]) box.setAttribute(name, value);
    let fields = null;
    let chosen = -1;

    // Where the word under the cursor begins, and what of it stands before the cursor.
    const word = () => {
      const before = box.value.slice(0, box.selectionStart);
      const part = /[A-Za-z_]+(:[\w.-]*)?$/.exec(before);
      const quoted = (before.match(/"/g) || []).length % 2 === 1;
      return part && !quoted ? { from: before.length - part[0].length, text: part[0] } : null;
    };
    const found = ({ text }) => {
      const colon = text.indexOf(":");
      if (colon < 0) {
        const name = text.toLowerCase();
        return fields.map((field) => `${field.name}:`).filter((field) => name.length > 1 && field.startsWith(name));
      }
      const field = fields.find((known) => known.name === text.slice(0, colon));
      const begun = text.slice(colon + 1).toLowerCase();
      const values = field ? field.values.filter((value) => value.startsWith(begun) && value !== begun) : [];
      return values.map((value) => `${field.name}:${value}`);
    };
    const close = () => {
      list.hidden = true;
      chosen = -1;
      box.setAttribute("aria-expanded", "false");
      box.removeAttribute("aria-activedescendant");
    };
    const mark = (to) => {
      chosen = to;
      Array.from(list.children).forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
      const item = list.children[chosen];
      if (item) {
        box.setAttribute("aria-activedescendant", item.id);
        item.scrollIntoView({ block: "nearest" });
      }
    };
    const take = (text) => {
      const place = word();
      if (!place) return;
      const behind = box.value.slice(box.selectionStart);
      const gap = text.endsWith(":") || behind.startsWith(" ") ? "" : " ";
      box.setRangeText(text + gap, place.from, box.selectionStart, "end");
      show();
    };
    const show = async () => {
      if (!fields) {
        fields = [];
        const answer = await fetch(box.dataset.fields).catch(() => null);
        if (!answer || !answer.ok) {
          // The next letter asks again.
          fields = null;
          return;
        }
        fields = (await answer.json()).fields;
      }
      const place = word();
      const texts = place ? found(place).slice(0, 12) : [];
      if (texts.length === 0) return close();
      list.replaceChildren(...texts.map((text, at) => {
        const item = document.createElement("li");
        item.id = `completion-${at}`;
        item.setAttribute("role", "option");
        item.textContent = text;
        // Before the box loses the focus.
        item.addEventListener("mousedown", (event) => {
          event.preventDefault();
          take(text);
        });
        return item;
      }));
      list.hidden = false;
      box.setAttribute("aria-expanded", "true");
      mark(-1);
    };
    box.addEventListener("input", show);
    box.addEventListener("blur", close);
    box.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      const last = list.children.length - 1;
      if (event.key === "ArrowDown") mark(chosen >= last ? 0 : chosen + 1);
      else if (event.key === "ArrowUp") mark(chosen <= 0 ? last : chosen - 1);
      else if (event.key === "Escape") {
        close();
        event.stopPropagation();
      } else if (event.key === "Tab" || (event.key === "Enter" && chosen >= 0)) take(list.children[Math.max(chosen, 0)].textContent);
      else return;
      event.preventDefault();
    });
  }

  // How much each saved search finds.
  const counts = document.querySelectorAll("[data-search]");
  if (counts.length > 0) {
    fetch("/api/v1/searches?counts=true").then((answer) => (answer.ok ? answer.json() : { searches: [] })).then(({ searches }) => {
      for (const place of counts) {
        const found = searches.find((search) => search.name === place.dataset.search);
        if (found && found.total !== undefined) place.textContent = found.total.toLocaleString("en");
      }
    }).catch(() => {});
  }

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
