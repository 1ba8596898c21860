// A courier's day on the phone, in Chromium over the books of a demonstration:
//   node phone.mjs MODULES URL SCRATCH [SHOTS]
// MODULES has node_modules. Prints what the books must have, as JSON, and what is wrong.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { encodeQR } from "../../../pages/phone/qr/qr-0.7.0-index.mjs";

const [modules, url, scratch, shots] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const ONLINE = 6;
const OFFLINE = 30;
const DUE = 2_500;
const CLOCK_MS = 7_200_000;
// A busy machine may be slow; nothing here asks that it is fast.
const WAIT_MS = 120_000;

const faults = [];
const fault = (text) => faults.push(text);
const same = (what, found, expected) => {
  const [one, other] = [found, expected].map((value) => JSON.stringify(value));
  if (one !== other) fault(`${what}: ${one} instead of ${other}`);
};
// What a view says: it follows the books, so it may say it a moment later.
const viewed = async (what, read, expected) => {
  const end = Date.now() + WAIT_MS;
  let found = await read();
  while (JSON.stringify(found) !== JSON.stringify(expected) && Date.now() < end) {
    await new Promise((done) => setTimeout(done, 200));
    found = await read();
  }
  same(what, found, expected);
};

// The API, as the person of a role.
const person = async (role) => {
  const begun = await fetch(`${url}/as/${role}`, { redirect: "manual" });
  const cookie = begun.headers.get("set-cookie").split(";")[0];
  const csrf = begun.headers.get("doorstep-csrf");
  let number = 0;
  const ask = async (path, body) => {
    const headers = { Cookie: cookie, "Doorstep-Csrf": csrf, "Content-Type": "application/json" };
    if (body) headers["Idempotency-Key"] = `${role}-${number += 1}`;
    for (;;) {
      const method = body ? "POST" : "GET";
      const answer = await fetch(url + path, { method, headers, body: body && JSON.stringify(body) });
      const json = await answer.json();
      if (answer.ok) return json;
      if (![429, 503].includes(answer.status)) throw new Error(`${path}: ${JSON.stringify(json)}`);
      await new Promise((done) => setTimeout(done, 500));
    }
  };
  const html = async (path) => {
    const answer = await fetch(url + path, { headers: { Cookie: cookie, Accept: "text/html" } });
    return answer.text();
  };
  return { html, get: (path) => ask(path), give: (command, body) => ask(`/v1/commands/${command}`, body) };
};

const operator = await person("operator");
const courier = await person("courier");
const auditor = await person("auditor");
const before = await courier.get("/phone/tour");
const { items: [{ firm }] } = await operator.get(`/v1/couriers?courier=${before.courier}`);
const { items: [seller] } = await operator.get(`/v1/sellers?currency=${before.currency}&limit=1`);
const ids = [];
for (let place = 0; place < ONLINE + OFFLINE; place += 1) {
  const body = { seller: seller.seller, currency: seller.currency, due: DUE, reference: `phone-${place}` };
  const done = await operator.give("announce-parcel", body);
  ids.push(done.events.find((one) => one.event === "ParcelAnnounced").parcel);
}
const list = ids.map((parcel) => ({ parcel }));
await operator.give("assign-parcels", { firm, parcels: list });
await operator.give("dispatch-parcels", { courier: before.courier, parcels: list });
const { parcels } = await courier.get("/phone/tour");
const waybills = Object.fromEntries(parcels.map((one) => [one.id, one.waybill]));

// A camera that sees the waybill of a parcel.
const camera = (waybill) => {
  const rows = encodeQR(waybill, "raw", { border: 4 });
  const [width, height, scale] = [640, 480, Math.floor(440 / rows.length)];
  const luma = Buffer.alloc(width * height, 200);
  const [left, top] = [width, height].map((side) => (side - rows.length * scale) >> 1);
  rows.forEach((row, y) => row.forEach((dark, x) => {
    for (let line = 0; line < scale; line += 1) {
      const from = (top + y * scale + line) * width + left + x * scale;
      luma.fill(dark ? 20 : 235, from, from + scale);
    }
  }));
  const frame = Buffer.concat([Buffer.from("FRAME\n"), luma, Buffer.alloc(width * height / 2, 128)]);
  const head = Buffer.from(`YUV4MPEG2 W${width} H${height} F10:1 Ip A1:1 C420jpeg\n`);
  writeFileSync(`${scratch}/waybill.y4m`, Buffer.concat([head, frame, frame]));
};
const seen = ids[0];
camera(waybills[seen]);

