// serve_exchanges.cjs ADDRESS DESCRIPTION: asks a running server everything, and validates every exchange
// against the description: method, path, status, type of the body, its schema. At the end each operation
// and each status of it must have been seen. Prints what is wrong, one line each.
// The environment: LINGXI_API_KEY, CUSTOMER (an id), FOLDER (of the bank), PROVED (a decision that is signed).
'use strict';
const fs = require('fs');
const http = require('http');
const Ajv = require('ajv');
const YAML = require('yaml');

const [address, file] = process.argv.slice(2);
const description = YAML.parse(fs.readFileSync(file, 'utf8'));
const faults = [];
const seen = new Set();
const fault = text => faults.push(text);

const ajv = new Ajv({ allErrors: true, unknownFormats: 'ignore' });
ajv.addSchema({ $id: 'description', components: description.components }, 'description');
const validators = new Map();
function validatorOf(schema) {
  const text = JSON.stringify(schema).replaceAll('"#/', '"description#/');
  if (!validators.has(text)) validators.set(text, ajv.compile(JSON.parse(text)));
  return validators.get(text);
}
const follow = part => (part.$ref ? part.$ref.slice(2).split('/').reduce((at, name) => at[name], description) : part);

function operationOf(method, path) {
  let best = null;
  for (const [pattern, item] of Object.entries(description.paths)) {
    if (!item[method.toLowerCase()]) continue;
    const form = pattern.replace('{path}', '.+').replace(/\{[a-z]+\}/g, '[^/]+').replaceAll('.yaml', '[.]yaml');
    const exact = !pattern.includes('{');
    if (new RegExp(`^${form}$`).test(path) && (best === null || exact)) best = { pattern, operation: item[method.toLowerCase()] };
  }
  return best;
}

function send(method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(address + path, { method, headers }, reply => {
      const parts = [];
      reply.on('data', part => parts.push(part));
      reply.on('end', () => resolve({ status: reply.statusCode, headers: reply.headers, body: Buffer.concat(parts) }));
    });
    request.on('error', reject);
    if (body !== undefined) request.write(body);
    request.end();
  });
}

function validate(method, path, reply) {
  const plain = path.split('?')[0];
  const found = operationOf(method, plain);
  if (found === null) return fault(`${method} ${plain}: the description has no such operation`);
  const where = `${method} ${found.pattern} ${reply.status}`;
  seen.add(where);
  const said = found.operation.responses[String(reply.status)];
  if (said === undefined) return fault(`${where}: a status that is not described: ${reply.body.toString().slice(0, 200)}`);
  const content = follow(said).content;
  const type = (reply.headers['content-type'] || '').split(';')[0];
  if (content === undefined) return reply.body.length > 0 ? fault(`${where}: a body where none is described`) : undefined;
  if (content[type] === undefined) return fault(`${where}: type ${type} is not described`);
  if (!type.endsWith('json')) return undefined;
  const check = validatorOf(content[type].schema);
  const document = JSON.parse(reply.body.toString());
  if (!check(document)) for (const error of check.errors.slice(0, 3)) fault(`${where}: ${error.dataPath} ${error.message} ${JSON.stringify(error.params)}`);
  return document;
}

const bearer = { Authorization: `Bearer ${process.env.LINGXI_API_KEY}` };
const json = { 'Content-Type': 'application/json' };
// Sends, validates, checks the status; gives status, headers, and the document.
async function ask(expected, method, path, { body, headers = {}, key = bearer } = {}) {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const all = { ...key, ...(text === undefined ? {} : json), ...headers };
  const reply = await send(method, path, all, text);
  if (reply.status !== expected) fault(`${method} ${path}: ${reply.status}, expected ${expected}: ${reply.body.toString().slice(0, 300)}`);
  return { ...reply, document: validate(method, path, reply) };
}
const must = (truth, text) => truth || fault(text);

const v1 = '/api/v1';
const customer = process.env.CUSTOMER;

