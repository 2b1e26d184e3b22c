// Sign-in, patient picker, consent, apps and error page in a real browser: node login.mjs MODULES-DIRECTORY URL PORT,
// where PORT is that of the app that people come back to. Ends with "N passed, N failed".
import { createRequire } from 'node:module';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';

const [modules, url, port] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
let passed = 0, failed = 0;
const back = `http://127.0.0.1:${port}/back`;
const app = createServer((request, response) => response.end('<!doctype html><title>app</title>the app'));
await new Promise((done) => app.listen(port, '127.0.0.1', done));
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const scopes = 'openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs patient/MedicationRequest.cruds ' +
  'offline_access';

function authorize(more = {}) {
  return `${url}/auth/authorize?` + new URLSearchParams({
    response_type: 'code', client_id: 'growth-chart', redirect_uri: back, scope: scopes, state: 'state-1',
    aud: `${url}/fhir`, code_challenge_method: 'S256',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), ...more,
  });
}

function must(condition, text) {
  if (!condition) throw new Error(text);
}

// Each check has a browser of its own: no cookies from before.
async function check(name, options, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  const size = `${options.viewport?.width ?? 1280} px${options.colorScheme ? `, ${options.colorScheme}` : ''}`;
  page.on('console', (m) => {
    // What the browser says of the status of a page that refuses something is no complaint about the page.
    if (m.type() === 'error' && !/status of 4\d\d/.test(m.text())) complaints.push(m.text());
  });
  page.on('pageerror', (e) => complaints.push(String(e)));
  try {
    await body(page, context);
    if (complaints.length) throw new Error(`the browser complained: ${complaints.join('; ')}`);
    passed++;
  } catch (e) {
    failed++;
    console.log(`FAILED ${name} at ${size}: ${e.message}`);
  }
  await context.close();
}

const heading = (page) => page.locator('h1').innerText();

async function signIn(page, target = authorize()) {
  await page.goto(target);
  await page.getByLabel('User name').fill('anna');
  await page.getByLabel('Password').fill('a few plain words');
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function toConsent(page, target) {
  await signIn(page, target);
  await page.getByRole('button', { name: /Name04/ }).click();
}

async function redeem(page) {
  await page.waitForURL(`${back}**`);
  const answer = new URL(page.url());
  must(answer.href.startsWith(back), `not at the app but at ${answer.href}`);
  must(answer.searchParams.get('state') === 'state-1', 'the state is not the one that was sent');
  must(answer.searchParams.get('iss') === `${url}/fhir`, 'iss is not the issuer');
  const response = await fetch(`${url}/auth/token`, {
    method: 'POST', headers: { authorization: `Basic ${btoa('growth-chart:secret')}` },
    body: new URLSearchParams({ grant_type: 'authorization_code', code: answer.searchParams.get('code'),
      redirect_uri: back, code_verifier: verifier }),
  });
  return response.json();
}

// ---- what a page must be like ------------------------------------------------------------------------------------

// Contrast of text with what lies behind it, by the formula of WCAG 2.2.
function contrasts() {
  const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return { rgb: m.slice(0, 3), a: m[3] ?? 1 }; };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => { const s = v / 255; return s <= 0.04045 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.a > 0.99) return c.rgb;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length) continue;
    const style = getComputedStyle(e);
    const a = light(parse(style.color).rgb), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) poor.push(`${e.tagName} "${e.textContent.trim().slice(0, 30)}" ${ratio.toFixed(2)}`);
  }
  return poor;
}