const profile = `${scratch}/profile`;
// The one request that the test itself breaks off.
const BROKEN_OFF = "/phone/door";
let breaksOff = false;
const watch = (page) => {
  page.on("console", (message) => {
    const text = message.text();
    const isBrokenOff = breaksOff && text.includes("ERR_FAILED") && message.location().url === url + BROKEN_OFF;
    if (message.type() === "error" && !isBrokenOff && !/status of [45]\d\d|ERR_INTERNET_DISCONNECTED/.test(text)) {
      fault(`${page.url()}: ${text}`);
    }
  });
  page.on("pageerror", (error) => fault(`${page.url()}: ${error.message}`));
};
const start = async () => {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
      "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-video-capture=${scratch}/waybill.y4m`,
    ],
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    locale: "en-GB",
  });
  context.setDefaultTimeout(WAIT_MS);
  for (const page of context.pages()) watch(page);
  context.on("page", watch);
  return context;
};
const signIn = async (context) => {
  const page = await context.newPage();
  await page.goto(`${url}/as/courier`);
  await page.close();
};
const ready = (page) => page.waitForSelector("html[data-ready]", { state: "attached" });
const open = async (context) => {
  const page = await context.newPage();
  await page.goto(`${url}/phone`);
  await ready(page);
  return page;
};
const go = async (page, hash) => {
  await page.evaluate((to) => {
    location.hash = to;
  }, hash);
};
const hold = async (page, until) => {
  await page.bringToFront();
  const button = page.locator("button.hold:not([disabled])");
  await button.hover();
  await page.mouse.down();
  await page.waitForURL(until);
  await page.mouse.up();
};
const booked = (page) => page.waitForSelector(".top .chip.done");
const tourOf = (page) => page.evaluate(async () => (await fetch("/phone/tour")).json());

let context = await start();
await signIn(context);
let page = await open(context);
await page.waitForSelector("a.parcel");
same("parcels on the tour", await page.locator("a.parcel").count() >= ids.length, true);

// Found by the camera: by the reader that is loaded, then by the browser's own.
{
  let loaded = 0;
  context.on("request", (request) => {
    if (request.url().endsWith("/qr/decode.js")) loaded += 1;
  });
  await go(page, "#/scan");
  await page.waitForURL(`**/phone#/parcel/${seen}`);
  const own = await context.newPage();
  await own.addInitScript((waybill) => {
    window.BarcodeDetector = class {
      static getSupportedFormats = async () => ["qr_code"];

      async detect(video) {
        window.detected = video.videoWidth;
        return video.videoWidth ? [{ rawValue: waybill }] : [];
      }
    };
  }, waybills[seen]);
  await own.goto(`${url}/phone#/scan`);
  await own.waitForURL(`**/phone#/parcel/${seen}`);
  same("the own reader sees the camera", await own.evaluate(() => window.detected), 640);
  const used = await own.evaluate(() => performance.getEntriesByName(`${location.origin}/phone/qr/decode.js`).length);
  same("the reader is loaded beside the own one", used, 0);
  await own.close();
}

