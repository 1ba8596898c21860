// Money that does not pass through the courier's hands: a code for the buyer's wallet on this screen,
// or a card on the courier's terminal. Both need the connection. The number of the parcel's payment
// is the key: a second tap, another tab and a lost answer are the same order. What was paid is what
// the books say.
import { amount, go, head, missing, named, paymentRow } from "./door.js";
import * as outbox from "./outbox.js";
import * as day from "./tour.js";
import { h, minorUnits, qrCode, say, t } from "./ui.js";

// Asks the switch. `lost`: it may have heard.
const door = async (action, one, number, minor) => {
  const end = await outbox.sure();
  if (end) return { why: t(end === "sign-in" ? "why.sign_in" : end === "person" ? "why.person" : "ask.offline") };
  const body = { action, parcel: one.id, number, ...(minor ? { amount: minor } : {}) };
  try {
    const answer = await outbox.post("/phone/door", body);
    const said = await answer.json();
    if (answer.ok) return said;
    return { why: said.detail ?? `${answer.status}`, lost: answer.status >= 500 };
  } catch {
    return { why: t("ask.lost"), lost: true };
  }
};

const showCode = async (one, number, minor) => {
  const order = { number, amount: minor, method: "qr", asked_at: Date.now() };
  await day.keepAsked(one.id, order);
  const said = await door("show-code", one, number, minor);
  if (said.code) {
    const until = Date.now() + said.left_ms;
    await day.keepAsked(one.id, { ...order, number: said.number, code: said.code, until });
  } else if (!said.lost && !said.ended) await day.keepAsked(one.id, undefined);
  return said;
};

// How much, and then the code or the card.
export const ask = ({ items, rest: [id, how] }) => {
  const one = named(id, items);
  if (!one || one.ended || one.pays || one.undecided || !["code", "card"].includes(how)) return missing();
  const number = one.next_payment;
  const error = h("p.error", { role: "alert", id: "ask-error" });
  const input = h("input", {
    id: "sum", name: "sum", inputmode: "decimal", autocomplete: "off", maxlength: "16",
    value: amount(one.left), "aria-describedby": "ask-error",
  });
  const begin = async (event) => {
    const button = event.currentTarget;
    const minor = minorUnits(input.value, day.tour.exponent);
    if (!minor || minor > one.left) {
      error.textContent = t(minor ? "take.too_much" : "take.no_amount", { left: amount(one.left) });
      return input.focus();
    }
    button.disabled = true;
    const said = how === "code"
      ? await showCode(one, number, minor)
      : await door("ask-card", one, number, minor);
    button.disabled = false;
    if (said.why && !(said.lost && how === "code")) {
      error.textContent = said.why;
      return outbox.flush();
    }
    if (said.why) say(said.why);
    const at = how === "card" ? [number, minor, Date.now() + (said.left_ms ?? 0)] : [said.number ?? number];
    go(how, one.id, ...at);
    return outbox.flush();
  };
  const refused = !day.tour.asks_switch ? "ask.no_switch" : one.waits ? "ask.first" : null;
  return {
    title: t(`ask.${how}`),
    parts: [
      head(one, t(`ask.${how}`)),
      h("p.note", t("parcel.left")),
      h("p.figure", amount(one.left), h("span.unit", ` ${day.tour.currency}`)),
      h("p.note", t(`ask.${how}_lead`)),
      h("details", h("summary", t("ask.part")), h("div.field", h("label", { for: "sum" }, t("take.amount")), input)),
      refused ? h("p.notice", t(refused)) : null,
      error,
      h("div.foot", h("button.primary.tall", {
        type: "button", disabled: Boolean(refused), onclick: begin,
      }, t(`ask.${how}_begin`))),
      how === "card" ? byHand(one) : null,
    ],
  };
};

// Without the request: the courier types the waybill into the terminal.
const byHand = (one) => h(
  "details",
  h("summary", t("ask.by_hand")),
  h("p.code.id", one.waybill),
  h("p.note", t("ask.by_hand_steps")),
);

