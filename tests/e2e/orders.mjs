// Order entry in a sandbox: node orders.mjs MODULES-DIRECTORY FIRTH WORK-DIRECTORY. A person opens a chart, orders drugs, sees
// the cards of Firth's own CDS services, accepts a suggestion, overrides a card and signs; with the keyboard, at the widths of
// a phone and a desk. SHOTS=DIR keeps pictures. Ends with "N passed, N failed".
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const [modules, firth, work] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
let passed = 0, failed = 0, page;
const children = [];

function must(condition, text) {
  if (!condition) throw new Error(text);
}

// ---- the servers ----------------------------------------------------------------------------------------------------

function start(args, member) {
  const child = spawn(firth, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: work });
  children.push(child);
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (d) => { text += d; const m = /"event":"listening".*"base":"([^"]*)"/.exec(text); if (m) resolve(m[1]); });
    child.on('exit', () => reject(new Error(`${member} ended: ${text}`)));
  });
}

const patient = (id, family) => ({ resourceType: 'Patient', id, name: [{ family, given: ['Ada'] }], birthDate: '1980-02-03', gender: 'female' });
const order = (id, text, code) => ({ resourceType: 'MedicationRequest', id, status: 'active', intent: 'order', subject: { reference: 'Patient/p1' },
  medicationCodeableConcept: { text, coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code, display: text }] } });
writeFileSync(`${work}/chart.json`, JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry: [
  patient('p1', 'Quill'), patient('p2', 'Ash'), order('m1', 'warfarin', '11289'),
  { resourceType: 'AllergyIntolerance', id: 'a1', patient: { reference: 'Patient/p1' }, criticality: 'high',
    clinicalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }] },
    code: { text: 'Penicillin', coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '70618', display: 'Penicillin' }] } },
].map((resource) => ({ resource, fullUrl: `http://x.example/${resource.resourceType}/${resource.id}` })) }));

// A service that says what a hostile one could.
const hostile = createServer((request, response) => {
  if (request.url.startsWith('/launch.html')) {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!DOCTYPE html><title>Risk app</title><h1>Risk app</h1>');
    return;
  }
  response.setHeader('Content-Type', 'application/json');
  if (request.method === 'GET') {
    response.end(JSON.stringify({ services: [{ id: 'odd', hook: 'order-select', title: 'Odd', description: 'd' }] }));
    return;
  }
  response.end(JSON.stringify({ cards: [{ uuid: 'u1', summary: '<img src=x onerror=alert(1)> mind', indicator: 'warning',
    source: { label: '<b>Odd</b>', url: 'javascript:alert(1)' }, selectionBehavior: 'any',
    detail: '# Head\n\n**Bold** <script>alert(1)</script> ![i](https://x.example/i.png) [bad](javascript:alert(1)) [good](https://x.example/ok)\n\n| a | b |\n|---|---|\n| 1 | 2 |',
    suggestions: [{ uuid: 's1', label: 'Note it', actions: [{ type: 'create', description: 'Add a problem',
      resource: { resourceType: 'Condition', code: { text: 'Noted by a card' }, subject: { reference: 'Patient/p1' } } }] }],
    links: [{ label: 'Bad link', type: 'absolute', url: 'javascript:alert(1)' }, { label: 'Good link', type: 'absolute', url: 'https://x.example/g' },
      { label: 'Risk app', type: 'smart', url: `${odd}/launch.html?view=risk`, appContext: '{"drug":"warfarin"}' },
      { label: 'Other app', type: 'smart', url: 'https://x.example/other', appContext: 'x' }] }] }));
});
await new Promise((resolve) => hostile.listen(0, '127.0.0.1', resolve));
const odd = `http://127.0.0.1:${hostile.address().port}`;
const cds = (await start(['serve', '--port', '0', '--data', `${work}/cds`, '--cds', '--set', 'cds.remember=0s'], 'the CDS server')).replace(/\/fhir$/, '');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

// ---- a person -------------------------------------------------------------------------------------------------------