async function sound(page, name) {
  await page.waitForLoadState();
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  must(wide <= 0, `${name}: ${wide} px stick out`);
  const poor = await page.evaluate(contrasts);
  must(!poor.length, `${name}: too little contrast: ${poor.join('; ')}`);
  const unnamed = await page.locator('input:not([type=hidden]), button, a, summary').evaluateAll((list) => list.filter(
    (e) => !(e.labels?.length || e.getAttribute('aria-label') || e.textContent.trim())).length);
  must(unnamed === 0, `${name}: ${unnamed} controls without a name`);
  const small = await page.locator('button, input[type=text], input[type=password]').evaluateAll((list) => list.filter(
    (e) => e.getClientRects().length && e.getBoundingClientRect().height < 44).length);
  must(small === 0, `${name}: ${small} controls are lower than 44 px`);
  must(await page.locator('h1').count() === 1, `${name}: not one heading`);
  must(await page.locator('html[lang]').count() === 1, `${name}: no language`);
  must((await page.title()).includes('St. Mary'), `${name}: the title does not say whose page it is`);
  must(await page.locator('script, [style], [onclick]').count() === 0, `${name}: something inline`);
  const twice = await page.evaluate(() => {
    const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
    return ids.filter((id, i) => ids.indexOf(id) !== i);
  });
  must(!twice.length, `${name}: ids that are there twice: ${twice}`);
}

for (const options of [{ viewport: { width: 320, height: 700 } }, { viewport: { width: 1600, height: 1000 } },
  { viewport: { width: 1600, height: 1000 }, colorScheme: 'dark' }]) {
  await check('every page is sound', options, async (page) => {
    await page.goto(authorize());
    await sound(page, 'sign-in');
    await page.getByLabel('User name').fill('anna');
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await sound(page, 'refused sign-in');
    await signIn(page);
    await sound(page, 'picker');
    await page.getByLabel('Name', { exact: true }).fill('weiss');
    await page.getByRole('button', { name: 'Find' }).click();
    await sound(page, 'picker with names');
    await page.locator('.people button').first().click();
    await page.locator('summary').first().click();
    await sound(page, 'consent');
    await page.getByRole('button', { name: 'Allow' }).click();
    await redeem(page);
    await page.goto(`${url}/auth/apps`);
    await page.locator('summary').first().click();
    await sound(page, 'apps');
    await page.getByRole('button', { name: /Remove access/ }).first().click();
    await page.goto(authorize({ redirect_uri: `${back}/other` }));
    await sound(page, 'error');
    await page.goto(`${url}/auth/logout`);
    await sound(page, 'sign-out');
  });
}

// ---- the conversation --------------------------------------------------------------------------------------------

await check('an app is let in', {}, async (page) => {
  await toConsent(page);
  must((await heading(page)).includes('Growth Chart use the record of Name04 Berg'), await heading(page));
  const text = await page.locator('main').innerText();
  for (const wanted of [`http://127.0.0.1:${port}`, 'See lab results, vital signs', 'Keep access until you take it back',
    'See, add, change and delete prescriptions'])
    must(text.includes(wanted), `the page does not say "${wanted}"`);
  await page.getByRole('button', { name: 'Allow' }).click();
  const token = await redeem(page);
  must(token.patient === 'p4' && token.refresh_token && token.id_token, 'the token is not complete');
});

const withEncounter = authorize({ scope: 'launch/patient launch/encounter patient/Patient.rs' });

for (const viewport of [{ width: 320, height: 700 }, { width: 1600, height: 1000 }]) {
  await check('an encounter of the patient is chosen', { viewport }, async (page) => {
    await toConsent(page, withEncounter);
    must(await heading(page) === 'Choose an encounter', await heading(page));
    await sound(page, 'encounters');
    const rows = await page.locator('.people button').allInnerTexts();
    must(rows.length === 3 && rows[0].includes('Visit number 3') && rows[0].includes('2023-01-02'), rows.join(' | '));
    await page.getByRole('button', { name: /Visit number 2/ }).click();
    must((await page.locator('main').innerText()).includes('Know which visit is open'), 'the page does not say that it is told');
    await page.getByRole('button', { name: 'Allow' }).click();
    const token = await redeem(page);
    must(token.encounter === 'e2' && token.patient === 'p4', `the token has ${token.encounter}, ${token.patient}`);
  });
}

