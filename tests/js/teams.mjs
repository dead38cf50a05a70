// A person with a browser in the Agents Playground: fills in the form, presses buttons, and looks.
//
//   node teams.mjs CHROMIUM ADDRESS FOLDER    takes steps from standard input, one line of JSON each
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const [, , executablePath, address, folder] = process.argv;
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
// Fonts and the like come from elsewhere: nothing does here.
await page.route("**/*", (route) =>
  new URL(route.request().url()).hostname === "127.0.0.1" ? route.continue() : route.abort(),
);
await page.goto(address, { waitUntil: "domcontentloaded" });
const box = page.getByRole("textbox").first();
await box.waitFor();

const steps = {
  async say({ text }) {
    await box.click();
    await box.pressSequentially(text);
    await page.keyboard.press("Enter");
  },
  async see({ text }) {
    await page.getByText(text).first().waitFor();
  },
  async fill({ label, text }) {
    await page.getByLabel(label).last().fill(text);
  },
  async choose({ label, option }) {
    await page.getByRole("group", { name: label }).or(page.getByLabel(label)).last()
      .getByText(option, { exact: true }).last().click();
  },
  async press({ name }) {
    await page.getByRole("button", { name, exact: true }).last().click();
  },
  async open({ name }) {
    await page.getByText(name, { exact: true }).first().click();
  },
  async look({ name }) {
    await page.waitForTimeout(600);
    await page.screenshot({ path: `${folder}/${name}.png` });
  },
  async read() {
    return await page.evaluate(() => document.body.innerText);
  },
};

page.setDefaultTimeout(15000);
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const step = JSON.parse(line);
  try {
    console.log(JSON.stringify({ done: (await steps[step.do](step)) ?? true }));
  } catch (error) {
    await page.screenshot({ path: `${folder}/failed.png` });
    console.log(JSON.stringify({ failed: String(error.message).slice(0, 1500) }));
  }
}
await browser.close();
