// Checks pages in files: html-validate by the standard of HTML, Chromium and axe.
//   node html.mjs MODULES FILE...
// MODULES has node_modules. Prints how many pages there were.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const [modules, ...files] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const { HtmlValidate } = require("html-validate");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const faults = [];
const validator = new HtmlValidate({ extends: ["html-validate:standard"], elements: ["html5"] });
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
const context = await browser.newContext({ viewport: { width: 720, height: 900 } });
// A page in a mail needs nothing of elsewhere; others have their style sheets on the server.
await context.setOffline(true);
const page = await context.newPage();
for (const file of files) {
  const report = await validator.validateString(readFileSync(file, "utf8"));
  for (const { messages } of report.results) {
    for (const one of messages) {
      faults.push(`${file}:${one.line}:${one.column}: ${one.ruleId}: ${one.message}`);
    }
  }
  await page.goto(`file://${resolve(file)}`);
  if ((await page.innerText("h1")).trim() === "") faults.push(`${file}: no heading`);
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  for (const one of found.violations) {
    const at = one.nodes.slice(0, 2).map((node) => `${node.target} ${node.failureSummary}`);
    faults.push(`${file}: ${one.id}: ${at.join(" | ").replaceAll("\n", " ")}`);
  }
}
await browser.close();
for (const fault of faults) console.error(fault);
console.log(`${files.length} pages`);
process.exit(faults.length ? 1 : 0);
