// SMART apps against firth serve in Chromium: node smart.mjs MODULES FHIR-CLIENT.JS FIRTH WORK-DIRECTORY. The apps are built on
// the SMART JavaScript client; the pages are driven as a person does, by labels and buttons. Ends with "N passed, N failed".
import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync, mkdirSync } from 'node:fs';

const [modules, clientFile, firth, work] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/`)('playwright-core');
const library = readFileSync(clientFile);
const PASSWORD = 'correct horse 7';
// argon2id of it, with the cost that Firth hashes with.
const HASH = '$argon2id$v=19$m=65536,t=3,p=1$S1lOhe526pVd1o+PIOPxXg$MCYne5aEJxEY7/DUsoNXWxnWAR2IZgyRI7iOlwL9Y8M';
const SECRET = 'a secret of the clinic, 32 bytes';
let passed = 0, failed = 0, page;

// ---- the apps: two pages each, as the client's documentation shows ------------------------------------------------

const apps = {
  growth: { scope: 'openid fhirUser offline_access launch/patient patient/Patient.rs patient/Observation.rs' },
  clinic: { scope: 'openid fhirUser online_access launch/patient patient/*.rs', clientSecret: SECRET },
};

const launchPage = (app) => `<!doctype html><title>launch</title><script src="/fhir-client.js"></script><script>
const at = new URLSearchParams(location.search);
const options = ${JSON.stringify({ clientId: app, redirectUri: './index.html', pkceMode: 'required', ...apps[app] })};
if (at.has('launch')) options.scope = options.scope.replace('launch/patient', 'launch');
if (at.has('scope')) options.scope = at.get('scope');
FHIR.oauth2.authorize(options).catch((e) => { document.title = 'failed'; document.body.textContent = e.message; });
</script>`;

const indexPage = () => `<!doctype html><title>app</title><body><script src="/fhir-client.js"></script><script>
FHIR.oauth2.ready().then((client) => { window.client = client; document.title = 'ready'; })
  .catch((e) => { document.title = 'failed'; document.body.textContent = e.message; });
</script>`;

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://x');
  const [, app, name] = pathname.split('/');
  const text = pathname === '/fhir-client.js' ? library
    : apps[app] && name === 'launch.html' ? launchPage(app) : apps[app] && name === 'index.html' ? indexPage() : null;
  response.writeHead(text ? 200 : 404, { 'Content-Type': pathname.endsWith('.js') ? 'text/javascript' : 'text/html' });
  response.end(text || '');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const appBase = `http://127.0.0.1:${server.address().port}`;

// ---- the server ---------------------------------------------------------------------------------------------------

const resources = [
  { resourceType: 'Patient', id: 'ada', name: [{ family: 'Quill', given: ['Ada'] }], birthDate: '1980-02-03', gender: 'female' },
  { resourceType: 'Patient', id: 'ben', name: [{ family: 'Ash', given: ['Ben'] }], birthDate: '1971-05-06', gender: 'male' },
  { resourceType: 'Practitioner', id: '7', name: [{ family: 'Berg', given: ['Anna'] }] },
  { resourceType: 'Encounter', id: 'visit', status: 'finished', class: { code: 'AMB' }, subject: { reference: 'Patient/ada' } },
  ...['ada', 'ben'].map((id) => ({ resourceType: 'Observation', id: `weight-${id}`, status: 'final', code: { text: 'weight' },
    subject: { reference: `Patient/${id}` }, valueQuantity: { value: id === 'ada' ? 61 : 82, unit: 'kg' } })),
  { resourceType: 'Condition', id: 'cough-ada', code: { text: 'cough' }, subject: { reference: 'Patient/ada' } },
];
const config = (port) => `
server: {auth: on, launcher: on, port: ${port}, data: ${work}/data}
users:
  - {name: anna, password_hash: '${HASH}', display: Dr. Anna Berg, fhir_user: Practitioner/7, patients: '*'}
clients:
  - client_id: growth
    name: Growth Chart
    redirect_uris: ${appBase}/growth/index.html
    launch_url: ${appBase}/growth/launch.html
    scopes: ${apps.growth.scope} launch patient/Condition.rs
  - client_id: clinic
    name: Clinic Tools
    secret_sha256: ${createHash('sha256').update(SECRET).digest('hex')}
    redirect_uris: ${appBase}/clinic/index.html
    launch_url: ${appBase}/clinic/launch.html
    scopes: ${apps.clinic.scope} launch
  - client_id: terminal
    name: Firth on a terminal
    redirect_uris: http://127.0.0.1/callback
    scopes: openid fhirUser offline_access launch/patient patient/*.rs
  - client_id: embedded
    name: Firth in the browser
    redirect_uris: http://127.0.0.1:${port}/launch/callback
    launch_url: http://127.0.0.1:${port}/launch
    scopes: openid fhirUser offline_access launch patient/*.rs
ehrs:
  - {name: self, vendor: generic, base_url: 'http://127.0.0.1:${port}/fhir', login_client_id: embedded}
`;
const freePort = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => { const { port } = probe.address(); probe.close(() => resolve(port)); });
});
mkdirSync(`${work}/terminal`);
writeFileSync(`${work}/firth.yaml`, config(freePort));
writeFileSync(`${work}/terminal/firth.yaml`, `ehrs: [{name: self, vendor: generic, base_url: 'http://127.0.0.1:${freePort}/fhir', login_client_id: terminal}]\n`);
writeFileSync(`${work}/data.ndjson`, resources.map((r) => JSON.stringify(r)).join('\n'));
const imported = spawnSync(firth, ['import', '--config', `${work}/firth.yaml`, `${work}/data.ndjson`], { encoding: 'utf8' });
if (imported.status) { console.log(imported.stderr); process.exit(1); }
const serve = spawn(firth, ['serve', '--config', `${work}/firth.yaml`], { stdio: ['ignore', 'pipe', 'inherit'] });
const base = await new Promise((resolve, reject) => {
  let text = '';
  serve.stdout.on('data', (d) => { text += d; const m = /"base":"([^"]*)"/.exec(text); if (m) resolve(m[1]); });
  serve.on('exit', () => reject(new Error(`the server ended: ${text}`)));
});
const root = base.replace(/\/fhir$/, '');