await check('an encounter is chosen by keyboard alone, or none', {}, async (page) => {
  await toConsent(page, withEncounter);
  const focused = () => page.evaluate(() => (document.activeElement.tagName === 'BUTTON' ? document.activeElement.innerText : ''));
  for (let i = 0; i < 20 && !(await focused()).includes('Go on without'); i++) await page.keyboard.press('Tab');
  must((await focused()).includes('Go on without'), 'the button cannot be reached');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow' }).waitFor();
  await page.goBack();
  await page.goto(withEncounter);
  await page.getByRole('button', { name: /Name04/ }).click();
  for (let i = 0; i < 20 && !(await focused()).includes('Visit number 1'); i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Allow' }).click();
  must((await redeem(page)).encounter === 'e1', 'the encounter is not the one that was chosen');
});

await check('what is unticked is not granted', {}, async (page) => {
  await toConsent(page);
  await page.getByLabel(/prescriptions/).uncheck();
  await page.getByLabel(/Keep access/).uncheck();
  await page.getByRole('button', { name: 'Allow' }).click();
  const token = await redeem(page);
  must(token.scope.includes('patient/Observation.rs'), 'what was left is not granted');
  must(!token.scope.includes('Medication') && !token.refresh_token, 'what was unticked is granted');
});

await check('the person may say no', {}, async (page) => {
  await toConsent(page);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForURL(`${back}**`);
  const answer = new URL(page.url());
  must(answer.searchParams.get('error') === 'access_denied' && !answer.searchParams.get('code'), answer.href);
});

await check('a patient is found by name and birth date, and names are in no URL', {}, async (page) => {
  await signIn(page);
  await page.getByLabel('Name', { exact: true }).fill('WEI');
  await page.getByRole('button', { name: 'Find' }).click();
  must(!/wei/i.test(page.url()), 'the name is in the URL');
  must(await page.locator('.people li').count() === 10, 'not ten on a page');
  const first = await page.locator('.people li').first().innerText();
  await page.getByRole('button', { name: 'Next page' }).click();
  must(await page.locator('.people li').first().innerText() !== first, 'the next page is the same');
  must((await page.locator('.people').innerText()).includes('Weiss'), 'the name was forgotten');
  await page.getByRole('button', { name: 'First page' }).click();
  must(await page.locator('.people li').first().innerText() === first, 'the first page is another');
  await page.getByLabel('Date of birth').fill('1955-02-03');
  await page.getByRole('button', { name: 'Find' }).click();
  must(await page.locator('.people li').count() === 1, 'the birth date does not narrow it down');
  must((await page.locator('.people').innerText()).includes('MRN-5'), 'no MRN');
  await page.getByLabel('Name', { exact: true }).fill('"><img src=x>');
  await page.getByRole('button', { name: 'Find' }).click();
  must(await page.locator('img').count() === 0, 'an element was made of the input');
  must((await page.getByRole('status').innerText()).includes('Nobody'), 'no message');
});

await check('access is removed at once', {}, async (page) => {
  await toConsent(page);
  await page.getByLabel(/Do not ask me again/).check();
  await page.getByRole('button', { name: 'Allow' }).click();
  const token = await redeem(page);
  const read = async () => (await fetch(`${url}/fhir/Patient/p4`,
    { headers: { authorization: `Bearer ${token.access_token}` } })).status;
  must(await read() === 200, 'the token does not work');
  await page.goto(`${url}/auth/apps`);
  must((await page.locator('.apps').first().innerText()).includes('Name04 Berg'), 'the patient is not shown');
  await page.getByRole('button', { name: /Remove access/ }).first().click();
  must((await page.getByRole('status').innerText()).includes('removed'), 'no message');
  must(await read() === 401, 'the token still works');
  await page.goto(authorize());
  await page.getByRole('button', { name: /Name04/ }).click();
  must((await heading(page)).startsWith('Let Growth Chart'), 'the remembered consent survived');
});

await check('the error page explains it to the developer', {}, async (page) => {
  await page.goto(authorize({ redirect_uri: `${back}/`, state: 'hush-hush' }));
  const text = await page.locator('main').innerText();
  for (const wanted of ['What is wrong', 'What was sent', 'What is registered', `${back}/`, 'growth-chart', 'firth why'])
    must(text.includes(wanted), `the page does not say "${wanted}"`);
  must(!(await page.content()).includes('hush-hush'), 'the state is shown');
  await page.goto(authorize({ client_id: '<script>alert(1)</script>' }));
  must(await page.locator('script').count() === 0, 'an element was made of the input');
});

// ---- by keyboard alone --------------------------------------------------------------------------------------------

const focused = (page) => page.evaluate(() => {
  const e = document.activeElement, r = e.getBoundingClientRect(), style = getComputedStyle(e);
  return { text: (e.labels?.[0]?.textContent || e.textContent || '').trim(), tag: e.tagName, id: e.id,
    seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 && r.width > 0 };
});

// A page gives its first field the focus some time after it was loaded.
async function isFocused(page, selector, complaint) {
  await page.waitForFunction((wanted) => document.activeElement?.matches(wanted), selector, { timeout: 5000 })
    .catch(() => { throw new Error(complaint); });
}

// Tabs until the control has the focus, which must be seen on each step.
async function tabTo(page, pattern) {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    if (at.tag !== 'BODY' && at.tag !== 'HTML') must(at.seen, `the focus on ${at.tag} "${at.text}" is not seen`);
    if (pattern.test(at.text)) return;
  }
  throw new Error(`${pattern} cannot be reached with Tab`);
}

