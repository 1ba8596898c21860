// Visits the console of a demonstration in Chromium, at 360 px, in both languages and themes:
//   node pages.mjs MODULES URL [SHOTS]
// MODULES has node_modules; with SHOTS, pictures of each page are left there, at 1440 px too.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";

const [modules, url, shots] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const LISTS = ["/parcels", "/payments", "/breaks", "/plans", "/accounts", "/postings", "/commands",
  "/custody", "/couriers", "/offers", "/stock-adjustments", "/promotions", "/market-orders"];
const DETAILS = ["/parcels", "/payments?method=credit%20card", "/breaks", "/plans", "/accounts",
  "/offers", "/promotions", "/market-orders", "/market-parcels"];
const FIRST_LOAD_BYTES_MAX = 300_000;

const faults = [];
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

const open = async (language, theme, width, options = {}) => {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: theme,
    bypassCSP: false,
    ...options,
  });
  await context.addCookies([
    { name: "doorstep-language", value: language, url },
    { name: "doorstep-theme", value: theme, url },
  ]);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) {
      faults.push(`${page.url()}: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
  return { context, page };
};

// A file of axe is no part of the page: it is evaluated by the debugger, which the policy allows.
const check = async (page, name) => {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  for (const one of found.violations.filter((one) => ["serious", "critical"].includes(one.impact))) {
    const at = one.nodes.slice(0, 2).map((node) => `${node.target} ${node.failureSummary}`);
    faults.push(`${name}: ${one.id}: ${at.join(" | ").replaceAll("\n", " ")}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) faults.push(`${name}: ${wide} px wider than the screen`);
};

const bytes = async (page, path) => {
  let sum = 0;
  const count = async (response) => {
    const body = await response.body().catch(() => Buffer.alloc(0));
    sum += body.length;
  };
  page.on("response", count);
  await page.goto(url + path, { waitUntil: "networkidle" });
  page.off("response", count);
  if (sum > FIRST_LOAD_BYTES_MAX) faults.push(`${path}: ${sum} bytes at the first load`);
};

const shot = async (page, name) => {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
};

const nameOf = (path) => path.replaceAll(/[^a-z0-9]+/gi, "-").replace(/^-|-$/g, "") || "home";
// Two people: what the one proposes waits for the other. The forms need no script.
const proposed = async (seller, suspended, answer) => {
  const { context, page } = await open("en", "light", 1440, { javaScriptEnabled: false });
  await page.goto(`${url}/as/finance`);
  await page.goto(`${url}/acts/suspend-seller?seller=${seller}&suspended=${suspended}`);
  await page.click(".act-form .primary");
  const notice = await page.locator(".notice").innerText();
  if (!notice.includes(answer)) faults.push(`suspend-seller ${suspended}: ${notice}`);
  await context.close();
};
let seller = "";
{
  const { context, page } = await open("en", "light", 1440);
  await page.goto(`${url}/as/finance`);
  const sellers = await (await page.request.get(`${url}/v1/sellers?limit=1`)).json();
  seller = sellers.items[0].seller;
  await context.close();
}
await proposed(seller, true, "Carried out");
await proposed(seller, false, "waits for a second person");