// ---- a person -----------------------------------------------------------------------------------------------------

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
  page = await context.newPage();
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
  await p.getByLabel('User name').fill('anna');
  await p.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await p.getByRole('button', { name: 'Sign in', exact: true }).click();
}
const choose = (p, name) => p.getByRole('button', { name: new RegExp(name) }).click();
const allow = (p) => p.getByRole('button', { name: 'Allow', exact: true }).click();

async function ready(p) {
  await p.waitForFunction(() => document.title === 'ready' || document.title === 'failed');
  must(await p.title() === 'ready', `the client failed: ${await p.innerText('body')}`);
}

// What the client says and reads with its token.
const look = (p) => p.evaluate(async () => {
  const { client } = window;
  const attempt = (url) => client.request(url).then((r) => r.resourceType === 'Bundle' ? (r.entry || []).map((e) => e.resource.id) : r.id)
    .catch((e) => e.statusCode || e.status || String(e));
  return {
    patient: client.patient.id, encounter: client.encounter.id, user: client.getFhirUser(), state: client.state,
    token: client.state.tokenResponse.access_token, refresh: client.state.tokenResponse.refresh_token,
    scope: client.state.tokenResponse.scope, banner: client.state.tokenResponse.need_patient_banner,
    read: await client.patient.read().then((r) => r.name[0].family).catch((e) => String(e)),
    mine: await attempt('Observation'), other: await attempt('Patient/ben'), otherWeight: await attempt('Observation/weight-ben'),
    conditions: await attempt('Condition'),
  };
});

async function refreshes(p, before) {
  const after = await p.evaluate(async () => {
    const state = await window.client.refresh();
    return { token: state.tokenResponse.access_token, refresh: state.tokenResponse.refresh_token,
      read: (await window.client.patient.read()).id };
  });
  must(after.token && after.token !== before.token, 'no new token came');
  must(after.refresh && after.refresh !== before.refresh, 'the refresh token was not rotated');
  must(after.read === before.patient, 'the new token does not read');
}

async function standalone(p, app, patient) {
  await p.goto(`${appBase}/${app}/launch.html?iss=${encodeURIComponent(base)}`);
  await signIn(p);
  await choose(p, patient);
  await allow(p);
  await ready(p);
  return look(p);
}

await check('standalone launch as a public client, with refresh', async (p) => {
  const seen = await standalone(p, 'growth', 'Quill');
  must(seen.patient === 'ada' && seen.read === 'Quill', `the patient is ${seen.patient}, ${seen.read}`);
  must(/Practitioner\/7$/.test(seen.user), `the user is ${seen.user}`);
  must(JSON.stringify(seen.mine) === '["weight-ada"]', `the observations are ${seen.mine}`);
  must(seen.other === 404 && seen.otherWeight === 404, `another patient answers ${seen.other}, ${seen.otherWeight}`);
  must(seen.conditions === 403, `what was not asked for answers ${seen.conditions}`);
  await refreshes(p, seen);
});

