// A reader with a browser: looks at a page on a phone and a desktop, in light and dark, without
// JavaScript, and audits it with axe-core.
//
//   node pages.mjs CHROMIUM FOLDER    takes {"url", "name"} from standard input, one line each
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const axe = createRequire(import.meta.url)("axe-core").source;
const [, , executablePath, folder] = process.argv;
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});
const screens = {
  phone: { viewport: { width: 360, height: 780 }, deviceScaleFactor: 2, isMobile: true },
  desktop: { viewport: { width: 1280, height: 900 } },
};

const readers = {};

// One who reads without JavaScript, and one who audits; both stay for all pages.
async function reader(screen, colorScheme) {
  const settings = { ...screens[screen], colorScheme };
  const silent = await browser.newContext({ ...settings, javaScriptEnabled: false });
  const audited = await browser.newContext({ ...settings, bypassCSP: true });
  const seen = { page: await silent.newPage(), audit: await audited.newPage(), asked: [], troubles: [] };
  for (const page of [seen.page, seen.audit]) {
    // A reader may see what is ten seconds old; we want to see what is there.
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  }
  seen.page.on("console", (message) => message.type() === "error" && seen.troubles.push(message.text()));
  seen.page.on("request", (request) => request.url().startsWith("data:") || seen.asked.push(request.url()));
  return seen;
}

async function look(screen, colorScheme, url, path) {
  const seen = (readers[screen + colorScheme] ??= await reader(screen, colorScheme));
  seen.asked.length = seen.troubles.length = 0;
  const response = await seen.page.goto(url, { waitUntil: "load" });
  const text = await seen.page.locator("body").innerText();
  await seen.page.screenshot({ path, fullPage: true });
  await seen.audit.goto(url, { waitUntil: "load" });
  await seen.audit.evaluate(axe);
  const found = await seen.audit.evaluate(() => window.axe.run(document));
  return {
    status: response.status(),
    text,
    asked: [...seen.asked],
    troubles: [...seen.troubles],
    wide: await seen.audit.evaluate(() => document.documentElement.scrollWidth > window.innerWidth),
    passed: found.passes.length,
    violations: found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" | ").slice(0, 300)}`),
  };
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const { url, name } = JSON.parse(line);
  const seen = {};
  try {
    const each = Object.keys(screens).flatMap((screen) => ["light", "dark"].map((scheme) => [screen, scheme]));
    await Promise.all(each.map(async ([screen, scheme]) => {
      seen[`${screen} ${scheme}`] = await look(screen, scheme, url, `${folder}/${name}-${screen}-${scheme}.png`);
    }));
    console.log(JSON.stringify({ seen }));
  } catch (error) {
    console.log(JSON.stringify({ failed: String(error) }));
  }
}
await browser.close();