async function everyRouteNeedsTheKey() {
  for (const [pattern, item] of Object.entries(description.paths))
    for (const [method, operation] of Object.entries(item)) {
      if (operation['x-right'] === 'open') continue;
      const path = pattern.replace('{id}', customer).replace('{path}', '0/000');
      const upper = method.toUpperCase();
      const body = upper === 'POST' ? '{}' : undefined;
      for (const key of [{}, { Authorization: 'Bearer wrong-wrong-wrong-wrong-wrong-wrong' }, { Authorization: `Basic ${process.env.LINGXI_API_KEY}` }])
        await ask(401, upper, path, { key, body });
    }
}

// A GET with its entity tag once more.
async function tagged(path, options) {
  const first = await ask(200, 'GET', path, options);
  must(first.headers.etag, `${path}: no ETag`);
  await ask(304, 'GET', path, { headers: { 'If-None-Match': first.headers.etag } });
  return first.document;
}

async function decisions() {
  const path = `${v1}/customers/${customer}/decisions`;
  const first = (await ask(201, 'POST', path, { body: { n: 4 } })).document;
  must(first.round === 1 && first.items.length > 0, 'a first round with items');
  const preview = (await ask(200, 'POST', path, { body: { preview: true } })).document;
  must(preview.decision === '', 'a preview has no id');
  const english = (await ask(200, 'POST', path, { body: { preview: true }, headers: { 'Accept-Language': 'en-GB' } })).document;
  must(english.items[0].name === english.items[0].name_en && preview.items[0].name === preview.items[0].name_zh, 'names in the language asked for');
  await ask(201, 'POST', path); // no body: the defaults
  await ask(400, 'POST', path, { body: '{"n":' });
  await ask(400, 'POST', path, { body: { n: 0 } });
  await ask(400, 'POST', path, { body: { n: '3' } });
  await ask(400, 'POST', path, { body: { plcement: 'rm' } });
  await ask(400, 'POST', path, { body: '{"n":1,"n":2}' });
  await ask(400, 'POST', path, { body: { placement: 'nowhere' } });
  await ask(404, 'POST', `${v1}/customers/nobody/decisions`, { body: {} });
  await ask(415, 'POST', path, { body: '{}', headers: { 'Content-Type': 'text/plain' } });

  await tagged(`${v1}/decisions/${first.decision}`);
  await ask(404, 'GET', `${v1}/decisions/${'0'.repeat(32)}`);
  await ask(404, 'GET', `${v1}/decisions/abc`);

  const answers = `${v1}/decisions/${first.decision}/answers`;
  const product = first.items[0].product;
  await ask(400, 'POST', answers, { body: {} });
  await ask(400, 'POST', answers, { body: { answers: [{ product, answer: 'perhaps' }] } });
  await ask(400, 'POST', answers, { body: { answers: [{ product }] } });
  await ask(404, 'POST', answers, { body: { answers: [{ product: 'P999', answer: 'viewed' }] } });
  await ask(404, 'POST', `${v1}/decisions/${'0'.repeat(32)}/answers`, { body: { final: true } });
  await ask(415, 'POST', answers, { body: '{}', headers: { 'Content-Type': 'text/plain' } });
  const open = (await ask(200, 'POST', answers, { body: { answers: [{ product, answer: 'interested' }] } })).document;
  must(open.round === 1 && open.items[0].answer === 'interested', 'the answer is seen at once');
  const again = (await ask(200, 'GET', `${v1}/decisions/${first.decision}`)).document;
  must(again.items[0].answer === 'interested', 'and by the next request');
  const second = (await ask(200, 'POST', answers, { body: { answers: [{ product, answer: 'interested' }], final: true } })).document;
  must(second.round === 2 && second.parent === first.decision, 'a second round');
  const repeated = (await ask(200, 'POST', answers, { body: { answers: [{ product, answer: 'interested' }], final: true } })).document;
  must(repeated.decision === second.decision, 'the same final answer gives the same second round');
  await ask(409, 'POST', answers, { body: { answers: [{ product, answer: 'not_interested' }], final: true } });
  const found = (await ask(200, 'GET', `${v1}/decisions/${second.decision}`)).document;
  must(JSON.stringify(found.items.map(i => i.product)) === JSON.stringify(second.items.map(i => i.product)), 'the second round is found as it was told');
  must(found.parent === first.decision, 'with its parent');
  const open2 = (await ask(200, 'POST', answers, { body: { answers: [{ product, answer: 'retracted' }] } })).document;
  must(open2.round === 1 && open2.final === false, 'a retraction opens the round again');
  await ask(409, 'POST', `${v1}/decisions/${second.decision}/answers`, { body: { final: true } }); // void
  return first.decision;
}