let visited = 0;
for (const language of ["en", "zh"]) {
  for (const theme of ["light", "dark"]) {
    for (const width of shots ? [360, 1440] : [360]) {
      const { context, page } = await open(language, theme, width);
      const visit = async (path, name = nameOf(path)) => {
        const answer = await page.goto(url + path);
        const isFound = answer.ok() || ["empty", "error"].includes(name);
        if (!isFound) faults.push(`${name} ${path}: status ${answer.status()}`);
        const whole = `${name} ${language} ${theme} ${width}`;
        await shot(page, whole.replaceAll(" ", "-"));
        if (width === 360) await check(page, whole);
        visited += 1;
      };
      await visit("/sign-in");
      await visit("/sign-in/second-factor");
      // The shop window needs no sign-in.
      await visit("/shop");
      await visit(`/shop?q=${encodeURIComponent("茶")}&category=cat_2`, "shop-found");
      await visit("/shop?q=nothing-is-called-so", "shop-empty");
      await visit("/shop/cart", "cart-empty");
      const wares = await page.goto(`${url}/shop`).then(() => page.locator(".ware a").evaluateAll(
        (all) => all.map((one) => one.getAttribute("href"))));
      for (const ware of wares.slice(0, 4)) {
        await visit(ware, "offer");
        if ((await page.locator(".buy .primary").count()) === 0) continue;
        await page.fill("#quantity", "2");
        await page.click(".buy .primary");
        await page.waitForURL(/\/shop\/cart$/);
      }
      await visit("/shop/cart", "cart");
      await visit("/shop/checkout", "checkout");
      await page.click(".stack .primary");
      await page.waitForSelector(".problems");
      const unfilled = `checkout-wrong ${language} ${theme} ${width}`;
      await shot(page, unfilled.replaceAll(" ", "-"));
      if (width === 360) await check(page, unfilled);
      await page.goto(`${url}/as/finance`);
      await visit("/");
      for (const path of LISTS) await visit(path);
      for (const path of DETAILS) {
        await page.goto(url + path);
        const first = await page.getAttribute("#results .rows tbody th a", "href");
        await visit(first, `one-of-${nameOf(path)}`);
      }
      await visit("/parcels?state=out&reference.begins=no-such", "empty");
      await visit("/search?q=s", "search");
      await visit("/access");
      await visit("/design");
      await visit("/routing");
      await visit("/market");
      await visit("/packing");
      const sale = (await (await page.request.get(`${url}/v1/promotions?limit=1`)).json()).items[0];
      await visit(`/promotions/preview?promotion=${sale.promotion}&from=2013-11-11&until=2013-11-11`,
        "preview");
      await visit("/promotions/preview", "preview-form");
      await visit("/pulse/figures/market_gross");
      await visit("/system");
      await visit(`/bank-accounts/${seller}`, "bank-account");
      await visit("/acts");
      await visit("/acts/register-seller", "form");
      await page.click(".act-form .primary");
      await page.waitForSelector(".problems");
      const wrong = `form-wrong ${language} ${theme} ${width}`;
      await shot(page, wrong.replaceAll(" ", "-"));
      if (width === 360) await check(page, wrong);
      const focused = await page.evaluate(() => document.activeElement.className);
      if (!focused.includes("problems")) faults.push(`${wrong}: the focus is on ${focused}`);
      await visit("/acts/publish-tariff", "form-tariff");
      await visit("/acts/propose-break-resolution", "form-break");
      await visit(`/acts/set-seller-terms?seller=${seller}&currency=CNY`, "form-terms");
      await visit("/acts/set-refund-limit", "form-factor");
      for (const path of ["/policy", "/policy/held", "/policy/appeals", "/policy/report"]) {
        await visit(path);
      }
      await visit("/policy/offers/off_900003", "policy-of-offer-judge");
      await visit("/text-decisions");
      await visit("/proposals");
      await visit("/proposals/1", "proposal");
      const parcel = (await (await page.request.get(`${url}/v1/parcels?limit=1`)).json()).items[0];
      await visit(`/parcels/${parcel.parcel}?since=${Math.max(1, parcel.from_batch - 1)}`, "since");
      await visit("/no-such-page", "error");
      await page.goto(`${url}/as/administrator`);
      await visit("/people");
      await visit(await page.getAttribute("main tbody th a", "href"), "person");
      await page.goto(`${url}/as/seller`);
      await visit("/", "seller");
      await visit("/offers", "seller-offers");
      await visit("/packing", "seller-packing");
      await visit("/offers/import", "seller-import");
      await visit("/statements");
      await visit("/import");
      await visit("/policy/offers/off_900003", "policy-of-offer");
      await page.goto(`${url}/as/firm`);
      await visit("/", "firm");
      await visit("/statements", "firm-statement");
      await context.close();
    }
  }
}

