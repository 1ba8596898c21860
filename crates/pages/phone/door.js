// What happens at a door: find the parcel, take the money, or take the parcel back.
import * as outbox from "./outbox.js";
import { scan as look } from "./scan.js";
import { stateOf } from "./screens.js";
import * as day from "./tour.js";
import { choice, clock, h, holdButton, language, minorUnits, money, say, t } from "./ui.js";

export const amount = (minor) => money(minor, day.tour.exponent);
export const go = (...parts) => {
  location.hash = `#/${parts.join("/")}`;
};
const chosen = (name) => document.querySelector(`input[name=${name}]:checked`)?.value ?? null;

export const named = (id, items) => {
  const parcel = day.tour.parcels.find((one) => one.id === id);
  return parcel && day.parcelWith(parcel, items);
};

export const missing = () => ({
  title: t("parcel.missing"),
  parts: [h("h1", t("parcel.missing")), h("a.button", { href: "#/" }, t("parcel.back"))],
});

export const head = (parcel, title) => [
  h("p.crumb", h("a", { href: `#/parcel/${parcel.id}` }, h("span.id", parcel.waybill))),
  h("h1", title),
];

// Adds a command, and goes on. A second tap finds its key taken.
const give = async (item, ...next) => {
  const added = await outbox.add(item).catch(() => null);
  if (added === null) return say(t("door.not_kept"));
  say(added ? t("door.kept") : t("door.twice"));
  return go(...next);
};

// The parcel of a text: its waybill, or enough of its end.
const find = (text) => {
  const wanted = text.trim().toUpperCase();
  if (!wanted) return [];
  const all = day.tour.parcels;
  const exact = all.filter((one) => wanted.includes(one.waybill));
  if (exact.length || wanted.length < 4) return exact;
  return all.filter((one) => one.waybill.endsWith(wanted) || one.waybill.startsWith(wanted));
};

export const scan = async () => {
  const video = h("video", { muted: true, playsinline: true, "aria-label": t("scan.camera") });
  const note = h("p.note", { role: "status" }, t("scan.hint"));
  let stop = () => {};
  let left = false;
  const found = (text) => {
    if (location.hash !== "#/scan") return true;
    const [parcel] = find(text);
    if (!parcel) {
      note.textContent = t("scan.other", { text: text.slice(0, 40) });
      return false;
    }
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(60);
    go("parcel", parcel.id);
    return true;
  };
  const error = h("p.error", { id: "scan-error", role: "alert" });
  const input = h("input", {
    id: "waybill", name: "waybill", autocomplete: "off", autocapitalize: "characters",
    spellcheck: "false", maxlength: "64", "aria-describedby": "scan-error",
  });
  const typed = (event) => {
    event.preventDefault();
    const all = find(input.value);
    if (all.length === 1) return go("parcel", all[0].id);
    error.textContent = t(all.length ? "scan.many" : "scan.none", { n: all.length });
    return input.focus();
  };
  return {
    title: t("scan.title"),
    parts: [
      h("h1", t("scan.title")),
      h("div.camera", video),
      note,
      h(
        "form.stack",
        { onsubmit: typed },
        h("label", { for: "waybill" }, t("scan.label")),
        input,
        error,
        h("button.primary", t("scan.find")),
      ),
    ],
    begin: () => {
      const failed = () => {
        video.parentElement.hidden = true;
        note.textContent = t("scan.no_camera");
      };
      look(video, found).then((end) => {
        stop = end;
        if (left) stop();
      }, failed);
    },
    leave: () => {
      left = true;
      stop();
    },
  };
};

const link = (target, parcel, key, kind = "", more = "") => h(
  `a.button${kind}`,
  { href: `#/${target}/${parcel.id}${more}`, "data-keep": target + more },
  t(key),
);

export const paymentRow = (one) => h(
  "li",
  h("span", t(`method.${one.method}`)),
  h("b.num", amount(one.amount)),
  h("span.note", t(`payment.${one.state}`)),
);