async function repeated() {
  const path = `${v1}/customers/${customer}/decisions`;
  const headers = { 'Idempotency-Key': `a-${Date.now()}` };
  const first = await ask(201, 'POST', path, { body: { n: 2 }, headers });
  const again = await ask(201, 'POST', path, { body: { n: 2 }, headers });
  must(first.body.equals(again.body), 'the same key and request give the first answer again');
  await ask(422, 'POST', path, { body: { n: 3 }, headers });
  const answers = `${v1}/decisions/${first.document.decision}/answers`;
  await ask(422, 'POST', answers, { body: { final: true }, headers });
  await ask(400, 'POST', path, { body: { n: 2 }, headers: { 'Idempotency-Key': 'a b' } });
  const failed = { 'Idempotency-Key': `b-${Date.now()}` };
  await ask(400, 'POST', path, { body: { n: 0 }, headers: failed });
  await ask(201, 'POST', path, { body: { n: 1 }, headers: failed }); // a failure does not use the key up
  await ask(422, 'POST', `${v1}/audiences`, { body: { name: 'x', expression: 'age() > 1' }, headers });
  // Many at once with one key: each gets the first answer, or is told to wait; one is recorded. Whether one has to
  // wait is a matter of microseconds, so they try until one had to.
  let waited = false;
  for (let round = 0; round < 200 && !waited; round++) {
    const key = { 'Idempotency-Key': `c-${round}-${Date.now()}` };
    const replies = await Promise.all(Array.from({ length: 40 }, () => send('POST', path, { ...bearer, ...json, ...key }, '{}')));
    const bodies = new Set(replies.filter(reply => reply.status === 201).map(reply => reply.body.toString()));
    must(bodies.size === 1, `${bodies.size} decisions for one key`);
    for (const reply of replies) {
      must(reply.status === 201 || reply.status === 409, `${reply.status} for a repeated request`);
      validate('POST', path, reply);
      waited ||= reply.status === 409;
    }
  }
}

async function owned() {
  const path = `${v1}/customers/${customer}/decisions`;
  const round = (await ask(201, 'POST', path, { body: { n: 1 } })).document;
  const product = round.items[0].product;
  await ask(200, 'POST', `${v1}/decisions/${round.decision}/answers`, { body: { answers: [{ product, answer: 'owns' }], final: true } });
  const after = (await ask(200, 'POST', path, { body: { preview: true, n: 19 } })).document;
  must(!after.items.some(item => item.product === product), 'what the customer owns is not offered again');
}

