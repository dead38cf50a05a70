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

async function look(screen, colorScheme, url, path) {
  const silent = await browser.newContext({ ...screens[screen], colorScheme, javaScriptEnabled: false });
  const page = await silent.newPage();
  const troubles = [];
  page.on("console", (message) => message.type() === "error" && troubles.push(message.text()));
  page.on("request", (request) => request.url().startsWith("data:") || asked.push(request.url()));
  const asked = [];
  const response = await page.goto(url, { waitUntil: "load" });
  const text = await page.locator("body").innerText();
  await page.screenshot({ path, fullPage: true });
  await silent.close();

  const audited = await browser.newContext({ ...screens[screen], colorScheme, bypassCSP: true });
  const again = await audited.newPage();
  await again.goto(url, { waitUntil: "load" });
  await again.evaluate(axe);
  const found = await again.evaluate(() => window.axe.run(document));
  const wide = await again.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  await audited.close();
  return {
    status: response.status(),
    text,
    asked,
    troubles,
    wide,
    passed: found.passes.length,
    violations: found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" | ").slice(0, 300)}`),
  };
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const { url, name } = JSON.parse(line);
  const seen = {};
  try {
    for (const screen of Object.keys(screens))
      for (const scheme of ["light", "dark"])
        seen[`${screen} ${scheme}`] = await look(screen, scheme, url, `${folder}/${name}-${screen}-${scheme}.png`);
    console.log(JSON.stringify({ seen }));
  } catch (error) {
    console.log(JSON.stringify({ failed: String(error) }));
  }
}
await browser.close();
