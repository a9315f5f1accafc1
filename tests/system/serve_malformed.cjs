// serve_malformed.cjs ADDRESS PID COUNT: requests with bytes turned over, cut, doubled and moved. None may be
// answered with 500, none may tell of a customer (no request here has the key), and afterwards the server
// answers and holds no more memory than before.
'use strict';
const fs = require('fs');
const net = require('net');
const { send, randomOf } = require('./serve_load.cjs');

const [address, pid, count] = process.argv.slice(2);
const { hostname, port } = new URL(address);
const seed = Number(process.env.SEED || Date.now() % 1000000);
const random = randomOf(seed);
const below = n => Math.floor(random() * n);
let faults = 0;
const fault = text => { if (++faults < 20) console.log(`seed ${seed}: ${text}`); };

const beginnings = [
  'GET /api/v1/products HTTP/1.1\r\nHost: x\r\nAccept-Language: en;q=0.5, zh\r\nCookie: s=1; t=2\r\n\r\n',
  'POST /api/v1/customers/%E4%B8%AD/decisions?a=b&c=%20 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"n": 3 }',
  'POST /api/v1/audiences/count HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n',
  'GET /api/v1/audit/tile/0/x001/234.p/5 HTTP/1.1\r\nHost: x\r\nIf-None-Match: "a", W/"b"\r\nAccept-Encoding: gzip;q=1, *;q=0\r\n\r\n',
  `GET /api/v1/customers/a HTTP/1.0\r\nAuthorization: Bearer ${'x'.repeat(64)}\r\nConnection: keep-alive\r\n\r\n`,
];
const pieces = ['\r\n', '\0', '%00', '%', ' ', ':', '\r', '\n', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', '../', 'HTTP/1.1', '\xff', ','];

function mutate() {
  let text = beginnings[below(beginnings.length)];
  for (let i = 1 + below(4); i > 0; i--) {
    const at = below(text.length + 1);
    const length = below(12);
    switch (below(5)) {
      case 0: text = text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1); break;
      case 1: text = text.slice(0, at) + text.slice(at + length); break;
      case 2: text = text.slice(0, at) + pieces[below(pieces.length)] + text.slice(at); break;
      case 3: text = text.slice(0, at) + text.slice(at, at + length).repeat(1 + below(40)) + text.slice(at); break;
      default: text += beginnings[below(beginnings.length)]; break;
    }
  }
  return Buffer.from(text, 'latin1');
}

function one() {
  return new Promise(resolve => {
    const request = mutate();
    const socket = net.connect(Number(port), hostname);
    let reply = '';
    socket.setTimeout(15000, () => { fault(`no end for ${JSON.stringify(request.toString('latin1'))}`); socket.destroy(); });
    socket.on('connect', () => socket.end(request));
    socket.on('data', part => (reply += part.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => {
      if (/HTTP\/1\.1 500/.test(reply) || reply.includes('"labels"') || reply.includes('"items"'))
        fault(`${reply.slice(0, 200)} for ${JSON.stringify(request.toString('latin1'))}`);
      if (reply !== '' && !/^HTTP\/1\.1 \d{3} /.test(reply)) fault(`not a reply: ${reply.slice(0, 80)}`);
      resolve();
    });
  });
}

const resident = () => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

(async () => {
  let left = Number(count);
  const client = async () => { while (left-- > 0) await one(); };
  left = Math.min(left, 2000); // what is kept for later requests is taken first
  await Promise.all(Array.from({ length: 32 }, client));
  const before = resident();
  left = Number(count);
  await Promise.all(Array.from({ length: 32 }, client));
  const grown = resident() - before;
  // A sanitizer keeps what was freed, to see who uses it again.
  const keeps = /libasan/.test(fs.readFileSync(`/proc/${pid}/maps`, 'latin1'));
  if (grown > 8192 && !keeps) fault(`${grown} KB more after ${count} requests`);
  const alive = await send(address, 'GET', '/healthz');
  if (alive.status !== 200) fault(`/healthz: ${alive.status}`);
  console.log(`${count} requests, ${grown} KB more, ${faults} faults`);
  process.exit(faults > 0 ? 1 : 0);
})();
