// serve_reloaded.cjs ADDRESS PID DIR: rules are changed and SIGHUP is sent, again and again, while clients
// decide and answer. No request fails, each decision names a rule set that was in force, an answer is seen
// by the request after it across a swap, and a product that new rules stop is no more offered.
'use strict';
const fs = require('fs');
const { send, randomOf, customersOf } = require('./serve_load.cjs');

const [address, pid, folder] = process.argv.slice(2);
const seed = Number(process.env.SEED || Date.now() % 1000000);
const random = randomOf(seed);
let faults = 0;
const fault = text => { faults++; console.log(`seed ${seed}: ${text}`); };
const sets = new Set();
const state = { over: false, requests: 0 };
const pause = ms => new Promise(resolve => setTimeout(resolve, ms));

async function client(customers) {
  while (!state.over) {
    const customer = customers[Math.floor(random() * customers.length)];
    const path = `/api/v1/customers/${customer}/decisions`;
    const made = await send(address, 'POST', path, {});
    state.requests++;
    if (made.status !== 201) { fault(`decision: ${made.status} ${made.text}`); continue; }
    const round = JSON.parse(made.text);
    sets.add(round.rules);
    if (round.items.length === 0) continue;
    const product = round.items[0].product;
    const said = await send(address, 'POST', `/api/v1/decisions/${round.decision}/answers`, { answers: [{ product, answer: 'owns' }], final: true });
    const after = await send(address, 'POST', path, { preview: true, n: 19 });
    if (said.status !== 200) { fault(`answer: ${said.status} ${said.text}`); continue; }
    if (JSON.parse(after.text).items.some(item => item.product === product)) fault(`${customer}: the next request does not see that ${product} is owned`);
  }
}

const metric = async name => Number(new RegExp(`^${name} (\\S+)`, 'm').exec((await send(address, 'GET', '/metrics')).text)[1]);

async function reload(text) {
  const before = await metric('lingxi_reloads');
  fs.writeFileSync(`${folder}/rules/emergency.ini`, text);
  process.kill(Number(pid), 'SIGHUP');
  for (let i = 0; i < 200; i++) {
    if ((await metric('lingxi_reloads')) > before) return;
    await pause(50);
  }
  fault('a reload did not happen');
}

(async () => {
  const lingxi = process.env.LINGXI_BIN;
  const customers = customersOf(lingxi, folder);
  const file = `${folder}/rules/emergency.ini`;
  const original = fs.readFileSync(file, 'utf8');
  const stop = product => original.replace(/^products =.*$/m, `products = ${product}`);
  const clients = Array.from({ length: 6 }, () => client(customers));
  await pause(200);
  for (const product of ['P02', 'P01', 'P07']) {
    await reload(stop(product));
    for (let i = 0; i < 20; i++) {
      const customer = customers[Math.floor(random() * customers.length)];
      const said = JSON.parse((await send(address, 'POST', `/api/v1/customers/${customer}/decisions`, { preview: true, n: 19 })).text);
      if (said.items.some(item => item.product === product)) fault(`${product} is offered after its stop was read`);
    }
  }
  // Rules that are wrong change nothing.
  const failed = await metric('lingxi_reloads_failed');
  fs.writeFileSync(file, '[broken]\nstage = nothing\n');
  process.kill(Number(pid), 'SIGHUP');
  for (let i = 0; i < 200 && (await metric('lingxi_reloads_failed')) === failed; i++) await pause(50);
  if ((await metric('lingxi_reloads_failed')) !== failed + 1) fault('wrong rules were not refused');
  fs.writeFileSync(file, original);
  state.over = true;
  await Promise.all(clients);
  if (sets.size < 3) fault(`only ${sets.size} rule sets decided`);
  console.log(`${state.requests} decisions, ${sets.size} rule sets, ${faults} faults`);
  process.exit(faults > 0 ? 1 : 0);
})().catch(error => { console.log(`seed ${seed}: ${error.stack}`); process.exit(1); });