await check('standalone launch as a confidential client, with refresh', async (p) => {
  const seen = await standalone(p, 'clinic', 'Ash');
  must(seen.patient === 'ben' && seen.read === 'Ash', `the patient is ${seen.patient}`);
  must(JSON.stringify(seen.mine) === '["weight-ben"]', `the observations are ${seen.mine}`);
  await refreshes(p, seen);
});

await check('what the person unticks is not granted', async (p) => {
  await p.goto(`${appBase}/growth/launch.html?iss=${encodeURIComponent(base)}`);
  await signIn(p);
  await choose(p, 'Quill');
  const boxes = p.getByRole('checkbox', { checked: true });
  const observation = p.locator('label', { hasText: 'patient/Observation.rs' }).getByRole('checkbox').first();
  must(await boxes.count() > 1, 'there is nothing to untick');
  await observation.uncheck();
  await allow(p);
  await ready(p);
  const seen = await look(p);
  must(!seen.scope.includes('Observation'), `the scope is ${seen.scope}`);
  must(seen.mine === 403 && seen.read === 'Quill', `observations answer ${seen.mine}, the patient ${seen.read}`);
});

await check('a person who says no comes back to the app with access_denied', async (p) => {
  await p.goto(`${appBase}/growth/launch.html?iss=${encodeURIComponent(base)}`);
  await signIn(p);
  await choose(p, 'Quill');
  await p.getByRole('button', { name: /Cancel|Deny|Do not/ }).click();
  await p.waitForFunction(() => document.title === 'failed');
});

// The EHR's part is played by the launch simulator.
async function launchFromEhr(p, context, app, choice) {
  await p.goto(`${root}/launcher`);
  await p.getByLabel('Find patients by name').fill('Quill');
  await p.getByRole('button', { name: 'Show' }).click();
  await p.getByLabel('Patient', { exact: true }).selectOption('ada');
  await p.getByRole('button', { name: 'Show' }).click();
  if (choice.encounter) await p.getByLabel('Encounter').selectOption(choice.encounter);
  await p.getByLabel('User', { exact: true }).selectOption('anna');
  await p.getByLabel('App', { exact: true }).selectOption(app);
  await p.getByRole('button', { name: 'Launch' }).click();
  const opened = context.waitForEvent('page');
  await p.getByRole('link', { name: 'Open the app' }).click();
  return opened;
}

for (const app of ['growth', 'clinic']) {
  await check(`EHR launch of ${app}, with refresh, watched in the simulator`, async (p, context) => {
    const tab = await launchFromEhr(p, context, app, { encounter: 'visit' });
    await signIn(tab);
    await allow(tab);
    await ready(tab);
    const seen = await look(tab);
    must(seen.patient === 'ada' && seen.encounter === 'visit', `the context is ${seen.patient}, ${seen.encounter}`);
    must(JSON.stringify(seen.mine) === '["weight-ada"]' && seen.other === 404, `it reads ${seen.mine}, ${seen.other}`);
    await refreshes(tab, seen);
    await p.reload();
    const text = await p.innerText('main');
    for (const words of ['sends the browser to ask for access', 'asked who they are', 'exchanges the code for tokens',
      'renews its token', 'uses its token', 'answer 200'])
      must(text.includes(words), `the simulator does not tell that: ${words}`);
    for (const secret of [seen.token, seen.refresh, PASSWORD, encodeURIComponent(SECRET), seen.state.codeVerifier])
      must(!secret || !text.includes(secret), 'the simulator shows a secret');
  });
}

await check('a launch is good once', async (p, context) => {
  const asked = new Promise((resolve) => context.on('request', (r) => { if (r.url().includes('launch.html')) resolve(r.url()); }));
  const tab = await launchFromEhr(p, context, 'growth', {});
  await signIn(tab);
  await allow(tab);
  await ready(tab);
  const again = await context.newPage();
  await again.goto(await asked);
  await again.waitForFunction(() => document.title === 'failed' || document.querySelector('h1'));
  const text = await again.innerText('body');
  must(/launch/i.test(text) && /once|used|over|expired/i.test(text), `the second time it says: ${text.slice(0, 300)}`);
});

