// A SMART app in Chromium at the vendors' sandboxes: node sandboxes.mjs MODULES FHIR-CLIENT.JS PORT [VENDOR BASE PATIENT FAMILY]...
// The app listens on PORT, where the sandboxes know it. It is launched by itself and from the sandbox's launcher, logs in, reads,
// pages. The pages are driven as a person does. Ends with "N passed, N failed".
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const [modules, clientFile, port, ...rest] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const library = readFileSync(clientFile);
const SCOPE = 'openid fhirUser launch/patient patient/Patient.read patient/Observation.read patient/Condition.read';
let passed = 0, failed = 0;

const pages = {
  '/fhir-client.js': library,
  '/app/launch.html': `<!doctype html><title>launch</title><script src="/fhir-client.js"></script><script>
const at = new URLSearchParams(location.search);
const scope = at.has('launch') ? '${SCOPE}'.replace('launch/patient', 'launch') : '${SCOPE}';
FHIR.oauth2.authorize({ clientId: 'browser', redirectUri: './index.html', pkceMode: 'required', scope })
  .catch((e) => { document.title = 'failed'; document.body.textContent = e.message; });
</script>`,
  '/app/index.html': `<!doctype html><title>app</title><body><script src="/fhir-client.js"></script><script>
FHIR.oauth2.ready().then((client) => { window.client = client; document.title = 'ready'; })
  .catch((e) => { document.title = 'failed'; document.body.textContent = e.message; });
</script>`,
};
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://x');
  response.writeHead(pages[pathname] ? 200 : 404, { 'Content-Type': pathname.endsWith('.js') ? 'text/javascript' : 'text/html' });
  response.end(pages[pathname] || '');
});
await new Promise((resolve) => server.listen(Number(port), '127.0.0.1', resolve));
const app = `http://127.0.0.1:${port}/app`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

function must(condition, text) {
  if (!condition) throw new Error(text);
}

async function check(name, body) {
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 } });
  context.setDefaultTimeout(20000);
  const page = await context.newPage();
  try {
    await body(page, context);
    passed++;
  } catch (e) {
    failed++;
    console.log(`FAILED ${name}: ${e.message}\n  at ${page.url()}: ${(await page.innerText('body').catch(() => '')).slice(0, 300)}`);
  }
  await context.close();
}

async function signIn(p) {
  await p.getByLabel('User name').fill('clinician');
  await p.getByLabel('Password', { exact: true }).fill('sandbox password');
  await p.getByRole('button', { name: 'Sign in', exact: true }).click();
}
const allow = (p) => p.getByRole('button', { name: 'Allow', exact: true }).click();

async function ready(p) {
  await p.waitForFunction(() => document.title === 'ready' || document.title === 'failed');
  must(await p.title() === 'ready', `the client failed: ${await p.innerText('body')}`);
}

// Everything that the app reads with its token: the patient, and vital signs two a page and all at once.
const look = (p) => p.evaluate(async () => {
  const { client } = window;
  const url = `Observation?patient=${client.patient.id}&category=vital-signs`;
  const ids = (list) => list.filter((r) => r.resourceType === 'Observation').map((r) => r.id).sort();
  return {
    patient: client.patient.id,
    family: (await client.patient.read()).name[0].family,
    all: ids(await client.request(url, { flat: true, pageLimit: 0 })),
    paged: ids(await client.request(`${url}&_count=2`, { flat: true, pageLimit: 0 })),
    refused: await client.request('Encounter?patient=' + client.patient.id).then(() => 200, (e) => e.statusCode || e.status || String(e)),
  };
});

function right(seen, patient, family) {
  must(seen.patient === patient && seen.family === family, `the patient is ${seen.patient}, ${seen.family}`);
  must(seen.all.length > 2, `there are ${seen.all.length} vital signs`);
  must(JSON.stringify(seen.all) === JSON.stringify(seen.paged), `pages give ${seen.paged.length} of ${seen.all.length}`);
  must(seen.refused === 403, `what was not granted answers ${seen.refused}`);
}

for (let i = 0; i + 3 < rest.length; i += 4) {
  const [vendor, base, patient, family] = rest.slice(i, i + 4);
  const root = new URL(base).origin;
  await check(`standalone launch at ${vendor}`, async (p) => {
    await p.goto(`${app}/launch.html?iss=${encodeURIComponent(base)}`);
    await signIn(p);
    await p.getByRole('button', { name: new RegExp(family) }).first().click();
    await allow(p);
    await ready(p);
    right(await look(p), patient, family);
  });
  await check(`launch from ${vendor}`, async (p, context) => {
    await p.goto(`${root}/launcher`);
    await p.getByLabel('Find patients by name').fill(family);
    await p.getByRole('button', { name: 'Show' }).click();
    await p.getByLabel('Patient', { exact: true }).selectOption(patient);
    await p.getByRole('button', { name: 'Show' }).click();
    await p.getByLabel('User', { exact: true }).selectOption('clinician');
    await p.getByLabel('App', { exact: true }).selectOption('browser');
    await p.getByRole('button', { name: 'Launch' }).click();
    const opened = context.waitForEvent('page');
    await p.getByRole('link', { name: 'Open the app' }).click();
    const tab = await opened;
    await signIn(tab);
    await allow(tab);
    await ready(tab);
    right(await look(tab), patient, family);
  });
}
await browser.close();
server.close();
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
