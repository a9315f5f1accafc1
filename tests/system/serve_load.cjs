// serve_load.cjs: what the tests of a running server share: requests, and clients that decide and answer.
'use strict';
const http = require('http');
const fs = require('fs');
const { execFileSync } = require('child_process');

const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const headers = { Authorization: `Bearer ${process.env.LINGXI_API_KEY}`, 'Content-Type': 'application/json' };

function send(address, method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(address + path, { method, headers, agent }, reply => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', part => (text += part));
      reply.on('end', () => (reply.complete ? resolve({ status: reply.statusCode, text, connection: reply.headers.connection }) : reject(new Error('cut off'))));
      reply.on('error', reject);
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

// The same numbers for the same seed.
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

const customersOf = (lingxi, folder) => {
  const file = `${folder}/ids.csv`;
  const configuration = `${folder}/lingxi.ini`;
  if (!fs.readFileSync(configuration, 'utf8').includes('unmasked_ids = yes')) fs.appendFileSync(configuration, '\n[audience]\nunmasked_ids = yes\n');
  execFileSync(lingxi, ['-C', folder, 'audience', 'age() >= 0', '--unmasked', '--out', file]);
  return fs.readFileSync(file, 'utf8').trim().split('\n').slice(1);
};

module.exports = { send, randomOf, customersOf };
