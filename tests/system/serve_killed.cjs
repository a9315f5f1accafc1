// serve_killed.cjs LINGXI DIR ROUNDS: a server is killed while clients decide and answer; started again, every
// answer that was acknowledged is there, and so is the second round that came with it.
'use strict';
const { spawn } = require('child_process');
const { send, randomOf, customersOf } = require('./serve_load.cjs');

const [lingxi, folder, rounds] = process.argv.slice(2);
const seed = Number(process.env.SEED || Date.now() % 1000000);
const random = randomOf(seed);
const acknowledged = []; // {decision, answers, next}
let faults = 0;
const fault = text => { faults++; console.log(`seed ${seed}: ${text}`); };

function start() {
  return new Promise((resolve, reject) => {
    const server = spawn(lingxi, ['-C', folder, 'serve', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    server.stderr.on('data', part => {
      text += part;
      const ready = /address=(\S+)/.exec(text);
      if (ready) resolve({ server, address: ready[1] });
    });
    server.on('exit', () => reject(new Error(`the server ended: ${text}`)));
  });
}

async function client(address, customers, state) {
  while (!state.over) {
    const customer = customers[Math.floor(random() * customers.length)];
    try {
      const made = await send(address, 'POST', `/api/v1/customers/${customer}/decisions`, {});
      if (made.status !== 201) { fault(`decision: ${made.status} ${made.text}`); continue; }
      const round = JSON.parse(made.text);
      acknowledged.push({ decision: round.decision, answers: {}, next: null });
      if (round.items.length === 0) continue;
      const answers = {};
      for (const item of round.items) if (random() < 0.6) answers[item.product] = random() < 0.5 ? 'interested' : 'ignored';
      answers[round.items[0].product] = 'viewed';
      const final = random() < 0.7;
      const said = await send(address, 'POST', `/api/v1/decisions/${round.decision}/answers`,
        { answers: Object.entries(answers).map(([product, answer]) => ({ product, answer })), final });
      if (said.status !== 200) { fault(`answer: ${said.status} ${said.text}`); continue; }
      const next = JSON.parse(said.text);
      acknowledged.push({ decision: round.decision, answers, next: next.round === 2 ? next.decision : null });
    } catch (error) {
      if (!state.killed) fault(`before the kill: ${error.message}`);
      return;
    }
  }
}

async function check(address, from) {
  for (const one of acknowledged.slice(from)) {
    const found = await send(address, 'GET', `/api/v1/decisions/${one.decision}`);
    if (found.status !== 200) { fault(`${one.decision} is lost: ${found.status}`); continue; }
    const items = JSON.parse(found.text).items;
    for (const [product, answer] of Object.entries(one.answers)) {
      const item = items.find(i => i.product === product);
      if (!item || item.answer !== answer) fault(`${one.decision}: ${product}=${answer} is lost`);
    }
    if (one.next === null) continue;
    const next = await send(address, 'GET', `/api/v1/decisions/${one.next}`);
    if (next.status !== 200) fault(`the second round ${one.next} is lost: ${next.status}`);
  }
}

(async () => {
  const customers = customersOf(lingxi, folder);
  let checked = 0;
  for (let round = 0; round < Number(rounds); round++) {
    const { server, address } = await start();
    server.removeAllListeners('exit');
    const gone = new Promise(resolve => server.on('exit', resolve));
    await check(address, checked);
    checked = acknowledged.length;
    const state = { over: false, killed: false };
    const clients = Array.from({ length: 8 }, () => client(address, customers, state));
    await new Promise(resolve => setTimeout(resolve, 20 + random() * 300));
    state.killed = true;
    server.kill('SIGKILL');
    state.over = true;
    await gone;
    await Promise.all(clients);
  }
  const { server, address } = await start();
  server.removeAllListeners('exit');
  await check(address, 0);
  server.kill('SIGTERM');
  await new Promise(resolve => server.on('exit', resolve));
  if (acknowledged.length < Number(rounds)) fault(`only ${acknowledged.length} were acknowledged`);
  console.log(`${acknowledged.length} acknowledged over ${rounds} kills, ${faults} faults`);
  process.exit(faults > 0 ? 1 : 0);
})().catch(error => { console.log(`seed ${seed}: ${error.stack}`); process.exit(1); });
