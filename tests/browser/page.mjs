// A browser that a test drives: one command in JSON on each line of standard input, one answer in JSON on standard output.
// Playwright and axe are installed by `cargo xtask test`; REPROQ_TEST_CHROMIUM names the browser.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.REPROQ_TEST_BROWSER, "package.json"));
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const browser = await chromium.launch({ executablePath: process.env.REPROQ_TEST_CHROMIUM, args: ["--no-sandbox"] });
const seen = { requests: [], problems: [] };
const bodies = [];
let page;

const commands = {
  // Opens a page in a new context.
  async open({ url, script = true, dark = false, width = 1280 }) {
    await page?.context().close();
    const context = await browser.newContext({
      javaScriptEnabled: script,
      colorScheme: dark ? "dark" : "light",
      viewport: { width, height: 900 },
    });
    page = await context.newPage();
    Object.assign(seen, { requests: [], problems: [] });
    bodies.length = 0;
    page.on("request", (request) => seen.requests.push(request.url()));
    page.on("response", (response) => {
      if (response.headers()["content-type"]?.startsWith("text/event-stream")) return;
      bodies.push(response.body().catch(() => ""));
    });
    page.on("console", (message) => {
      if (message.type() === "error") seen.problems.push(message.text());
    });
    page.on("pageerror", (error) => seen.problems.push(String(error)));
    const response = await page.goto(url, { waitUntil: "load" });
    return { status: response.status() };
  },
  // Opens another page in the same context.
  async visit({ url }) {
    await page.goto(url, { waitUntil: "load" });
    return null;
  },
  // What an accessibility checker finds, by the rules of WCAG AA and its best practices.
  async axe() {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  },
  async seen() {
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null);
    const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0);
    return { ...seen, paint, bytes };
  },
  // Waits for a text in an element.
  async wait({ selector, text }) {
    await page.locator(selector, { hasText: text }).first().waitFor({ timeout: 30_000 });
    return null;
  },
  async text({ selector }) {
    return await page.locator(selector).first().innerText();
  },
  async visible({ selector }) {
    return await page.locator(selector).filter({ visible: true }).count();
  },
  async fill({ selector, text }) {
    await page.locator(selector).fill(text);
    return null;
  },
  async click({ selector }) {
    await page.locator(selector).first().click();
    return null;
  },
  async press({ key }) {
    await page.keyboard.press(key);
    // A page that is being left cannot be asked.
    return await page
      .evaluate(() => {
        const { id, textContent } = document.activeElement;
        return id || document.activeElement.getAttribute("aria-label") || textContent;
      })
      .catch(() => null);
  },
  // How much wider the content is than the window.
  async overflow() {
    return await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  },
  async resize({ width }) {
    await page.setViewportSize({ width, height: 900 });
    return null;
  },
  async screenshot({ path }) {
    await page.screenshot({ path, fullPage: true });
    return null;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...options } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ value: await commands[command](options) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