async function check(name, width, url, body) {
  page = await browser.newPage({ viewport: { width, height: 900 } });
  page.setDefaultTimeout(15000);
  const complaints = [];
  page.on('console', (m) => { if (m.type() === 'error') complaints.push(m.text()); });
  page.on('pageerror', (e) => complaints.push(String(e)));
  page.on('dialog', (d) => { complaints.push('a dialog opened'); d.dismiss(); });
  try {
    await page.goto(url);
    await body(page);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name.replace(/\W+/g, '-')}-${width}.png`, fullPage: true });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    must(wide <= 0, `${wide} px stick out`);
    const unnamed = await page.locator('input:not([type=hidden]), select, textarea').evaluateAll(
      (list) => list.filter((e) => !e.labels || !e.labels.length).length);
    must(unnamed === 0, `${unnamed} controls without label`);
    const ids = await page.locator('[id]').evaluateAll((list) => list.map((e) => e.id));
    must(new Set(ids).size === ids.length, 'an id is there twice');
    must(!page.url().includes('?'), 'something is in the address');
    if (complaints.length) throw new Error(`the browser complained: ${complaints.join('; ')}`);
    passed++;
  } catch (e) {
    failed++;
    console.log(`FAILED ${name} at ${width} px: ${e.message.split("\n")[0]}\n  ${(await page.innerText('main').catch(() => '')).slice(0, 600).replace(/\n/g, '\n  ')}`);
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/failed-${name.replace(/\W+/g, '-')}-${width}.png`, fullPage: true });
  }
  await page.close();
}

const press = (p, name) => Promise.all([p.waitForNavigation(), p.getByRole('button', { name }).first().click()]);
async function open(p, service) {
  const choice = p.locator('details.setup');
  if (!await choice.evaluate((e) => e.open)) await choice.locator('summary').first().click();
  const ada = await p.locator('#patient option').evaluateAll((list) => list.find((o) => /quill, ada/i.test(o.text)).value);
  await p.getByLabel('Patient', { exact: true }).selectOption(ada);
  await p.getByLabel(/URL of the CDS service/).fill(service);
  await press(p, 'Open the chart');
}
async function add(p, typed, name) {
  await p.getByLabel('Drug', { exact: true }).fill(typed);
  await Promise.all([p.waitForNavigation(), p.keyboard.press('Enter')]);
  await press(p, name);
}
const drafts = (p) => p.locator('.drafts li').count();

