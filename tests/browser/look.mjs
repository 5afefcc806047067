// Looks at report pages in Chromium and prints what it found as JSON: `node look.mjs CHROMIUM FOLDER PAGE...`.
// It judges nothing; tests/report/test_report_in_a_browser.py does. FOLDER receives a PDF of each page.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"];
const SCHEMES = ["light", "dark"];
const WIDTHS = [390, 1280];
// Every name resolves to nothing, so that a request can be seen but not answered.
const FLAGS = [
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking",
  "--disable-component-update --disable-sync --host-resolver-rules=MAP|*|~NOTFOUND",
].flatMap((line) => line.split(" ").map((flag) => flag.replaceAll("|", " ")));

/** What a page asks for beyond itself, and what the browser complains of. */
async function requests(browser, url) {
  const context = await browser.newContext({ offline: true });
  const page = await context.newPage();
  const asked = [];
  const complaints = [];
  page.on("request", (request) => request.url() !== url && asked.push(request.url()));
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url, { waitUntil: "load" });
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  await page.waitForTimeout(100);
  await context.close();
  return { asked, complaints };
}

/** What axe-core finds, with all that is folded open. */
async function accessibility(page, scheme) {
  await page.emulateMedia({ colorScheme: scheme });
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => (one.open = true)));
  await page.evaluate(AXE);
  return page.evaluate(async (rules) => {
    const found = await axe.run({ runOnly: rules });
    const told = (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}`);
    return { violations: found.violations.flatMap(told), passes: found.passes.map((rule) => rule.id) };
  }, RULES);
}

/** What overflows, overlaps or is cut, as the page is first seen and with all that is folded open. */
async function layout(page, width, scheme) {
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme: scheme });
  const found = [];
  for (const open of [false, true]) {
    found.push(await page.evaluate(measured, open));
  }
  const joined = (name) => [...new Set(found.flatMap((one) => one[name]))];
  return Object.fromEntries(Object.keys(found[0]).map((name) => [name, joined(name)]));
}

function measured(open) {
  document.querySelectorAll("details").forEach((one) => (one.open = open));
  const root = document.documentElement;
  const overflow = root.scrollWidth > root.clientWidth ? [`${root.scrollWidth} > ${root.clientWidth}`] : [];
  const overlaps = [];
  const outside = [];
  const counted = [];
  const small = [];
  for (const picture of document.querySelectorAll("svg")) {
    const name = picture.querySelector("title")?.textContent ?? "a picture";
    const frame = picture.getBoundingClientRect();
    const scale = frame.width / picture.viewBox.baseVal.width;
    for (const label of picture.querySelectorAll("text")) {
      const size = parseFloat(getComputedStyle(label).fontSize) * scale;
      if (size < 12) small.push(`${name}: ${label.textContent} ${size.toFixed(1)}`);
    }
    const labels = [...picture.querySelectorAll("text")].map((label) => {
      const box = label.getBoundingClientRect();
      // A font's box is higher than its letters.
      const air = box.height / 6;
      return { text: label.textContent, left: box.left, right: box.right, top: box.top + air, bottom: box.bottom - air };
    });
    counted.push(`${name}: ${labels.length}`);
    labels.forEach((one, place) => {
      if (one.left < frame.left - 1 || one.right > frame.right + 1 || one.top < frame.top - 1 || one.bottom > frame.bottom + 1)
        outside.push(`${name}: ${one.text}`);
      for (const other of labels.slice(place + 1)) {
        const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (across > 0.5 && down > 0.5) overlaps.push(`${name}: ${one.text} / ${other.text}`);
      }
    });
  }
  // What sticks out of its box is cut where the box hides it; a box that scrolls must be reached by keyboard.
  const cut = [...document.body.querySelectorAll("*")].filter((one) => {
    if (!(one instanceof HTMLElement) || one.scrollWidth <= one.clientWidth + 1) return false;
    const style = getComputedStyle(one);
    return ["hidden", "clip"].includes(style.overflowX) || (["auto", "scroll"].includes(style.overflowX) && one.tabIndex < 0);
  });
  // A command that is broken inside a word is typed wrong.
  const torn = [];
  for (const code of document.querySelectorAll("code")) {
    const letters = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    while (letters.nextNode()) {
      for (const word of letters.currentNode.data.matchAll(/\S+/g)) {
        const range = document.createRange();
        range.setStart(letters.currentNode, word.index);
        range.setEnd(letters.currentNode, word.index + word[0].length);
        if (word[0].length <= 36 && range.getClientRects().length > 1) torn.push(word[0]);
      }
    }
  }
  const told = (one) => `${one.tagName.toLowerCase()}.${one.className}: ${one.textContent.slice(0, 60)}`;
  return { overflow, overlaps, outside, cut: cut.map(told), torn, small, labels: counted };
}

/** Print on A4. Links that cover a part of the page come out in the PDF as annotations: they tell on which sheet it lies. */
async function print(page, path) {
  await page.emulateMedia({ media: "print" });
  await page.evaluate(() => {
    document.querySelectorAll("details").forEach((one) => (one.open = false));
    const cover = (element, name) => {
      const link = document.createElement("a");
      link.href = `https://${name}.example/`;
      link.style.cssText = "position:absolute;inset:0";
      element.style.position = "relative";
      element.append(link);
    };
    document.querySelectorAll("figure").forEach((figure, place) => {
      figure.querySelectorAll(".panels > *").forEach((panel) => cover(panel, `figure-${place}`));
      cover(figure.querySelector("figcaption"), `figure-${place}`);
    });
    document.querySelectorAll("h2").forEach((heading, place) => {
      cover(heading, `heading-${place}`);
      // Of what follows only the beginning must stand with its heading.
      const start = document.createElement("span");
      start.style.cssText = "position:absolute;left:0;top:0;width:20px;height:8px";
      const next = heading.nextElementSibling;
      next.style.position = "relative";
      next.prepend(start);
      cover(start, `heading-${place}`);
      start.style.position = "absolute";
    });
  });
  await page.pdf({ path, preferCSSPageSize: true });
}

const [executablePath, folder, ...paths] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: FLAGS });
const found = {};
for (const [place, path] of paths.entries()) {
  const url = pathToFileURL(path).href;
  const page = await browser.newPage();
  await page.goto(url);
  const looks = WIDTHS.flatMap((width) => SCHEMES.map((scheme) => [width, scheme]));
  found[path] = { requests: await requests(browser, url), layout: {}, axe: {}, pdf: `${folder}/${place}.pdf` };
  for (const [width, scheme] of looks) found[path].layout[`${width} ${scheme}`] = await layout(page, width, scheme);
  for (const scheme of SCHEMES) found[path].axe[scheme] = await accessibility(page, scheme);
  await print(page, found[path].pdf);
  await page.close();
}
await browser.close();
console.log(JSON.stringify(found));