// Name and address come from the vault on demand, are recorded, and are kept nowhere here.
const address = (parcel) => {
  const place = h("div");
  const show = async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    const end = await outbox.sure();
    const body = { parcel: parcel.id, purpose: "Delivery" };
    try {
      if (end) throw new Error(end);
      const answer = await outbox.post("/v1/disclosures", body);
      const shown = await answer.json();
      if (!answer.ok) throw new Error(shown.detail);
      const lines = Object.values(shown.records ?? {}).flatMap(
        (one) => one && typeof one === "object" ? Object.values(one) : [one],
      );
      const texts = lines.filter((one) => typeof one === "string");
      place.replaceChildren(...texts.map((text) => h("p", text)));
      button.hidden = true;
    } catch (error) {
      button.disabled = false;
      say(error.message && error.message !== "offline" ? error.message : t("parcel.no_address"));
      place.replaceChildren(h("p.note", t("parcel.no_address")));
    }
  };
  return [
    h("button", { type: "button", onclick: show }, t("parcel.address")),
    place,
  ];
};

// A payment waits for its answer: nothing else is taken meanwhile.
const waiting = (one) => {
  const { pays } = one;
  const screen = pays.method === "card" ? "card" : "code";
  return [
    h("p.notice", t("parcel.pays", { method: t(`method.${pays.method ?? "qr"}`), sum: amount(pays.amount) })),
    pays.method === "cash" ? null : h("a.button.primary", {
      href: `#/${screen}/${one.id}/${pays.number}`, "data-keep": "pays",
    }, t("parcel.pays_open")),
  ];
};

export const parcel = ({ items, rest: [id] }) => {
  const one = named(id, items);
  if (!one) return missing();
  const { currency } = day.tour;
  const own = one.items.filter((item) => item.state !== "sent" || item.amount);
  const acts = one.ended
    ? [h("p.notice", t(`ended_long.${one.ended}`))]
    : one.refused
      ? [h("p.notice.act", t("parcel.refused")), h("a.button", { href: "#/outbox" }, t("tabs.outbox"))]
      : one.undecided
      ? [h("p.notice", t("parcel.undecided"))]
      : one.pays
      ? waiting(one)
      : [
        link("take", one, "parcel.cash", ".primary"),
        link("ask", one, "parcel.code", "", "/code"),
        link("ask", one, "parcel.card", "", "/card"),
        one.units?.length === 1 ? null : link("part", one, "parcel.part"),
        link("away", one, "parcel.away"),
        link("refuse", one, "parcel.refuse"),
      ];
  return {
    title: one.waybill,
    parts: [
      h("p.crumb", h("a", { href: "#/" }, t("tour.title"))),
      h("h1.id", one.waybill),
      h("p.note", t("parcel.left")),
      h("p.figure", amount(one.ended ? 0 : one.left), h("span.unit", ` ${currency}`)),
      one.due !== one.left ? h("p.note", t("parcel.due", { due: amount(one.due), currency })) : null,
      h("div.acts", acts),
      own.length
        ? [h("h2", t("parcel.here")), h("ul.list", own.map((item) => h(
          "li",
          item.amount
            ? h("a", { href: `#/receipt/${one.id}/${item.number}` }, t("parcel.receipt"))
            : h("span", t(item.ends ? `outbox.${item.ends}` : "parcel.part_here")),
          h("b.num", item.amount ? amount(item.amount) : ""),
          stateOf(item),
        )))]
        : null,
      one.payments.length
        ? [h("h2", t("parcel.booked")), h("ul.list", one.payments.map(paymentRow))]
        : null,
      h("h2", t("parcel.to")),
      address(one),
    ],
  };
};

// Notes that a buyer may give: exact, and the next round sums.
const likely = (left) => {
  const unit = 10 ** day.tour.exponent;
  const up = [10, 50, 100].map((step) => Math.ceil(left / (step * unit)) * step * unit);
  return [...new Set([left, ...up])].slice(0, 4);
};