await check('firth login in a terminal, with the browser elsewhere', async (p) => {
  const terminal = spawn(firth, ['login', 'self', '--no-browser', '--timeout', '60s'], { cwd: `${work}/terminal`, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  const ended = new Promise((resolve) => terminal.on('exit', resolve));
  terminal.stdout.on('data', (d) => { out += d; });
  const url = await new Promise((resolve) => {
    let text = '';
    terminal.stderr.on('data', (d) => { text += d; out += d; const m = /^ {2}(http\S+)\n/m.exec(text); if (m) resolve(m[1]); });
    terminal.on('exit', () => resolve(null));
  });
  must(url, `no address: ${out}`);
  await p.goto(url);
  await signIn(p);
  await choose(p, 'Ash');
  await allow(p);
  await p.getByRole('heading', { name: 'You are logged in' }).waitFor();
  must(await ended === 0 && /patient +ben/.test(out) && /Practitioner\/7/.test(out), `it said: ${out}`);
  const run = (...args) => spawnSync(firth, args, { cwd: `${work}/terminal`, encoding: 'utf8' });
  const read = run('get', 'self', 'Patient/ben');
  must(read.status === 0 && read.stdout.includes('Ash'), `it read: ${read.stdout}${read.stderr}`);
  must(run('get', 'self', 'Patient/ada').status === 1, 'another patient could be read');
  const search = run('search', 'self', 'Observation?patient=ben');
  must(search.stdout.includes('weight-ben'), `it found: ${search.stdout}${search.stderr}`);
  const bye = run('logout', 'self');
  must(bye.status === 0 && bye.stdout.includes('revoked'), `it said: ${bye.stdout}${bye.stderr}`);
});

for (const cookies of [true, false]) {
  await check(`the web app is launched, in a browser ${cookies ? 'with' : 'without'} cookies for it`, async (p, context) => {
    const tab = await launchFromEhr(p, context, 'embedded', {});
    await signIn(tab);
    if (!cookies) await context.clearCookies({ name: 'firth_launch_browser' }); // as browsers in an EHR do
    await allow(tab);
    if (!cookies) {
      await tab.getByRole('heading', { name: 'Is this you?' }).waitFor();
      must((await tab.innerText('main')).includes('Practitioner/7'), 'it does not say who');
      await tab.getByRole('button', { name: 'Continue' }).click();
    }
    await tab.getByRole('heading', { name: 'Ada Quill' }).waitFor();
    must((await tab.innerText('main')).includes('1980-02-03'), 'the patient is not shown');
    await tab.getByRole('button', { name: 'Log out' }).click();
    await tab.getByRole('heading', { name: 'You are logged out' }).waitFor();
  });
}

// ---- sandboxes with a vendor's face --------------------------------------------------------------------------------

async function sandbox(vendor) {
  const client = `${work}/${vendor}.json`;
  writeFileSync(client, JSON.stringify({ client_id: 'growth', name: 'Growth Chart', redirect_uris: [`${appBase}/growth/index.html`],
    launch_url: `${appBase}/growth/launch.html` }));
  const child = spawn(firth, ['sandbox', vendor, '--patients', '2', '--data', `${work}/${vendor}`, '--client', client],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  const at = await new Promise((resolve, reject) => {
    let text = '';
    child.stdout.on('data', (d) => { text += d; const m = /"event":"listening".*"base":"([^"]*)"/.exec(text); if (m) resolve(m[1]); });
    child.on('exit', () => reject(new Error(`the sandbox ended: ${text}`)));
  });
  return { at, end: () => { child.removeAllListeners('exit'); child.kill('SIGTERM'); return new Promise((r) => child.on('exit', r)); } };
}

for (const vendor of ['epic', 'cerner']) {
  await check(`an app is launched from the ${vendor} sandbox`, async (p, context) => {
    const { at, end } = await sandbox(vendor);
    try {
      await p.goto(`${new URL(at).origin}/launcher`);
      const patient = await p.getByLabel('Patient', { exact: true }).locator('option').nth(1).getAttribute('value');
      await p.getByLabel('Patient', { exact: true }).selectOption(patient);
      await p.getByLabel('User', { exact: true }).selectOption('clinician');
      await p.getByRole('button', { name: 'Launch' }).click();
      const opened = context.waitForEvent('page');
      await p.getByRole('link', { name: 'Open the app' }).click();
      const tab = await opened;
      await tab.getByLabel('User name').fill('clinician');
      await tab.getByLabel('Password', { exact: true }).fill('sandbox password');
      await tab.getByRole('button', { name: 'Sign in', exact: true }).click();
      await allow(tab);
      await ready(tab);
      const seen = await tab.evaluate(async () => ({ patient: window.client.patient.id, read: (await window.client.patient.read()).resourceType }));
      must(seen.patient === patient && seen.read === 'Patient', `the app has ${JSON.stringify(seen)}`);
      await p.reload();
      const text = await p.innerText('main');
      must(text.includes('exchanges the code for tokens') && text.includes('uses its token'), `the simulator tells ${text}`);
    } finally {
      await end();
    }
  });
}

await browser.close();
server.close();
serve.removeAllListeners('exit');
serve.kill('SIGTERM');
await new Promise((resolve) => serve.on('exit', resolve));
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
