// The tour, the cash in hand, what is not in the books yet, and preferences.
import * as outboxOf from "./outbox.js";
import * as store from "./store.js";
import * as day from "./tour.js";
import { clock, h, language, money, prefer, qrCode, say, t } from "./ui.js";

let preferred = () => {};
export const onPreference = (call) => {
  preferred = call;
};

const amount = (minor) => money(minor, day.tour.exponent);
const heading = (text) => h("h1", text);

// The two words for state.
export const stateOf = (item) => item.state === "sent"
  ? h("span.state.done", t("state.booked"))
  : item.state === "refused"
    ? h("span.state.act", t("state.refused"))
    : h("span.state.wait", t("state.here"));

const why = (ended) => {
  switch (ended) {
    case "sign-in":
      return h(
        "div.notice.act",
        h("p", t("why.sign_in")),
        h("a.button.primary", { href: "/sign-in?next=/phone" }, t("nobody.sign_in")),
      );
    case "person":
      return h("p.notice.act", t("why.person"));
    case "role":
      return h("p.notice.act", t("why.role"));
    case "offline":
    case "busy":
      return h("p.notice", t("why.offline"));
    default:
      return null;
  }
};

// Nobody is signed in, and nothing is kept of today.
export const nobody = ({ ended }) => ({
  title: t("nobody.title"),
  parts: [
    heading(t("nobody.title")),
    ended === "" ? h("p.note", t("nobody.loading")) : why(ended),
    h("a.button", { href: "/sign-in?next=/phone" }, t("nobody.sign_in")),
  ],
});

const row = (parcel) => {
  const mark = parcel.refused
    ? h("span.state.act", t("state.refused"))
    : parcel.waits ? h("span.state.wait", t("state.here")) : null;
  return h("li", h(
    "a.parcel",
    { href: `#/parcel/${parcel.id}`, "data-keep": parcel.id },
    h("span.id", parcel.waybill),
    h("b.num", parcel.ended || parcel.pays ? "" : amount(parcel.left)),
    h("span.under", h("span.note", parcel.ended ? t(`ended.${parcel.ended}`) : t(parcel.pays ? "tour.pays" : "tour.open")), mark),
  ));
};

export const tour = ({ items, ended }) => {
  const all = day.tour.parcels.map((parcel) => day.parcelWith(parcel, items));
  const open = all.filter((parcel) => !parcel.ended);
  const closed = all.filter((parcel) => parcel.ended);
  const back = closed.filter((one) => ["refused", "assigned", "away"].includes(one.ended));
  const left = open.reduce((sum, parcel) => sum + parcel.left, 0);
  return {
    title: t("tour.title"),
    parts: [
      heading(t("tour.title")),
      h("p.lead", t("tour.lead", { n: open.length, sum: amount(left), currency: day.tour.currency })),
      ended === "offline" ? null : why(ended),
      open.length
        ? h("ul.list", open.map(row))
        : h("p.empty", t("tour.empty")),
      back.length ? [h("h2", t("tour.back")), h("p.note", t("tour.back_hint"))] : null,
      back.length ? h("ul.list", back.map(row)) : null,
      closed.length > back.length ? h("h2", t("tour.closed")) : null,
      h("ul.list", closed.filter((one) => !back.includes(one)).map(row)),
      h("p.note", t("tour.as_of", { time: clock(day.tour.server_at) })),
    ],
  };
};

const handOver = async (button) => {
  button.disabled = true;
  const end = await outboxOf.sure();
  if (end) {
    button.disabled = false;
    return say(t(end === "sign-in" ? "why.sign_in" : end === "person" ? "why.person" : "why.offline"));
  }
  // The books take one hand-over at a time: a second one is refused.
  const body = { courier: day.tour.courier };
  const key = `hand-over/${day.tour.date}/${Date.now()}`;
  try {
    const answer = await outboxOf.post("/v1/commands/start-hand-over", body, key);
    const done = await answer.json();
    if (answer.ok && done.code) {
      const started = done.events.find((event) => event.event === "HandOverStarted");
      const id = String(started.handover).replace(/^\w+_/, "");
      await store.keep("code", { id, code: done.code });
    } else say(done.detail ?? t("cash.failed"));
  } catch {
    say(t("cash.failed"));
  }
  button.disabled = false;
  return outboxOf.flush();
};