export const take = ({ items, rest: [id] }) => {
  const one = named(id, items);
  if (!one || one.ended || one.pays || one.undecided) return missing();
  // What this screen is for: a second tap, or the same screen in another tab, is the same payment.
  const number = one.next_payment;
  const { exponent, currency } = day.tour;
  const change = h("p.figure", { role: "status", id: "change" });
  const error = h("p.error", { role: "alert", id: "take-error" });
  const field = (name, key, value) => h(
    "div.field",
    h("label", { for: name }, t(key)),
    h("input", {
      id: name, name, inputmode: "decimal", autocomplete: "off", maxlength: "16", value,
      "aria-describedby": "take-error", oninput: () => update(),
    }),
  );
  const given = field("given", "take.given", amount(one.left));
  const sum = field("sum", "take.amount", amount(one.left));
  const receivers = choice(
    t("take.receiver"),
    "receiver",
    ["Buyer", "Household", "Neighbour", "Reception"].map((who) => [who, t(`receiver.${who}`)]),
    "Buyer",
  );
  const value = (name) => minorUnits(document.getElementById(name).value, exponent);
  const read = () => {
    const [tendered, taken] = [value("given"), value("sum")];
    if (taken === null || taken === 0) return { wrong: t("take.no_amount") };
    if (taken > one.left) return { wrong: t("take.too_much", { left: amount(one.left) }) };
    if (tendered === null) return { wrong: t("take.no_given") };
    if (tendered < taken) return { wrong: t("take.too_little", { short: amount(taken - tendered) }) };
    return { tendered, taken };
  };
  const confirm = async (button) => {
    const { wrong, tendered, taken } = read();
    if (wrong) {
      error.textContent = wrong;
      button.disabled = false;
      return;
    }
    const whole = taken === one.left;
    const body = {
      parcel: one.id,
      number,
      amount: taken,
      tendered,
      change: tendered - taken,
      ...(whole ? { receiver: chosen("receiver") } : {}),
      ...day.claims(),
    };
    await give({
      key: `${one.id}/payment/${number}`,
      parcel: one.id,
      waybill: one.waybill,
      command: "take-cash-by-phone",
      body,
      number,
      amount: taken,
    }, "receipt", one.id, number);
  };
  const [hold, hint] = holdButton(t("take.hold"), confirm);
  const update = () => {
    const { wrong, tendered, taken } = read();
    error.textContent = wrong ?? "";
    change.textContent = wrong ? "–" : amount(tendered - taken);
    hold.disabled = Boolean(wrong);
    receivers.hidden = taken !== one.left;
  };
  const fill = (minor) => {
    document.getElementById("given").value = amount(minor);
    update();
  };
  return {
    title: t("take.title"),
    parts: [
      head(one, t("take.title")),
      h("p.note", t("parcel.left")),
      h("p.figure", amount(one.left), h("span.unit", ` ${currency}`)),
      given,
      h("p.row", likely(one.left).map((minor) => h("button", {
        type: "button", onclick: () => fill(minor),
      }, amount(minor)))),
      h("p.note", t("take.change")),
      change,
      h("details", h("summary", t("take.part")), sum),
      receivers,
      error,
      h("div.foot", hold, hint),
    ],
    begin: update,
  };
};

// Of an order of the market: by item. The market computes what is due then, discounts included.
const units = (one) => {
  const error = h("p.error", { role: "alert" });
  const boxes = one.units.map((unit) => {
    const id = `unit-${unit.number}`;
    const box = h("input", { type: "checkbox", id, name: "unit", value: String(unit.number), checked: true });
    return h("li", box, h("label", { for: id }, h("span.id", unit.sku ?? `${unit.number + 1}`), h("b.num", amount(unit.price))));
  });
  const confirm = async (button) => {
    const all = [...document.querySelectorAll("input[name=unit]")];
    const kept = all.filter((box) => box.checked).map((box) => Number(box.value));
    if (!kept.length || kept.length === all.length) {
      error.textContent = t(kept.length ? "part.all" : "part.nothing");
      button.disabled = false;
      return;
    }
    await give({
      key: `${one.id}/units/${kept.join("-")}`,
      parcel: one.id,
      waybill: one.waybill,
      command: "accept-units",
      body: { parcel: one.id, units: kept },
      units: kept,
    }, "parcel", one.id);
  };
  const [hold, hint] = holdButton(t("part.hold"), confirm);
  return {
    title: t("part.title"),
    parts: [
      head(one, t("part.title")),
      h("p.note", t("part.units", { due: amount(one.due) })),
      h("ul.list.boxes", boxes),
      error,
      h("div.foot", hold, hint),
    ],
  };
};