// Online: cash with change by touch, cash by keyboard, not at home, refused, a part, typed.
await go(page, `#/take/${ids[0]}`);
await page.fill("#given", "30");
same("change", await page.innerText("#change"), "5.00");
await page.locator("button.hold").click();
same("a tap takes nothing", page.url().includes("#/take/"), true);
await hold(page, /#\/receipt\//);
await page.waitForSelector("main .state.done");

await go(page, "#/scan");
await page.fill("#waybill", waybills[ids[1]].slice(-8));
await page.keyboard.press("Enter");
await page.waitForURL(`**/phone#/parcel/${ids[1]}`);
await page.click(`a[href="#/take/${ids[1]}"]`);
await page.focus("button.hold");
await page.keyboard.down("Enter");
await page.waitForURL(/#\/receipt\//);
await page.keyboard.up("Enter");

await go(page, `#/away/${ids[2]}`);
await page.click("label:has-text('Nobody home')");
await hold(page, /#\/$/);
await go(page, `#/refuse/${ids[3]}`);
await page.click("label:has-text('Not wanted')");
await hold(page, /#\/$/);
await go(page, `#/part/${ids[4]}`);
await page.fill("#accepted", "10.00");
await hold(page, /#\/parcel\//);
await go(page, `#/take/${ids[4]}`);
await page.waitForSelector("main .figure:has-text('10.00')");
await hold(page, /#\/receipt\//);
await booked(page);
{
  const state = async (id) => (await auditor.get(`/v1/parcels/${id}`)).state;
  const states = () => Promise.all(ids.slice(0, 5).map(state));
  await viewed("online", states, ["delivered", "delivered", "assigned", "refused", "delivered"]);
}

// What the books refuse is set aside, and holds up nothing else: they have this number.
await go(page, `#/take/${ids[5]}`);
await page.waitForSelector("button.hold:not([disabled])");
await context.setOffline(true);
await hold(page, /#\/receipt\//);
await page.waitForSelector("main .state.wait");
{
  const claims = { claimed_at: new Date(before.now).toISOString(), server_at: new Date(before.now).toISOString() };
  const body = { parcel: ids[5], number: 1, amount: 500, tendered: 500, change: 0, ...claims };
  await courier.give("take-cash-by-phone", body);
}
await context.setOffline(false);
await page.waitForSelector(".top .chip.act");
await go(page, "#/outbox");
await page.waitForSelector(".item .notice.act:has-text('number 1 was used')");
page.once("dialog", (dialog) => dialog.accept());
await page.click("button.danger");
await booked(page);

// Offline, thirty parcels: double taps, two tabs, another clock, a killed browser.
const offline = ids.slice(ONLINE);
await page.evaluate(async () => {
  const ready = await navigator.serviceWorker.ready;
  return Boolean(ready.active);
});
await context.setOffline(true);
let other = await open(context);
const unsent = (tab) => tab.evaluate(() => Number(/doorstep-unsent=(\d+)/.exec(document.cookie)?.[1] ?? 0));
const take = async (tab, id) => {
  await go(tab, `#/take/${id}`);
  await hold(tab, /#\/receipt\//);
};
for (const [place, id] of offline.slice(0, 20).entries()) {
  if (place === 10) {
    for (const tab of [page, other]) {
      await tab.evaluate((by) => {
        const real = Date.now.bind(Date);
        Date.now = () => real() + by;
      }, CLOCK_MS);
    }
  }
  if (place % 5 === 0) {
    // Both tabs show the same payment, and both take it.
    await go(other, `#/take/${id}`);
    await other.waitForSelector("button.hold:not([disabled])");
    await take(page, id);
    await hold(other, /#\/receipt\//);
  } else await take(page, id);
}
same("on this phone", await unsent(page), 20);
// A crash, not an orderly end.
const pids = execFileSync("pgrep", ["-f", "--", `--user-data-dir=${profile}`]).toString();
for (const pid of pids.trim().split("\n")) {
  try {
    process.kill(Number(pid), "SIGKILL");
  } catch {
    // It ended with the others.
  }
}
await context.close().catch(() => {});
context = await start();
await context.setOffline(true);
page = await open(context);
same("after the crash", await unsent(page), 20);
for (const id of offline.slice(20)) await take(page, id);
same("on this phone", await unsent(page), OFFLINE);

// Signing out would erase it: the page does not offer it, and the server refuses it.
await go(page, "#/more");
await page.waitForSelector("button[disabled]:has-text('Sign out')");
await page.close();
await context.setOffline(false);
{
  const console = await context.newPage();
  await console.goto(`${url}/as/courier`);
  const status = await console.evaluate(async () => {
    const { csrf } = await (await fetch("/v1/session")).json();
    const headers = { "Doorstep-Csrf": csrf };
    return (await fetch("/v1/sign-out", { method: "POST", headers })).status;
  });
  same("signing out with unsent commands", status, 409);
  await console.close();
}

// Back online: exactly once each.
page = await open(context);
await booked(page);
same("on this phone", await unsent(page), 0);
const now = await tourOf(page);
const taken = 2 * DUE + 1_000 + 500 + OFFLINE * DUE;
same("cash in hand", now.cash.in_hand - before.cash.in_hand, taken);
same("cash payments", now.cash.payments - before.cash.payments, OFFLINE + 4);
const inBooks = (id, expected) => viewed(id, async () => {
  const one = await auditor.get(`/v1/parcels/${id}`);
  return [one.state, one.payments, one.collected];
}, expected);
for (const id of offline) await inBooks(id, ["delivered", 1, DUE]);
const { items: claimed } = await auditor.get(`/v1/phone-cash?courier=${before.courier}&limit=1000`);
const skewed = claimed.filter((one) => one.skew !== 0);
same("claims", claimed.length, OFFLINE + 4);
same("claims that cannot be right", skewed.length, 10);
same("by two hours", skewed.every((one) => Math.abs(one.skew - CLOCK_MS) < 3_600_000), true);

// The console: cash in hand leads to its account.
{
  const custody = await auditor.html(`/custody?courier=${before.courier}`);
  const [, link] = /data-label="In hand"><a href="([^"]*)"/.exec(custody);
  const found = await auditor.html(link.replaceAll("&#38;", "&"));
  same("cash in hand and its account", found.includes(`>assets:courier-cash:${before.name}<`), true);
}

// A code for the buyer's wallet, and a card on the terminal: the parcels of this part of the day.
// The simulated buyer's card has too little for the last one.
const SHORT = 2_551;
const asked = [];
for (const [place, due] of [DUE, DUE, DUE, DUE, SHORT].entries()) {
  const body = { seller: seller.seller, currency: seller.currency, due, reference: `asked-${place}` };
  const done = await operator.give("announce-parcel", body);
  asked.push(done.events.find((one) => one.event === "ParcelAnnounced").parcel);
}
await operator.give("assign-parcels", { firm, parcels: asked.map((parcel) => ({ parcel })) });
await operator.give("dispatch-parcels", { courier: before.courier, parcels: asked.map((parcel) => ({ parcel })) });
const [byCode, byCard, ended, lost, short] = asked;
await page.reload();
await ready(page);
await page.waitForSelector(`a[href="#/parcel/${lost}"]`, { state: "attached" });
const paymentsOf = (id) => page.evaluate(async (parcel) => {
  const { parcels } = await (await fetch(`/phone/tour?also=${parcel}`)).json();
  return parcels.find((one) => one.id === parcel).payments.map((one) => [one.number, one.method, one.state, one.amount]);
}, id);
const askFor = async (tab, id, how) => {
  await go(tab, `#/ask/${id}/${how}`);
  await tab.waitForSelector(`main[data-screen="#/ask/${id}/${how}"]`, { state: "attached" });
};
{
  // Two tabs and double taps: one order, one code.
  other = await open(context);
  for (const tab of [page, other]) await askFor(tab, byCode, "code");
  await Promise.all([page, other].map((tab) => tab.locator("button.tall").dblclick({ noWaitAfter: true })));
  for (const tab of [page, other]) await tab.waitForSelector("svg.qr");
  const codes = await Promise.all([page, other].map((tab) => tab.locator("svg.qr path").getAttribute("d")));
  same("both tabs show one code", codes[0] === codes[1], true);
  same("one order", (await paymentsOf(byCode)).length, 1);
  // Nothing else is taken while it waits.
  await go(other, `#/parcel/${byCode}`);
  await other.waitForSelector("main .notice");
  same("no cash meanwhile", await other.locator(`a[href="#/take/${byCode}"]`).count(), 0);
  await page.waitForSelector("main .notice.done");
  same("paid once", await paymentsOf(byCode), [[1, "qr", "taken", DUE]]);

  // The buyer does not pay the code; the next one has another number.
  await askFor(page, ended, "code");
  await page.click("button.tall");
  await page.waitForSelector("button[data-keep=end]");
  // At once: the simulated buyer pays soon. Whoever is first, it is one order with one end.
  await page.evaluate(() => document.querySelector("button[data-keep=end]")?.click());
  await page.waitForSelector("main .notice.act, main .notice.done");
  same("one order that is over", (await paymentsOf(ended)).map(([number, how, state]) => [
    number, how, ["declined", "taken"].includes(state),
  ]), [[1, "qr", true]]);

  // The answer is lost on the way: the order may be there, so no cash until the books say.
  await askFor(page, lost, "code");
  breaksOff = true;
  await page.route(`**${BROKEN_OFF}`, async (route) => {
    await route.fetch();
    await route.abort();
  });
  await page.click("button.tall");
  await page.waitForURL(`**/phone#/code/${lost}/1`);
  await page.waitForSelector("button[data-keep=again]");
  await context.setOffline(true);
  await go(page, `#/parcel/${lost}`);
  await page.waitForSelector("main .notice");
  same("no cash before the answer", await page.locator(`a[href="#/take/${lost}"]`).count(), 0);
  await page.unroute(`**${BROKEN_OFF}`);
  breaksOff = false;
  await context.setOffline(false);
  await go(page, `#/code/${lost}/1`);
  // The simulated buyer may have paid meanwhile.
  await page.waitForSelector("button[data-keep=again], main .notice.done");
  await page.evaluate(() => document.querySelector("button[data-keep=again]")?.click());
  await page.waitForSelector("main .notice.done");
  same("one order after a lost answer", await paymentsOf(lost), [[1, "qr", "taken", DUE]]);

  // The terminal takes the request up and asks for the card: paid, and in the books.
  await askFor(page, byCard, "card");
  await page.click("button.tall");
  await page.waitForURL(`**/phone#/card/${byCard}/**`);
  await page.waitForSelector("main .notice.done");
  same("by card, once", await paymentsOf(byCard), [[1, "card", "taken", DUE]]);
  await inBooks(byCard, ["delivered", 1, DUE]);
  // Declined: nothing is taken, and the buyer can pay in another way.
  await askFor(page, short, "card");
  await page.click("button.tall");
  await page.waitForSelector("main .notice.act");
  same("declined, once", await paymentsOf(short), [[1, "card", "declined", SHORT]]);
  await inBooks(short, ["out", 1, 0]);
  await go(page, `#/take/${short}`);
  await hold(page, new RegExp(`#/receipt/${short}/2`));
  await inBooks(short, ["delivered", 2, SHORT]);

  await other.close();
}

// The hand-over, with its code.
await go(page, "#/cash");
await page.click("button:has-text('Start hand-over')");
await page.waitForSelector("p.code");
same("a code", /^\d{6,}$/.test(await page.innerText("p.code")), true);

// Each screen in both languages and both themes: axe, and nothing wider than the screen.
const more = await operator.give("announce-parcel", {
  seller: seller.seller, currency: seller.currency, due: 128_950, reference: "phone-last",
});
const last = more.events.find((one) => one.event === "ParcelAnnounced").parcel;
await operator.give("assign-parcels", { firm, parcels: [{ parcel: last }] });
await operator.give("dispatch-parcels", { courier: before.courier, parcels: [{ parcel: last }] });
await go(page, "#/");
await page.reload();
await page.waitForSelector(`a[href="#/parcel/${last}"]`);
const SCREENS = {
  tour: "#/", parcel: `#/parcel/${last}`, take: `#/take/${last}`, code: `#/ask/${last}/code`,
  card: `#/ask/${last}/card`, asked: `#/card/${last}/1/128950/4102444800000`, paid: `#/code/${byCode}/1`,
  ended: `#/code/${ended}/1`, declined: `#/card/${short}/1`,
  part: `#/part/${last}`, away: `#/away/${last}`, refuse: `#/refuse/${last}`, scan: "#/scan",
  cash: "#/cash", outbox: "#/outbox", more: "#/more", receipt: `#/receipt/${offline[0]}/1`,
};
// A camera would find its parcel and leave the screen.
await page.evaluate(() => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new Error("no camera"));
});
let screens = 0;
for (const language of ["zh", "en"]) {
  for (const theme of ["light", "dark"]) {
    await go(page, "#/more");
    await page.click(`button[data-keep=language-${language}]`);
    await page.click(`button[data-keep=theme-${theme}]`);
    await page.waitForSelector(`html[data-theme=${theme}]`);
    for (const [name, hash] of Object.entries(SCREENS)) {
      await go(page, hash);
      await page.waitForSelector(`main[data-screen="${hash}"]`, { state: "attached" });
      const whole = `${name} ${language} ${theme}`;
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      for (const one of found.violations) {
        fault(`${whole}: ${one.id}: ${one.nodes[0].target} ${one.nodes[0].failureSummary}`);
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) fault(`${whole}: ${wide} px wider than the screen`);
      if (shots) {
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: `${shots}/${whole.replaceAll(" ", "-")}.png` });
      }
      screens += 1;
    }
  }
}

// Signing out erases.
await go(page, "#/more");
await page.click("button:has-text('Sign out')");
await page.waitForURL(/\/sign-in/);
const left = await page.evaluate(async () => [
  (await indexedDB.databases()).length,
  (await caches.keys()).length,
  (await navigator.serviceWorker.getRegistrations()).length,
]);
same("left after signing out", left, [0, 0, 0]);
await context.close();

console.log(JSON.stringify({ courier: before.name, in_hand: now.cash.in_hand + SHORT, screens }));
if (faults.length > 0) {
  console.log([...new Set(faults)].join("\n"));
  process.exit(1);
}
