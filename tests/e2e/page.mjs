// The patient page in a real browser: node page.mjs MODULES-DIRECTORY URL LAST-NAME. Ends with "N passed, N failed".
import { createRequire } from 'node:module';

const [modules, url, known] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
let passed = 0, failed = 0;

async function check(name, width, body) {
  const page = await browser.newPage({ viewport: { width, height: 800 } });
  const complaints = [];
  page.on('console', (m) => { if (m.type() === 'error') complaints.push(m.text()); });
  page.on('pageerror', (e) => complaints.push(String(e)));
  try {
    await page.goto(url);
    await body(page);
    if (complaints.length) throw new Error(`the browser complained: ${complaints.join('; ')}`);
    passed++;
  } catch (e) {
    failed++;
    console.log(`FAILED ${name} at ${width} px: ${e.message}`);
  }
  await page.close();
}

function must(condition, text) {
  if (!condition) throw new Error(text);
}

// Only keys: the cursor is in the field when the page opens, Enter sends.
async function find(page, name) {
  await page.waitForFunction(() => document.activeElement?.id === 'name');
  await page.keyboard.type(name);
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

const rows = (page) => page.locator('table tbody tr');
const status = (page) => page.getByRole('status').innerText();

for (const width of [390, 1280]) {
  await check('finds a patient by last name with the keyboard alone', width, async (page) => {
    await find(page, known);
    must(await rows(page).count() > 0, 'nobody was found');
    for (const text of await rows(page).allInnerTexts()) {
      must(text.toLowerCase().includes(known.toLowerCase()), 'a row has another name');
      must(/\b(19|20)\d\d-\d\d-\d\d\b/.test(text), 'a row has no date of birth');
    }
    must(!page.url().toLowerCase().includes(known.toLowerCase()), 'the name is in the URL');
  });
  await check('shows name, date of birth and MRN as columns', width, async (page) => {
    await find(page, known);
    const heads = await page.locator('table th').evaluateAll((list) => list.map((th) => th.textContent.trim()));
    for (const wanted of ['Name', 'Date of birth', 'Sex', 'MRN', 'Source EHR'])
      must(heads.includes(wanted), `no column ${wanted}`);
  });
  await check('the beginning of a name in other case is enough', width, async (page) => {
    await find(page, known.slice(0, 4).toUpperCase());
    must(await rows(page).count() > 0, 'nobody was found');
  });
  await check('says that nobody was found', width, async (page) => {
    await find(page, 'Zzyzxqq');
    must(await rows(page).count() === 0, 'somebody was found');
    must((await status(page)).length > 0, 'no message');
  });
  await check('what was typed cannot become markup', width, async (page) => {
    await find(page, '"><img src=x onerror=alert(1)>');
    must(await page.locator('img').count() === 0, 'an element was made of the input');
    must(await page.locator('#name').inputValue() === '"><img src=x onerror=alert(1)>', 'the input was not kept');
  });
  await check('nothing is wider than the window', width, async (page) => {
    await find(page, known);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    must(wide <= 0, `${wide} px stick out`);
  });
  await check('every control has a name', width, async (page) => {
    const unnamed = await page.locator('input:not([type=hidden]), select').evaluateAll(
      (list) => list.filter((e) => !e.labels || !e.labels.length).length);
    must(unnamed === 0, `${unnamed} controls without label`);
  });
}

await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
