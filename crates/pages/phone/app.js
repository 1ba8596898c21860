// The courier's phone: starts from what it keeps, then asks the books.
import * as door from "./door.js";
import * as outbox from "./outbox.js";
import * as pay from "./pay.js";
import * as screens from "./screens.js";
import * as store from "./store.js";
import * as day from "./tour.js";
import { h, settle, t } from "./ui.js";

const SYNC_MS = 30_000;
const SYNC_SHOWN_MS = 2_000;

// Screens by the parts of the address behind `#/`. Those with fields are not drawn anew while
// somebody types.
const SCREENS = {
  "": screens.tour,
  scan: door.scan,
  cash: screens.cash,
  outbox: screens.outbox,
  more: screens.more,
  parcel: door.parcel,
  take: door.take,
  ask: pay.ask,
  code: pay.code,
  card: pay.card,
  part: door.part,
  refuse: door.refuse,
  away: door.away,
  receipt: door.receipt,
};
const TYPED = ["take", "ask", "part", "refuse", "away", "scan"];
const LIVE = ["code", "card", "cash"];

let shown = null;
let leave = () => {};

const route = () => {
  const [name = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  return { name: name in SCREENS ? name : "", rest: rest.map(decodeURIComponent) };
};

const tab = (name, key, count) => h(
  "a",
  { href: `#/${name}`, "aria-current": route().name === name ? "page" : null },
  t(key),
  count ? h("b.count", String(count)) : null,
);

const frame = (items) => {
  const unsent = items.filter((item) => item.state !== "sent");
  const refused = unsent.filter((item) => item.state === "refused").length;
  const chip = refused
    ? h("a.chip.act", { href: "#/outbox" }, t("top.refused", { n: refused }))
    : unsent.length
      ? h("a.chip.wait", { href: "#/outbox" }, t("top.here", { n: unsent.length }))
      : h("a.chip.done", { href: "#/outbox" }, t("top.booked"));
  const offline = ["offline", "busy"].includes(outbox.ended)
    ? h("span.chip.quiet", t("top.offline"))
    : null;
  document.getElementById("top").replaceChildren(
    h("a.mark", { href: "#/" }, "Doorstep"),
    h("span.chips", offline, chip),
  );
  const tabs = document.getElementById("tabs");
  tabs.setAttribute("aria-label", t("tabs.label"));
  tabs.replaceChildren(
    tab("", "tabs.tour"),
    tab("scan", "tabs.scan"),
    tab("cash", "tabs.cash"),
    tab("outbox", "tabs.outbox", unsent.length),
    tab("more", "tabs.more"),
  );
};

const draw = async (anew) => {
  const items = await store.items();
  frame(items);
  const { name, rest } = route();
  const address = location.hash;
  if (!anew && address === shown && TYPED.includes(name)) return;
  const needsTour = !["outbox", "more"].includes(name);
  const wanted = needsTour && !day.tour ? screens.nobody : SCREENS[name];
  const made = await wanted({ items, rest, ended: outbox.ended });
  if (address !== location.hash) return;
  // What a finger presses stays under it.
  if (!anew && address === shown && pressed) {
    late = true;
    return;
  }
  leave();
  leave = made.leave ?? (() => {});
  const main = document.getElementById("main");
  const moved = shown !== address;
  const focused = document.activeElement?.dataset?.keep;
  main.replaceChildren(...made.parts.flat(3).filter(Boolean));
  document.title = `${made.title} · Doorstep`;
  if (moved) {
    window.scrollTo(0, 0);
    main.focus({ preventScroll: true });
  } else if (focused) {
    main.querySelector(`[data-keep="${focused}"]`)?.focus();
  }
  // Without a tour the screen itself is still to be drawn.
  shown = wanted === SCREENS[name] ? address : null;
  main.dataset.screen = address;
  made.begin?.();
};

let pressed = false;
let late = false;
const release = () => setTimeout(() => {
  pressed = false;
  if (late) redraw();
  late = false;
});
document.addEventListener("pointerdown", () => { pressed = true; }, true);
for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, release, true);

// One after another: each draws what is kept then.
let drawing = Promise.resolve();
const redraw = (anew = false) => {
  drawing = drawing.then(() => draw(anew)).catch((error) => console.error(error));
  return drawing;
};

const start = async () => {
  await settle();
  await day.load();
  await outbox.mark();
  outbox.listen(() => redraw());
  screens.onPreference(() => redraw(true));
  window.addEventListener("hashchange", () => redraw());
  window.addEventListener("online", outbox.flush);
  window.addEventListener("offline", () => redraw());
  document.addEventListener("visibilitychange", () => document.hidden || outbox.flush());
  setInterval(() => document.hidden || outbox.flush(), SYNC_MS);
  setInterval(() => document.hidden || !LIVE.includes(route().name) || outbox.flush(), SYNC_SHOWN_MS);
  await redraw(true);
  document.documentElement.dataset.ready = "true";
  navigator.storage?.persist?.();
  // It fails if the page is left meanwhile, and where the browser keeps nothing: then the page
  // needs the connection.
  navigator.serviceWorker?.register("/phone/worker.js", { scope: "/phone" }).catch(() => {});
  await outbox.flush();
};

start();