// A double click has one effect; what is typed finds its choices; the keyboard is enough.
{
  const { context, page } = await open("en", "light", 1440);
  await page.goto(`${url}/as/operator`);
  await page.goto(`${url}/acts/announce-parcel`);
  // The first one is suspended.
  const name = await page.evaluate(async (seller) => {
    const found = await (await fetch("/v1/sellers?limit=2")).json();
    return found.items.find((one) => one.seller !== seller).reference;
  }, seller);
  const asked = page.waitForResponse((response) => response.url().includes("/choices?view=orders")
    || response.url().includes("/choices?view=sellers"), { timeout: 60_000 }).catch(() => null);
  const isList = await page.evaluate(() => document.getElementById("f-seller").tagName === "INPUT");
  if (isList) {
    await page.locator("#f-seller").pressSequentially(name.slice(0, 4));
    if ((await asked) === null) faults.push("nothing is asked while a seller is typed");
    await page.fill("#f-seller", name);
  } else {
    await page.selectOption("#f-seller", { label: name });
  }
  await page.fill("#f-reference", "double-click");
  await page.fill("#f-due", "1,234.50");
  await page.locator("#f-due").focus();
  await page.keyboard.press("Tab");
  await page.locator(".act-form .primary").dblclick();
  await page.waitForSelector("main .notice");
  const found = await (await page.request.get(`${url}/v1/orders?reference=double-click`)).json();
  if (found.items.length !== 1) faults.push(`a double click announced ${found.items.length}`);
  await context.close();
}

// Follows a link or presses a button that has the focus by the keyboard alone.
const press = async (page, locator) => {
  for (let tabs = 0; tabs < 120; tabs += 1) {
    if (await locator.evaluate((one) => one === document.activeElement)) {
      await page.keyboard.press("Enter");
      return;
    }
    await page.keyboard.press("Tab");
  }
  faults.push(`${page.url()}: Tab does not lead to ${locator}`);
};

// A seller's day by the keyboard: the money, a file of orders with a bad line, the statement.
{
  const { context, page } = await open("en", "light", 1440);
  await page.goto(`${url}/as/seller`);
  await bytes(page, "/");
  const own = await page.locator("h1").innerText();
  await press(page, page.locator("main .acts a", { hasText: "Import orders" }));
  await page.waitForURL(/\/import$/);
  const lines = `order,seller,currency,amount_due\nK-1,${own},CNY,10.00\nK-2,x,CNY,y\n`;
  const file = { name: "orders.csv", mimeType: "text/csv", buffer: Buffer.from(lines) };
  await page.setInputFiles("#f-file", file);
  await press(page, page.locator(".act-form .primary"));
  await page.waitForSelector("main .notice");
  const notice = await page.locator("main .notice").first().innerText();
  if (!notice.includes("New parcels: 1")) faults.push(`the import: ${notice}`);
  if ((await page.locator("main tbody th").first().innerText()) !== "3") faults.push("no bad line");
  await shot(page, "imported-en-light-1440");
  await press(page, page.locator("main .notice a"));
  await page.waitForURL(`${url}/parcels`);
  if (!(await page.locator("#results").innerText()).includes("K-1")) faults.push("K-1 is not listed");
  await press(page, page.locator("nav a", { hasText: "Statement" }));
  await page.waitForURL(/\/statements\/sel_/);
  await bytes(page, new URL(page.url()).pathname);
  await context.close();
}

// The queue by the keyboard: j to the first text, j to its acts, Enter opens the form; a text that is
// published leaves the queue.
{
  const { context, page } = await open("en", "light", 1440);
  await page.goto(`${url}/as/operator`);
  await page.goto(`${url}/policy/held`);
  const before = await page.locator(".ruling").count();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acts\/decide-text/);
  await press(page, page.locator(".act-form .primary"));
  await page.waitForSelector("main .notice");
  await page.goto(`${url}/policy/held`);
  const after = await page.locator(".ruling").count();
  if (after !== before - 1) faults.push(`the queue had ${before} texts and has ${after}`);
  // A judge does not see what was decided first, until the judgement is given.
  await page.goto(`${url}/policy/appeals`);
  const waits = await page.locator("main").innerText();
  if (waits.includes("contact-outside")) faults.push("the first judgement is shown");
  await press(page, page.locator(".ruling .acts a").first());
  await page.waitForURL(/\/acts\/judge-appeal/);
  await page.check("input[value=Publish]");
  await press(page, page.locator(".act-form .primary"));
  await page.waitForSelector("main .notice");
  await page.goto(`${url}/policy/offers/off_900003`);
  const told = await page.locator("main").innerText();
  if (!told.includes("reversed") || !told.includes("contact-outside")) faults.push(`not told: ${told}`);
  await context.close();
}