export const part = ({ items, rest: [id] }) => {
  const one = named(id, items);
  if (!one || one.ended || one.pays || one.undecided) return missing();
  if (one.units) return units(one);
  const { exponent } = day.tour;
  const error = h("p.error", { role: "alert", id: "part-error" });
  const input = h("input", {
    id: "accepted", name: "accepted", inputmode: "decimal", autocomplete: "off", maxlength: "16",
    "aria-describedby": "part-error",
  });
  const confirm = async (button) => {
    const accepted = minorUnits(input.value, exponent);
    if (!accepted || accepted >= one.due) {
      error.textContent = t("part.wrong", { due: amount(one.due) });
      button.disabled = false;
      return input.focus();
    }
    return give({
      key: `${one.id}/part/${accepted}`,
      parcel: one.id,
      waybill: one.waybill,
      command: "accept-part",
      body: { parcel: one.id, accepted },
      accepted,
    }, "parcel", one.id);
  };
  const [hold, hint] = holdButton(t("part.hold"), confirm);
  return {
    title: t("part.title"),
    parts: [
      head(one, t("part.title")),
      h("p.note", t("part.lead", { due: amount(one.due) })),
      h("div.field", h("label", { for: "accepted" }, t("part.label")), input),
      error,
      h("div.foot", hold, hint),
    ],
  };
};

// The parcel is not handed over at this visit, for a reason.
const visit = (one, command, ends, [title, lead, act], reasons, body) => {
  const error = h("p.error", { role: "alert" });
  const confirm = async (button) => {
    const reason = chosen("reason");
    if (!reason) {
      error.textContent = t("door.no_reason");
      button.disabled = false;
      return;
    }
    await give({
      // One end of a visit, whichever it is.
      key: `${one.id}/visit/${one.next_attempt}`,
      parcel: one.id,
      waybill: one.waybill,
      command,
      body: { parcel: one.id, ...body(reason) },
      visit: one.next_attempt,
      ends,
    }, "");
  };
  const [hold, hint] = holdButton(t(act), confirm);
  return {
    title: t(title),
    parts: [
      head(one, t(title)),
      h("p.note", t(lead)),
      choice(t("door.reason"), "reason", reasons.map((one) => [one, t(`reason.${one}`)])),
      error,
      h("div.foot", hold, hint),
    ],
  };
};

export const refuse = ({ items, rest: [id] }) => {
  const one = named(id, items);
  if (!one || one.ended) return missing();
  const reasons = ["NotWanted", "NotAsOrdered", "AmountDisputed"];
  const words = ["refuse.title", "refuse.lead", "refuse.hold"];
  return visit(one, "refuse-parcel", "refused", words, reasons, (reason) => ({ reason }));
};

export const away = ({ items, rest: [id] }) => {
  const one = named(id, items);
  if (!one || one.ended) return missing();
  const reasons = ["NobodyHome", "AddressWrong", "AnotherDay", "CannotPay", "OutOfTime"];
  const body = (reason) => ({ number: one.next_attempt, reason });
  const words = ["away.title", "away.lead", "away.hold"];
  return visit(one, "record-attempt", "away", words, reasons, body);
};

export const receipt = ({ items, rest: [id, number] }) => {
  const item = items.find((one) => one.parcel === id && one.number === Number(number));
  if (!item) return missing();
  const { body } = item;
  const facts = [
    ["receipt.waybill", h("span.id", item.waybill)],
    ["receipt.amount", amount(body.amount)],
    ["take.given", amount(body.tendered)],
    ["take.change", amount(body.change)],
    ["receipt.number", String(item.number)],
    ["receipt.time", clock(Date.parse(body.claimed_at))],
    body.receiver ? ["take.receiver", t(`receiver.${body.receiver}`)] : null,
  ].filter(Boolean);
  const text = facts.map(([key, value]) => `${t(key)} ${value.textContent ?? value}`).join("\n");
  const share = () => navigator.share({ text, lang: language() }).catch(() => {});
  return {
    title: t("receipt.title"),
    parts: [
      h("h1", t("receipt.title")),
      h("p.figure", amount(body.amount), h("span.unit", ` ${day.tour.currency}`)),
      h("p", stateOf(item)),
      item.why ? h("p.notice.act", item.why) : null,
      item.state === "here" ? h("p.note", t("receipt.here")) : null,
      h("dl.facts", facts.map(([key, value]) => [h("dt", t(key)), h("dd", value)])),
      "share" in navigator ? h("button", { type: "button", onclick: share }, t("receipt.share")) : null,
      h("div.foot", h("a.button.primary", { href: "#/" }, t("receipt.next"))),
      h("p.note", t("receipt.wrong", { number: item.number })),
    ],
  };
};