const paidOf = (one, number) => one.payments.find((payment) => payment.number === number);

const outcome = (one, payment) => [
  h("ul.list", paymentRow(payment)),
  payment.state === "taken"
    ? h("p.notice.done", t(one.ended ? `ended_long.${one.ended}` : "ask.part_taken"))
    : h("p.notice.act", t(`ask.${payment.state}`)),
  h("div.foot", h("a.button.primary", { href: payment.state === "taken" && one.ended ? "#/" : `#/parcel/${one.id}` }, t(
    payment.state === "taken" && one.ended ? "receipt.next" : "ask.other",
  ))),
];

const minutes = (until) => {
  const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};

const offline = (ended) => ended ? h("p.notice", t("ask.offline_now")) : null;

export const code = async ({ items, rest: [id, text], ended }) => {
  const one = named(id, items);
  if (!one) return missing();
  const number = Number(text);
  const kept = day.asked[one.id];
  const order = kept?.number === number ? kept : null;
  const payment = paidOf(one, number);
  const title = t("ask.code");
  if (payment && payment.state !== "waits") {
    return { title, parts: [head(one, title), outcome(one, payment)] };
  }
  const sum = payment?.amount ?? order?.amount;
  if (!sum) return { title, parts: [head(one, title), h("p.notice", t("ask.nothing")), h("a.button", { href: `#/parcel/${one.id}` }, t("ask.other"))] };
  const again = async (event) => {
    event.currentTarget.disabled = true;
    const said = await showCode(one, number, sum);
    if (said.why) say(said.why);
    return outbox.flush();
  };
  const end = async (event) => {
    event.currentTarget.disabled = true;
    const said = await door("end-code", one, number);
    if (said.why) say(said.why);
    return outbox.flush();
  };
  return {
    title,
    parts: [
      head(one, title),
      h("p.figure", amount(sum), h("span.unit", ` ${day.tour.currency}`)),
      order?.code ? await qrCode(order.code, t("ask.code_label")) : h("p.notice", t("ask.unheard")),
      order?.code ? h("p.note.centre", { role: "timer" }, t("ask.left", { time: minutes(order.until) })) : null,
      h("p.note", t("ask.code_waits")),
      offline(ended),
      h(
        "div.foot",
        order?.code ? null : h("button.primary", { type: "button", "data-keep": "again", onclick: again }, t("ask.again")),
        h("button", { type: "button", "data-keep": "end", onclick: end }, t("ask.end_code")),
      ),
    ],
  };
};

export const card = async ({ items, rest: [id, text, minor, until], ended }) => {
  const one = named(id, items);
  if (!one) return missing();
  const number = Number(text);
  const payment = paidOf(one, number);
  const title = t("ask.card");
  if (payment && payment.state !== "waits") {
    return { title, parts: [head(one, title), outcome(one, payment)] };
  }
  const over = !payment && Number(until ?? 0) <= Date.now();
  const end = async (event) => {
    event.currentTarget.disabled = true;
    await door("end-card", one, number);
    go("parcel", one.id);
  };
  return {
    title,
    parts: [
      head(one, title),
      h("p.figure", amount(payment?.amount ?? (Number(minor) || one.left)), h("span.unit", ` ${day.tour.currency}`)),
      payment
        ? h("p.notice", t("ask.card_asks"))
        : h("p.notice", t(over ? "ask.card_over" : "ask.card_waits")),
      over || payment ? null : h("p.note.centre", { role: "timer" }, t("ask.left", { time: minutes(Number(until)) })),
      offline(ended),
      h("div.foot", over
        ? h("a.button.primary", { href: `#/ask/${one.id}/card` }, t("ask.card_begin"))
        : payment ? null : h("button", { type: "button", "data-keep": "end", onclick: end }, t("ask.end_card"))),
      over ? byHand(one) : null,
    ],
  };
};