// A buyer orders by the keyboard alone: search, offer, cart, checkout; follows the parcel, which
// the operator then has in the console. No script, and no sign-in.
{
  const { context, page } = await open("en", "light", 1440);
  await bytes(page, "/shop");
  await page.goto(`${url}/shop`);
  await page.keyboard.press("Tab");
  while (!(await page.evaluate(() => document.activeElement.name === "q"))) {
    await page.keyboard.press("Tab");
  }
  await page.keyboard.type("clay");
  await page.keyboard.press("Enter");
  await page.waitForURL(/q=clay/);
  await press(page, page.locator(".ware a").first());
  await page.waitForURL(/\/shop\/offers\/off_/);
  await bytes(page, new URL(page.url()).pathname);
  await press(page, page.locator(".buy .primary"));
  await page.waitForURL(/\/shop\/cart$/);
  await press(page, page.locator("a", { hasText: "Go to checkout" }));
  await page.waitForURL(/\/shop\/checkout$/);
  const fields = { name: "Wang Xiaoming", phone: "+86 138 0013 8000", address: "Century Avenue" };
  for (const [name, text] of Object.entries(fields)) {
    while ((await page.evaluate(() => document.activeElement.name)) !== name) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.type(text);
  }
  await press(page, page.locator(".stack .primary"));
  await page.waitForURL(/\/shop\/orders\/ord_/);
  await check(page, "ordered");
  await shot(page, "ordered-en-light-1440");
  await press(page, page.locator("a", { hasText: "Follow this parcel" }));
  await page.waitForURL(/\/v1\/tracking\//);
  await check(page, "tracking");
  await shot(page, "tracking-en-light-1440");
  const parcel = (await page.locator("main .note").last().innerText()).trim();
  // A link has random digits: some of the number are no trace of it.
  const told = page.url() + (await page.content());
  if (/Wang|138 ?0013 ?8000|Century/.test(told)) faults.push("a link has a name");
  await page.goto(`${url}/as/operator`);
  let shown = null;
  for (let tries = 0; tries < 100 && shown?.status() !== 200; tries += 1) {
    shown = await page.goto(`${url}/parcels/${parcel}`);
    if (shown.status() !== 200) await page.waitForTimeout(200);
  }
  if (shown.status() !== 200) faults.push(`the console has no ${parcel}: ${shown.status()}`);
  await context.close();
}

// A firm's day by the keyboard: the couriers, the hand-overs, the commission.
{
  const { context, page } = await open("zh", "dark", 1440);
  await page.goto(`${url}/as/firm`);
  await press(page, page.locator(".portal h2 a").first());
  await page.waitForURL(/\/custody$/);
  await page.goBack();
  await press(page, page.locator(".portal tbody th a").first());
  await page.waitForURL(/\/custody\/cou_/);
  await page.goBack();
  await press(page, page.locator("main .acts a").last());
  await page.waitForURL(/\/statements\/firm_/);
  if ((await page.locator("main tbody tr").count()) < 2) faults.push("a firm earned nothing");
  await context.close();
}

// Another person approves in another browser, by the keyboard.
{
  const { context, page } = await open("en", "light", 1440);
  await page.goto(`${url}/as/approver`);
  await page.goto(`${url}/proposals/1`);
  await page.locator("button[value=approve]").focus();
  await page.keyboard.press("Enter");
  await page.waitForSelector("main .notice");
  const notice = await page.locator("main .notice").innerText();
  if (!notice.includes("Carried out")) faults.push(`the second person: ${notice}`);
  const row = (await (await page.request.get(`${url}/v1/sellers?seller=${seller}`)).json()).items[0];
  if (row.suspended !== false) faults.push("the suspension is not lifted");
  await shot(page, "done-en-light-1440");
  await context.close();
}

// Keys, and lists that change in place.
{
  const { context, page } = await open("en", "light", 1440);
  await page.goto(`${url}/as/finance`);
  await bytes(page, "/parcels");
  await page.keyboard.press("/");
  const focused = await page.evaluate(() => document.activeElement.name);
  if (focused !== "q") faults.push(`the key / leads to ${focused}`);
  await page.keyboard.press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/parcels\/par_/);
  await page.goto(`${url}/parcels`);
  await page.selectOption("select[name=state]", "delivered");
  await page.waitForURL(/state=delivered/);
  const states = await page.locator("#results td[data-label=State]").allInnerTexts();
  if (states.length === 0 || states.some((state) => state !== "delivered")) {
    faults.push(`a filter of delivered shows ${[...new Set(states)]}`);
  }
  if (page.url().includes("form=1")) faults.push(`${page.url()} is no permanent link`);
  // A page of now follows the books; one of the past does not.
  await page.goto(`${url}/wallets`);
  const past = await context.newPage();
  await past.goto(`${url}/wallets?at=1`);
  if ((await past.getAttribute("#asof", "data-batch")) !== null) faults.push("the past is followed");
  await past.goto(`${url}/acts/register-wallet`);
  await past.fill("#f-reference", "followed");
  await past.click(".act-form .primary");
  await past.waitForSelector("main .notice");
  await page.bringToFront();
  await page.waitForSelector("#results th:has-text('followed')", { timeout: 120_000 });
  await context.close();
}