async function customers() {
  const portrait = await tagged(`${v1}/customers/${customer}`);
  must(portrait.labels.length > 0, 'a portrait with labels');
  await ask(404, 'GET', `${v1}/customers/nobody`);
  const path = `${v1}/customers/${customer}/timeline`;
  const whole = (await ask(200, 'GET', `${path}?limit=20`)).document.events;
  const pages = [];
  let cursor = '';
  for (let i = 0; i < 20 && pages.length < 20; i++) {
    const page = (await ask(200, 'GET', `${path}?limit=5${cursor}`)).document;
    pages.push(...page.events);
    if (page.next === undefined) break;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
  must(JSON.stringify(pages.slice(0, 20)) === JSON.stringify(whole), 'pages give the same events as one list');
  await tagged(`${path}?limit=5`);
  await ask(400, 'GET', `${path}?limit=0`);
  await ask(400, 'GET', `${path}?limit=x`);
  await ask(400, 'GET', `${path}?cursor=x`);
  await ask(404, 'GET', `${v1}/customers/nobody/timeline`);
}

async function audiences() {
  const count = (await ask(200, 'POST', `${v1}/audiences/count`, { body: { expression: 'age() > 30' } })).document;
  must(count.count > 0 && count.count < count.of, 'a count');
  const wrong = (await ask(400, 'POST', `${v1}/audiences/count`, { body: { expression: 'assests > 3' } })).document;
  must(wrong.fault && wrong.fault.line === 1 && wrong.fault.column === 1 && wrong.detail.includes('assets'), 'a fault with its place and a suggestion');
  await ask(400, 'POST', `${v1}/audiences/count`, { body: {} });
  await ask(415, 'POST', `${v1}/audiences/count`, { body: '{}', headers: { 'Content-Type': 'text/plain' } });
  const kept = { name: 'grown-ups', expression: 'age() >= 18' };
  must((await ask(201, 'POST', `${v1}/audiences`, { body: kept })).document.audience.name === kept.name, 'an audience is kept');
  await ask(409, 'POST', `${v1}/audiences`, { body: kept });
  await ask(400, 'POST', `${v1}/audiences`, { body: { name: 'a b', expression: 'age() > 1' } });
  await ask(415, 'POST', `${v1}/audiences`, { body: '{}', headers: { 'Content-Type': 'text/plain' } });
  must((await tagged(`${v1}/audiences`)).audiences.some(a => a.name === kept.name), 'and listed');
}

async function about() {
  must((await tagged(`${v1}/products`)).products.length === 19, '19 products');
  await tagged(`${v1}/models/current`);
  const text = (await ask(200, 'GET', `${v1}/openapi.yaml`)).body.toString();
  must(text === fs.readFileSync(file, 'utf8'), 'the description that is served is the file');
  await tagged(`${v1}/openapi.yaml`, { key: {} });
  await ask(200, 'GET', '/healthz', { key: {} });
  await ask(200, 'GET', '/readyz', { key: {} });
  const metrics = (await ask(200, 'GET', '/metrics')).body.toString();
  for (const name of ['lingxi_request_seconds_bucket', 'lingxi_decisions_total{outcome="decided"}', 'lingxi_drops_total{stage="suitability"}', 'lingxi_writer_queue_depth', 'lingxi_snapshot_age_seconds'])
    must(metrics.includes(name), `/metrics has ${name}`);
  must(/lingxi_decisions_total\{outcome="second_round"\} [1-9]/.test(metrics), 'second rounds were counted');
}

async function log(recent) {
  {
    const proof = (await ask(200, 'GET', `${v1}/decisions/${process.env.PROVED}/proof`)).document;
    must(proof.tree_size > proof.index, 'a proof in the tree');
    const checkpoint = (await ask(200, 'GET', `${v1}/audit/checkpoint`)).body.toString();
    must(checkpoint === proof.checkpoint, 'the checkpoint is that of the proof');
    await tagged(`${v1}/audit/checkpoint`);
    const tile = `0/000.p/${proof.tree_size}`;
    must((await ask(200, 'GET', `${v1}/audit/tile/${tile}`)).body.length === 32 * proof.tree_size, 'a tile of hashes');
    await ask(200, 'GET', `${v1}/audit/tile/entries/000.p/${proof.tree_size}`);
    await ask(409, 'GET', `${v1}/decisions/${recent}/proof`); // not signed yet
    const folder = `${process.env.FOLDER}/audit`;
    fs.renameSync(`${folder}/checkpoint`, `${folder}/away`);
    await ask(404, 'GET', `${v1}/audit/checkpoint`); // nothing is signed
    fs.renameSync(`${folder}/away`, `${folder}/checkpoint`);
  }
  for (const path of ['9/000', '0/999', '../checkpoint', '0/%2e%2e', 'x', '0/000/'])
    await ask(404, 'GET', `${v1}/audit/tile/${path.replace('../', '%2e%2e%2f')}`);
  await ask(404, 'GET', `${v1}/decisions/${'0'.repeat(32)}/proof`);
}

function everythingWasSeen() {
  for (const [pattern, item] of Object.entries(description.paths))
    for (const [method, operation] of Object.entries(item))
      for (const status of Object.keys(operation.responses)) {
        const where = `${method.toUpperCase()} ${pattern} ${status}`;
        if (!seen.has(where)) fault(`never exercised: ${where}`);
      }
}

(async () => {
  await everyRouteNeedsTheKey();
  const recent = await decisions();
  await repeated();
  await owned();
  await customers();
  await audiences();
  await about();
  await log(recent);
  everythingWasSeen();
  for (const text of faults) console.log(text);
  process.exit(faults.length > 0 ? 1 : 0);
})().catch(error => { console.log(error.stack); for (const text of faults) console.log(text); process.exit(1); });