export const cash = async ({ items, ended }) => {
  const { cash: held, currency } = day.tour;
  const unsent = items.filter((item) => item.state === "here");
  const own = items.filter((item) => {
    const parcel = day.tour.parcels.find((one) => one.id === item.parcel);
    return item.amount && item.state !== "sent" && !(item.number < parcel?.next_payment);
  });
  const here = own.reduce((sum, item) => sum + item.amount, 0);
  const open = held?.hand_over;
  const code = await store.kept("code");
  const all = (held?.in_hand ?? 0) + here;
  const share = held?.limit ? Math.min(100, Math.round((all * 100) / held.limit)) : 0;
  const shown = open && code?.id === open.id ? code.code : null;
  const drawn = shown ? await qrCode(shown, t("cash.code")) : null;
  const blocked = unsent.length ? t("cash.unsent") : ended ? t("why.offline") : null;
  return {
    title: t("cash.title"),
    parts: [
      heading(t("cash.title")),
      h("p.figure", amount(all), h("span.unit", ` ${currency}`)),
      h("meter", { min: 0, max: 100, high: 80, value: share, "aria-label": t("cash.limit_label") }),
      h("p.note", t("cash.limit", { limit: amount(held?.limit ?? 0) })),
      h(
        "dl.facts",
        h("dt", t("state.booked")), h("dd.num", amount(held?.in_hand ?? 0)),
        h("dt", t("state.here")), h("dd.num", amount(here)),
        held?.shortage ? [h("dt", t("cash.shortage")), h("dd.num", amount(held.shortage))] : null,
      ),
      share >= 100 ? h("p.notice.act", t("cash.full")) : null,
      open
        ? [
          h("h2", t("cash.started")),
          h("p", t("cash.expected", { sum: amount(open.expected), currency })),
          shown ? [h("p.code", shown), drawn] : h("p.notice", t("cash.lost")),
        ]
        : [
          h("button.primary", {
            type: "button",
            disabled: Boolean(blocked) || !held?.in_hand,
            onclick: (event) => handOver(event.currentTarget),
          }, t("cash.hand_over")),
          h("p.hint", blocked ?? t("cash.hint")),
        ],
    ],
  };
};

const what = (item) => item.amount
  ? t("outbox.cash", { amount: amount(item.amount) })
  : item.accepted !== undefined
    ? t("outbox.part", { amount: amount(item.accepted) })
    : item.units
    ? t("outbox.units", { n: item.units.length })
    : t(`outbox.${item.ends}`);

export const outbox = ({ items, ended }) => {
  const known = (id) => day.tour?.parcels.find((one) => one.id === id)?.waybill;
  const one = (item) => h(
    "li.item",
    h("span.id", known(item.parcel) ?? item.waybill),
    stateOf(item),
    h("p", day.tour ? what(item) : "", " · ", clock(item.kept_at)),
    item.why ? h("p.notice.act", item.why) : null,
    item.state === "refused"
      ? h(
        "p.row",
        h("button", { type: "button", onclick: () => outboxOf.retry(item) }, t("outbox.retry")),
        h("button.danger", {
          type: "button",
          onclick: () => confirm(t("outbox.sure")) && outboxOf.discard(item),
        }, t("outbox.discard")),
      )
      : null,
  );
  const unsent = items.filter((item) => item.state !== "sent");
  const sent = items.filter((item) => item.state === "sent").reverse();
  return {
    title: t("outbox.title"),
    parts: [
      heading(t("outbox.title")),
      h("p.lead", t("outbox.lead")),
      why(ended),
      h("button.primary", { type: "button", onclick: outboxOf.flush }, t("outbox.send")),
      unsent.length ? h("ul.list", unsent.map(one)) : h("p.empty", t("outbox.empty")),
      unsent.some((item) => item.state === "refused") ? h("p.hint", t("outbox.refused_hint")) : null,
      sent.length ? [h("h2", t("outbox.sent")), h("ul.list", sent.map(one))] : null,
    ],
  };
};

const signOut = async (button) => {
  if (await outboxOf.mark()) return say(t("more.unsent"));
  button.disabled = true;
  const end = await outboxOf.sure();
  if (end && end !== "sign-in" && end !== "person") {
    button.disabled = false;
    return say(t("why.offline"));
  }
  await day.forget();
  await outboxOf.signOut();
  location.replace("/sign-in?next=/phone");
};

export const more = ({ items }) => {
  const unsent = items.filter((item) => item.state !== "sent").length;
  const set = (name, value) => async () => {
    await prefer(name, value);
    preferred();
  };
  const theme = document.documentElement.dataset.theme;
  const button = (text, name, value, current, attributes = {}) => h("button", {
    type: "button",
    "aria-pressed": String(current === value),
    "data-keep": `${name}-${value}`,
    onclick: set(name, value),
    ...attributes,
  }, text);
  return {
    title: t("more.title"),
    parts: [
      heading(t("more.title")),
      day.tour ? h("p.lead", t("more.who", { name: day.tour.name ?? "", date: day.tour.date })) : null,
      h("h2", "Language · 语言"),
      h(
        "p.row",
        button("English", "language", "en", language(), { lang: "en" }),
        button("中文", "language", "zh", language(), { lang: "zh-CN" }),
      ),
      h("h2", t("more.theme")),
      h(
        "p.row",
        button(t("more.auto"), "theme", "auto", theme),
        button(t("more.light"), "theme", "light", theme),
        button(t("more.dark"), "theme", "dark", theme),
      ),
      h("h2", t("more.kept")),
      h("p.note", t("more.kept_text")),
      h("h2", t("more.end")),
      unsent ? h("p.notice", t("more.unsent")) : null,
      h("button", {
        type: "button",
        disabled: unsent > 0,
        onclick: (event) => signOut(event.currentTarget),
      }, t("more.sign_out")),
    ],
  };
};
