// The tour of the day as the books have it, and what this phone says of times. The phone's clock
// is a claim: beside it stand the last time of the server, and what a clock that nobody sets has
// counted since.
import * as store from "./store.js";

const DAY_MS = 86_400_000;
const ELAPSED_MS_MAX = 0xffffffff;
// As many as the server takes.
const ALSO_MAX = 300;

export let tour = null;
// The code that was asked for last for a parcel, until the books have its payment.
export let asked = {};
// An answer is not on its way for longer.
const ANSWER_MS_MAX = 40_000;
let counted = null;

// Of a trial: the books live at another time than phones do.
const shift = () => tour?.shift ?? 0;

export const claims = () => {
  const elapsed = counted === null ? null : Math.round(performance.now() - counted);
  return {
    claimed_at: new Date(Date.now() + shift()).toISOString(),
    server_at: new Date(tour.server_at).toISOString(),
    elapsed_ms: elapsed !== null && elapsed <= ELAPSED_MS_MAX ? String(elapsed) : null,
  };
};

// What was kept before, unless it is of another day.
export const load = async () => {
  tour = (await store.kept("tour")) ?? null;
  asked = (await store.kept("asked")) ?? {};
  if (tour && Math.abs(Date.now() - tour.kept_at) > DAY_MS) await forget();
};

export const forget = async () => {
  tour = null;
  counted = null;
  await store.drop("tour");
  await store.drop("code");
  await store.drop("asked");
  asked = {};
  const old = (await store.items()).filter((item) => item.state === "sent");
  for (const item of old) await store.remove(item.key);
};

// Kept before the switch is asked: a code whose answer is lost may be paid.
export const keepAsked = async (parcel, code) => {
  const { [parcel]: before, ...others } = asked;
  asked = code ? { ...others, [parcel]: code } : others;
  await store.keep("asked", asked);
};

const dropAnswered = async () => {
  const now = Date.now();
  const open = Object.entries(asked).filter(([id, code]) => {
    const payments = tour.parcels.find((one) => one.id === id)?.payments ?? [];
    const known = payments.find((one) => one.number === code.number);
    return known ? known.state === "waits" : now - code.asked_at < ANSWER_MS_MAX;
  });
  if (open.length === Object.keys(asked).length) return;
  asked = Object.fromEntries(open);
  await store.keep("asked", asked);
};

// What was not handed over is the hub's in the books, and still in the courier's bag.
const brought = async (parcels) => {
  const items = await store.items();
  const missing = (tour?.parcels ?? []).filter((one) => !parcels.some((other) => other.id === one.id));
  return missing.flatMap((one) => {
    const end = items.findLast((item) => item.parcel === one.id && item.ends && item.state === "sent");
    if (!end) return [];
    const state = end.ends === "refused" ? "refused" : "assigned";
    return [{ ...one, state, left: 0, next_attempt: null }];
  });
};

// Asks the books. Returns the status, or 0 without a connection.
export const refresh = async () => {
  const known = (tour?.parcels ?? []).map((parcel) => parcel.id).slice(0, ALSO_MAX);
  const query = known.length ? `?also=${known.join(",")}` : "";
  let answer;
  try {
    answer = await fetch(`/phone/tour${query}`, { signal: AbortSignal.timeout(20_000) });
    if (!answer.ok) return answer.status;
    const body = await answer.json();
    const told = performance.now();
    if (tour && (tour.date !== body.date || tour.person !== body.person)) await forget();
    tour = {
      ...body,
      parcels: [...body.parcels, ...await brought(body.parcels)],
      server_at: body.now,
      shift: body.now - body.machine_now,
      kept_at: Date.now(),
    };
    counted = told;
    await store.keep("tour", tour);
    await dropAnswered();
    return 200;
  } catch {
    return 0;
  }
};

// A parcel with what this phone has of it and the books do not show yet.
export const parcelWith = (parcel, items) => {
  const own = items.filter((item) => item.parcel === parcel.id);
  const cash = own.filter((item) => item.number >= parcel.next_payment);
  const visit = own.findLast((item) => item.visit === parcel.next_attempt && item.ends);
  const part = own.findLast((item) => item.state !== "refused" && item.accepted < parcel.due);
  const due = part ? part.accepted : parcel.due;
  const left = parcel.left - (parcel.due - due) - cash.reduce((sum, item) => sum + item.amount, 0);
  const last = cash.reduce((most, item) => Math.max(most, item.number), parcel.next_payment - 1);
  const ended = parcel.state !== "out" ? parcel.state : (visit?.ends ?? null);
  // A payment that waits for its answer is not taken, and one may wait of which nobody has heard.
  const code = asked[parcel.id];
  const unheard = code && !parcel.payments.some((one) => one.number === code.number) && code;
  const pays = parcel.payments.find((one) => one.state === "waits") ?? unheard ?? null;
  // What is due for the units that the buyer keeps, the market computes.
  const undecided = own.some((item) => item.state !== "refused"
    && item.units?.length < parcel.units?.length);
  return {
    ...parcel,
    due,
    left: Math.max(0, left),
    next_payment: last + 1,
    ended: ended ?? (left <= 0 && !pays && !undecided ? "paid" : null),
    pays,
    undecided,
    waits: own.some((item) => item.state === "here"),
    refused: own.some((item) => item.state === "refused"),
    items: own,
  };
};
