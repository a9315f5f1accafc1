// serve_stopped.cjs ADDRESS PID DIR: SIGTERM while 32 clients have requests under way. A request that was sent is
// answered whole; only a connection that was idle may be found closed.
'use strict';
const net = require('net');

const { customersOf } = require('./serve_load.cjs');

const [address, pid, folder] = process.argv.slice(2);
const customers = customersOf(process.env.LINGXI_BIN, folder);
const { hostname, port } = new URL(address);
let answered = 0;
let faults = 0;

// Many requests at once on each connection, all written before the signal.
function client(_, number) {
  return new Promise(resolve => {
    const socket = net.connect(Number(port), hostname);
    let text = '';
    const request = `POST /api/v1/customers/${customers[number]}/decisions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${process.env.LINGXI_API_KEY}\r\nContent-Length: 0\r\n\r\n`;
    socket.on('connect', () => socket.write(request));
    socket.on('data', part => {
      text += part;
      // A reply is whole when its length is.
      for (;;) {
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))[1]);
        if (Buffer.byteLength(text.slice(end + 4)) < length) return;
        if (!/^HTTP\/1.1 201/.test(text)) { faults++; console.log(text.slice(0, 200)); }
        answered++;
        const closes = /connection: close/i.test(text.slice(0, end));
        text = Buffer.from(text.slice(end + 4)).subarray(length).toString();
        if (closes) { socket.end(); return; }
        socket.write(request);
      }
    });
    socket.on('close', () => {
      if (text !== '') { faults++; console.log(`cut off: ${text.slice(0, 100)}`); }
      resolve();
    });
    socket.on('error', error => { if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') { faults++; console.log(error.message); } });
  });
}

(async () => {
  const clients = Array.from({ length: 32 }, client);
  await new Promise(resolve => setTimeout(resolve, 400));
  process.kill(Number(pid), 'SIGTERM');
  await Promise.all(clients);
  if (answered < 32) { faults++; console.log(`${answered} answers`); }
  console.log(`${answered} answered, ${faults} faults`);
  process.exit(faults > 0 ? 1 : 0);
})();
