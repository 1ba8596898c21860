// Outbox first: a command is on this phone before anything is sent, and goes to the same handlers
// as every other client's. Its key is what the books number next, never a random one: a second
// tap, a second tab or a second try is the same command. In order for each parcel; what the books
// refuse is set aside and holds up nothing but its own parcel.
import * as store from "./store.js";
import * as day from "./tour.js";
import { language } from "./ui.js";

const LOCK = "doorstep-outbox";
const UNSENT_COOKIE = "doorstep-unsent";
const COOKIE_SECONDS = 400 * 86_400;

const tabs = new BroadcastChannel(LOCK);
let csrf = null;
let again = false;
let running = false;
// What the last try ended with: "", "offline", "sign-in", "person" or "busy".
export let ended = "";
let onChange = () => {};

export const listen = (call) => {
  onChange = call;
  tabs.onmessage = call;
};

const changed = async () => {
  await mark();
  tabs.postMessage("changed");
  onChange();
};

// The server refuses to sign out while this says that something is here.
export const mark = async () => {
  const unsent = (await store.items()).filter((item) => item.state !== "sent").length;
  const flags = `Path=/; SameSite=Strict; Max-Age=${unsent ? COOKIE_SECONDS : 0}`;
  document.cookie = `${UNSENT_COOKIE}=${unsent}; ${flags}`;
  return unsent;
};

// Keeps a command. False if it is here already.
export const add = async (item) => {
  const person = day.tour.person;
  const all = await store.items();
  const seq = all.reduce((most, one) => Math.max(most, one.seq), 0) + 1;
  const added = await store.add({ ...item, person, seq, state: "here", kept_at: Date.now() });
  if (added) {
    await changed();
    flush();
  }
  return added;
};

export const retry = async (item) => {
  await store.change({ ...item, state: "here", why: null });
  await changed();
  return flush();
};

export const discard = async (item) => {
  await store.remove(item.key);
  await changed();
};

const session = async () => {
  const answer = await fetch("/v1/session", { signal: AbortSignal.timeout(20_000) });
  if (answer.status === 401) return { ended: "sign-in" };
  if (!answer.ok) return { ended: "busy" };
  const body = await answer.json();
  csrf = body.csrf;
  return { person: body.person };
};

export const post = (path, body, key) => fetch(path, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    "Accept-Language": language(),
    "Doorstep-Csrf": csrf ?? "",
    ...(key ? { "Idempotency-Key": key } : {}),
  },
  body: JSON.stringify(body),
  signal: AbortSignal.timeout(20_000),
});

// Begins with a session of the tour's person. Returns why it cannot.
export const sure = async () => {
  try {
    const begun = await session();
    if (begun.ended) return begun.ended;
    return day.tour && begun.person !== day.tour.person ? "person" : "";
  } catch {
    return "offline";
  }
};

export const signOut = () => fetch("/v1/sign-out", {
  method: "POST",
  headers: { "Doorstep-Csrf": csrf ?? "" },
  signal: AbortSignal.timeout(20_000),
});

// Sends one. Returns "" if the next one can follow.
const send = async (item) => {
  const answer = await post(`/v1/commands/${item.command}`, item.body, item.key);
  if (answer.ok) {
    await store.change({ ...item, state: "sent", sent_at: Date.now() });
    return "";
  }
  const problem = await answer.json().catch(() => ({}));
  const kind = problem.type?.split("/").pop() ?? "";
  if (answer.status === 401) return "sign-in";
  // Another session began in this browser: its token is asked for at the next try.
  if (kind === "cross-site") return "busy";
  const later = answer.status >= 500 || [408, 425, 429].includes(answer.status);
  if (later || kind === "idempotency-key-in-use") return "busy";
  await store.change({ ...item, state: "refused", why: problem.detail ?? `${answer.status}` });
  return "";
};

const sendAll = async () => {
  const first = (await store.items()).filter((item) => item.state !== "sent");
  if (first.every((item) => item.state !== "here")) return "";
  const why = await sure();
  if (why) return why;
  for (;;) {
    const items = (await store.items()).filter((item) => item.state !== "sent");
    const held = new Set();
    const next = items.find((item) => {
      if (item.person !== day.tour?.person) return false;
      if (item.state === "refused") held.add(item.parcel);
      return item.state === "here" && !held.has(item.parcel);
    });
    if (!next) return items.some((item) => item.person !== day.tour?.person) ? "person" : "";
    const why = await send(next);
    await changed();
    if (why) return why;
  }
};

// Sends what is here. One tab of the browser does it; the others hear of it.
export const flush = async () => {
  again = true;
  if (running) return;
  running = true;
  try {
    while (again) {
      again = false;
      await navigator.locks.request(LOCK, async () => {
        try {
          if (!day.tour) await day.refresh();
          ended = await sendAll();
        } catch {
          ended = "offline";
        }
        const status = await day.refresh();
        if (status === 0) ended = "offline";
        if (status === 401) ended = "sign-in";
        if (status === 403) ended = "role";
      });
    }
  } finally {
    running = false;
    await changed();
  }
};