// A passkey is made on one's own page, and signs in; the code does without scripts.
{
  const { context, page } = await open("en", "light", 360);
  const debug = await context.newCDPSession(page);
  await debug.send("WebAuthn.enable");
  await debug.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true,
      isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
  await page.goto(`${url}/as/auditor?next=/access`);
  await page.fill("#passkey-name", "Key 1");
  await page.click("#new-passkey button");
  await page.waitForSelector("text=Key 1");
  await check(page, "access with a passkey");
  await page.goto(`${url}/as/auditor`);
  await page.goto(`${url}/access`);
  await page.click("button[data-passkey]");
  await page.waitForSelector("#new-passkey");
  await context.clearCookies();
  await page.goto(`${url}/sign-in?next=/parcels`);
  await page.click("button[data-passkey]");
  await page.waitForURL(`${url}/parcels`);
  await page.goto(`${url}/access`);
  await page.click("button[value=remove-passkey]");
  await page.waitForLoadState();
  if ((await page.locator("text=Key 1").count()) > 0) faults.push("the passkey is still there");
  await context.close();
}

// Without scripts everything can be read.
{
  const { context, page } = await open("en", "light", 360, { javaScriptEnabled: false });
  await page.goto(`${url}/as/auditor`);
  await page.goto(`${url}/parcels`);
  if ((await page.locator("#results tbody tr").count()) === 0) faults.push("no rows without scripts");
  await page.fill("input[name='reference.begins']", "no-such");
  await page.click(".filters .go");
  if (!page.url().includes("reference.begins=no-such")) faults.push(`${page.url()}: no filter`);
  await context.close();
}

// A visitor makes something happen: parcels for the courier's phone, then the next business day.
{
  const { context, page } = await open("en", "light", 360);
  const choose = async (words) => {
    await page.goto(`${url}/as/finance`);
    await page.click(".demo summary:has-text('Make something happen')");
    await page.click(`.demo button:has-text('${words}')`);
  };
  await choose("Take parcels to the door by phone");
  await page.waitForURL(`${url}/phone`);
  await page.waitForSelector("text=5 to deliver");
  await choose("Move to the next business day");
  await page.waitForURL(/\/demo\/next-day\?since=/);
  const said = await page.locator("main").innerText();
  if (!said.includes("It is ") || !said.includes("2013")) faults.push(`no new day: ${said}`);
  // A network is withdrawn from now on, unless another time is typed.
  await page.goto(`${url}/as/finance`);
  await page.click(".demo summary:has-text('Make something happen')");
  await page.click(".demo a[href*='withdraw-network']");
  await page.selectOption("select[name=network]", { index: 1 });
  await page.click(".act-form .primary");
  const notice = await page.locator("main .notice").innerText();
  if (!notice.includes("waits for a second person")) faults.push(`no withdrawal: ${notice}`);
  await context.close();
}

await browser.close();
console.log(`${visited} pages`);
if (faults.length > 0) {
  console.log([...new Set(faults)].join("\n"));
  process.exit(1);
}
