// Keys: / and Ctrl-K search, j k Enter rows, [ ] position, g and a letter pages, ? this list.
// Nothing here is needed to read a page.
(() => {
  "use strict";
  const pages = { h: "/", p: "/parcels", b: "/breaks", s: "/plans" };
  const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");
  let row = -1;
  let isGoing = false;

  const search = () => {
    const field = document.querySelector(".find input");
    if (field) { field.focus(); field.select(); }
  };
  const rows = () => [...document.querySelectorAll("#results .rows tbody th a, .work a, .hits a, .queue a")];
  const move = (by) => {
    const links = rows();
    if (links.length === 0) return;
    const at = links.indexOf(document.activeElement);
    row = Math.min(links.length - 1, Math.max(0, (at < 0 ? row : at) + by));
    links[row].focus();
    links[row].scrollIntoView({ block: "nearest" });
  };
  const follow = (selector) => document.querySelector(selector)?.click();

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      search();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (isGoing) {
      isGoing = false;
      const page = pages[event.key];
      if (page) location.assign(page);
      return;
    }
    switch (event.key) {
      case "/": event.preventDefault(); search(); break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "[": case "]": follow(`#asof [data-key="${event.key}"]`); break;
      case "g": isGoing = true; break;
      case "?": document.getElementById("keys")?.showModal(); break;
    }
  });

  // What only works with this script is hidden without it.
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.hidden = false;
    button.addEventListener("click", () => document.getElementById(button.dataset.opens).showModal());
  }
  // A form of a command is sent once: the answer of a second click would come too late for a
  // session that the first one renewed.
  const forms = document.querySelectorAll("form.act-form");
  forms.forEach((form) => form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  }));
  addEventListener("pageshow", () => forms.forEach((form) => delete form.dataset.sent));
  // A page of now follows the books: when they have gone on, it is fetched again. Not while somebody
  // types, reads a menu or has marked text, and not for long after the last touch: a page that
  // nobody looks at must not keep a session alive.
  const POLL_MS = 5_000;
  const LOOKED_AT_MS = 300_000;
  let touched = Date.now();
  for (const kind of ["keydown", "pointerdown", "wheel"]) {
    addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
  }
  const isBusy = () => document.hidden || Date.now() - touched > LOOKED_AT_MS ||
    isTyping(document.activeElement) || document.querySelector("main form.act-form") !== null ||
    document.querySelector("details[open].menu, dialog[open]") !== null || !getSelection().isCollapsed;
  const follow_books = async () => {
    const shown = document.getElementById("asof");
    if (!shown?.dataset.batch || isBusy()) return;
    const asked = await fetch("/position", { headers: { Accept: "application/json" } });
    if (!asked.ok || String((await asked.json()).batch) === shown.dataset.batch) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected || isBusy()) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const focused = document.activeElement?.getAttribute("href");
    for (const id of ["asof", "main"]) {
      const [now, next] = [document.getElementById(id), page.getElementById(id)];
      if (!now || !next) return;
      now.replaceWith(next);
      window.htmx?.process(next);
    }
    if (focused) document.querySelector(`main [href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  };
  const poll = async () => {
    try { await follow_books(); } catch { /* The next time. */ }
    setTimeout(poll, POLL_MS);
  };
  if (document.querySelector("#asof[data-batch]")) setTimeout(poll, POLL_MS);
  // A menu closes when the next one opens, or by Escape.
  const menus = document.querySelectorAll("details.menu");
  const close = (but) => menus.forEach((menu) => { if (menu !== but) menu.open = false; });
  menus.forEach((menu) => menu.addEventListener("toggle", () => { if (menu.open) close(menu); }));
  document.addEventListener("click", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(null); });
})();