for (const [vendor, more] of [['cerner', ['--behaviour', 'cds-hooks=on']], ['epic', []]]) {
  const base = await start(['sandbox', vendor, '--port', '0', '--data', `${work}/${vendor}`, '--import', `${work}/chart.json`, ...more], vendor);
  const url = `${new URL(base).origin}/sandbox/order-entry`;

  execFileSync(firth, ['sandbox', 'register', new URL(base).origin, '--name', 'Risk app', '--redirect-uri', `${odd}/cb`, '--launch-url', `${odd}/launch.html`]);

  for (const width of [320, 1280, 1600]) {
    await check(`${vendor}: the chart is opened`, width, url, async (p) => {
      await open(p, cds);
      must(await p.getByRole('heading', { name: /quill, ada/i }).count() === 1, 'no patient');
      must(/Penicillin/.test(await p.locator('.chart').innerText()), 'no allergy');
      must(/no order yet/i.test(await p.innerText('#orders')), 'there are orders');
    });
    await check(`${vendor}: an allergy is told, and the suggestion accepted`, width, url, async (p) => {
      await open(p, cds);
      await add(p, 'amoxic', 'amoxicillin');
      must(await drafts(p) === 1, 'no draft');
      await press(p, 'Sign (order-sign)');
      must(p.url().endsWith('#cards'), 'the page is not at its cards');
      const card = p.locator('.card.critical').first();
      must(/penicillin/i.test(await card.innerText()), 'no card of the allergy');
      must(await p.getByText('The answer is well formed').count() === 1, `something is wrong: ${await p.innerText('.findings')}`);
      await card.getByRole('button', { name: /^Accept: Remove/ }).focus();
      await Promise.all([p.waitForNavigation(), p.keyboard.press('Enter')]);
      must(await drafts(p) === 0, 'the draft is still there');
      must(/Accepted/.test(await p.locator('.decided').innerText()), 'nothing was decided');
      must(await p.getByRole('heading', { name: /^Feedback: HTTP 200/ }).count() === 1, 'no feedback was taken');
      await p.locator('h3:has-text("Feedback") + details summary').click();
      must(/"acceptedSuggestions"/.test(await p.locator('h3:has-text("Feedback") + details pre').innerText()), 'no suggestion in the feedback');
    });
    await check(`${vendor}: an interaction is overridden, and the order signed`, width, url, async (p) => {
      await open(p, cds);
      await p.getByLabel(/Dose/).fill('400 mg three times a day');
      await add(p, 'ibuprofen', 'ibuprofen');
      await press(p, 'Sign (order-sign)');
      const card = p.locator('.card', { hasText: /warfarin/i }).first();
      await card.locator('details.override summary').click();
      await Promise.all([p.waitForNavigation(), card.getByRole('button', { name: 'Override this card' }).click()]);
      must(/Choose a reason/.test(await p.getByRole('alert').innerText()), 'overridden without a reason');
      const again = p.locator('.card', { hasText: /warfarin/i }).first();
      await again.locator('details.override summary').click();
      await again.getByLabel('Reason').selectOption({ index: 1 });
      await again.getByLabel(/Comment/).fill('short course');
      await Promise.all([p.waitForNavigation(), again.getByRole('button', { name: 'Override this card' }).click()]);
      must(/Overridden: .*short course/.test(await p.locator('.decided').first().innerText()), 'not overridden');
      await p.locator('h3:has-text("Feedback") + details summary').click();
      const sent = await p.locator('h3:has-text("Feedback") + details pre').innerText();
      must(/"outcome": "overridden"/.test(sent) && /short course/.test(sent), 'no override in the feedback');
      await press(p, /^Sign and store 1 order/);
      must(/1 order was signed/.test(await p.getByRole('status').first().innerText()), 'it was not signed');
      await p.getByText("From the patient's list").click();
      must(await p.locator('details .hits').getByRole('button', { name: /^ibuprofen$/i }).count() === 1, 'it is not on the list');
    });
    await check(`${vendor}: a strange service`, width, url, async (p) => {
      await open(p, odd);
      await p.getByText("From the patient's list").click();
      await press(p, /^warfarin$/i);
      await press(p, 'Select (order-select)');
      const card = p.locator('.card');
      must(await p.locator('.card img, .card script').count() === 0, 'an element was made of a text');
      must(await card.locator('a').evaluateAll((list) => list.every((a) => a.protocol === 'https:')), 'a link leads elsewhere');
      must(await card.locator('table').count() === 1, 'no table');
      must(/source\.url/.test(await p.innerText('.findings')), 'its mistake is not told');
      const [flow] = await Promise.all([p.waitForEvent('popup'), card.getByRole('button', { name: 'Launch: Risk app' }).click()]);
      await flow.waitForURL(/launcher.flow/);
      const address = new URL(await flow.getByRole('link', { name: 'Open the app' }).getAttribute('href'));
      must(address.origin === odd && address.pathname === '/launch.html' && address.searchParams.get('view') === 'risk', `launched at ${address}`);
      must(address.searchParams.get('iss') === base && address.searchParams.get('launch').length > 20, `without iss or launch: ${address}`);
      const [app] = await Promise.all([flow.waitForEvent('popup'), flow.getByRole('link', { name: 'Open the app' }).click()]);
      await app.getByRole('heading', { name: 'Risk app' }).waitFor();
      await app.close();
      await flow.close();
      const [refused] = await Promise.all([p.waitForEvent('popup'), card.getByRole('button', { name: 'Launch: Other app' }).click()]);
      must(/No app is registered here that is launched at/.test(await refused.getByRole('alert').innerText()), 'an app that nobody registered');
      await refused.close();
      await press(p, 'Accept: Note it');
      must(/Created Condition\/\S+ in the sandbox/.test(await p.getByRole('status').first().innerText()), 'nothing was created');
    });
  }
  await check(`${vendor}: mistakes of a person`, 1280, url, async (p) => {
    await open(p, 'nowhere');
    await add(p, 'zzyzx', 'zzyzx');
    must(await drafts(p) === 1, 'a drug in words is no order');
    await press(p, 'Sign (order-sign)');
    must(/URL/.test(await p.getByRole('alert').innerText()), 'no complaint');
    await press(p, /^Remove/);
    must(await drafts(p) === 0, 'it was not removed');
  });
}

await browser.close();
hostile.close();
for (const child of children) child.kill('SIGTERM');
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