await check('everything can be done with the keyboard', {}, async (page) => {
  const press = async (key) => { await Promise.all([page.waitForNavigation(), page.keyboard.press(key)]); };
  await page.goto(authorize());
  await isFocused(page, '#user', 'the cursor is not in the first field');
  await page.keyboard.type('anna');
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong, very wrong');
  await press('Enter');
  await isFocused(page, '.problem', 'the problem does not have the focus');
  await tabTo(page, /not right/);
  await page.keyboard.press('Enter');
  await isFocused(page, '#password', 'the link does not lead to the field');
  await page.keyboard.type('a few plain words');
  await press('Enter');
  must(await heading(page) === 'Choose a patient', await heading(page));
  await isFocused(page, '#name', 'the cursor is not in the search');
  await page.keyboard.type('berg');
  await press('Enter');
  await tabTo(page, /Name04 Berg/);
  await press('Enter');
  must((await heading(page)).startsWith('Let Growth Chart'), await heading(page));
  await tabTo(page, /prescriptions/);
  await page.keyboard.press('Space');
  await tabTo(page, /^Allow$/);
  await press('Enter');
  const token = await redeem(page);
  must(!token.scope.includes('Medication'), 'the box was not unticked');
});

await check('the skip link leads to the content', {}, async (page) => {
  await page.goto(authorize({ redirect_uri: 'x' }));
  await page.keyboard.press('Tab');
  must(/Skip to/.test((await focused(page)).text), 'the first stop is not the skip link');
  must((await page.locator('.skip').boundingBox()).x >= 0, 'the skip link is not seen');
  await page.keyboard.press('Enter');
  await isFocused(page, '#main', 'it does not lead to the content');
});

await check('nothing needs a script', { javaScriptEnabled: false }, async (page) => {
  await page.goto(authorize());
  await page.locator('#user').fill('anna');
  await page.locator('#password').fill('a few plain words');
  await page.locator('button').click();
  await page.locator('.people button').first().click();
  await page.locator('button[value=allow]').click();
  await page.waitForURL(`${back}**`);
});

await browser.close();
app.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
