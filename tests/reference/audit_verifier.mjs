// An auditor of its own, written from the texts alone: C2SP tlog-tiles, tlog-checkpoint, signed-note,
// tlog-cosignature, and RFC 9162 for the proofs. Shares no code with the program.
//   node audit_verifier.mjs tree  FOLDER KEYS [WITNESS-KEYS]   every tile, entry and checkpoint of a folder
//   node audit_verifier.mjs proof PROOF.json KEYS               what `lingxi --json audit prove` printed
// Ends with status 0 and a line of JSON if all holds, else with 1 and the reason.
import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';

const sha256 = (...parts) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};
const leafHash = (entry) => sha256(Buffer.from([0]), entry);
const nodeHash = (left, right) => sha256(Buffer.from([1]), left, right);
const insist = (holds, why) => {
  if (!holds) throw new Error(why);
};

// signed-note

function parseKeys(text) {
  const keys = [];
  for (const line of text.split('\n').filter((l) => l && !l.startsWith('#'))) {
    const [name, id] = line.split('+', 2);
    const bytes = Buffer.from(line.slice(name.length + id.length + 2), 'base64');
    insist(sha256(name, '\n', bytes).subarray(0, 4).toString('hex') === id, `key id of ${name}`);
    keys.push({ name, id, type: bytes[0], bytes: bytes.subarray(1) });
  }
  return keys;
}

const ed25519 = (raw) =>
  createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });

// Ed25519 (0x01) and witness (0x04) keys are known here; lines of others are passed over.
function openNote(text, keys) {
  const gap = text.lastIndexOf('\n\n');
  insist(gap >= 0 && text.endsWith('\n'), 'not a note');
  const body = text.slice(0, gap + 1);
  const signers = { log: 0, witness: 0, unknown: 0 };
  for (const line of text.slice(gap + 2, -1).split('\n')) {
    const match = /^\u2014 (\S+) ([A-Za-z0-9+/]+=*)$/.exec(line);
    insist(match, `signature line ${line}`);
    const signature = Buffer.from(match[2], 'base64');
    insist(signature.toString('base64') === match[2], 'canonical base64');
    const id = signature.subarray(0, 4).toString('hex');
    const key = keys.find((k) => k.name === match[1] && k.id === id && (k.type === 1 || k.type === 4));
    if (!key) {
      signers.unknown++;
    } else if (key.type === 1) {
      insist(verifySignature(null, Buffer.from(body), ed25519(key.bytes), signature.subarray(4)),
        `signature of ${key.name}`);
      signers.log++;
    } else {
      const time = signature.readBigUInt64BE(4);
      const message = Buffer.from(`cosignature/v1\ntime ${time}\n${body}`);
      insist(verifySignature(null, message, ed25519(key.bytes), signature.subarray(12)),
        `cosignature of ${key.name}`);
      signers.witness++;
    }
  }
  insist(signers.log > 0, 'no signature by the log');
  const [origin, size, root, rest] = body.split('\n');
  insist(/^(0|[1-9][0-9]*)$/.test(size) && rest === '', 'not a checkpoint');
  return { origin, size: Number(size), root: Buffer.from(root, 'base64'), signers };
}

// RFC 9162, section 2.1.1: the tree by its definition.
function treeHash(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

// RFC 9162, section 2.1.3.2.
function rootOfInclusion(leaf, index, size, proof) {
  insist(index < size, 'index past the end');
  let fn = index;
  let sn = size - 1;
  let r = leaf;
  for (const p of proof) {
    insist(sn !== 0, 'proof too long');
    if (fn % 2 === 1 || fn === sn) {
      r = nodeHash(p, r);
      while (fn % 2 === 0 && fn !== 0) {
        fn = Math.floor(fn / 2);
        sn = Math.floor(sn / 2);
      }
    } else {
      r = nodeHash(r, p);
    }
    fn = Math.floor(fn / 2);
    sn = Math.floor(sn / 2);
  }
  insist(sn === 0, 'proof too short');
  return r;
}

// tlog-tiles

function tilePath(level, index, width) {
  let digits = String(index);
  while (digits.length % 3) digits = `0${digits}`;
  const groups = digits.match(/.../g);
  const name = groups.map((g, i) => (i + 1 < groups.length ? `x${g}` : g)).join('/');
  return `tile/${level}/${name}${width < 256 ? `.p/${width}` : ''}`;
}

function readEntries(folder, size) {
  const entries = [];
  for (let n = 0; n * 256 < size; n++) {
    const width = Math.min(256, size - n * 256);
    const bundle = readFileSync(join(folder, tilePath('entries', n, width)));
    let at = 0;
    for (let i = 0; i < width; i++) {
      const length = bundle.readUInt16BE(at);
      entries.push(bundle.subarray(at + 2, at + 2 + length));
      at += 2 + length;
    }
    insist(at === bundle.length, `bundle ${n} is longer than its entries`);
  }
  return entries;
}

// Every tile of the tree: level l has the tree hashes of 256^l leaves each.
function checkTiles(folder, leaves) {
  let count = 0;
  let hashes = leaves;
  for (let level = 0; hashes.length > 0; level++) {
    const above = [];
    for (let n = 0; n * 256 < hashes.length; n++) {
      const here = hashes.slice(n * 256, n * 256 + 256);
      const file = readFileSync(join(folder, tilePath(level, n, here.length)));
      insist(file.equals(Buffer.concat(here)), tilePath(level, n, here.length));
      if (here.length === 256) above.push(treeHash(here));
      count++;
    }
    hashes = above;
  }
  return count;
}

function checkTree(folder, keys) {
  const newest = openNote(readFileSync(join(folder, 'checkpoint'), 'utf8'), keys);
  const entries = readEntries(folder, newest.size);
  const leaves = entries.map(leafHash);
  const tiles = checkTiles(folder, leaves);
  insist(treeHash(leaves).equals(newest.root), 'root of the newest checkpoint');
  entries.forEach((entry, i) => insist(Number(entry.readBigUInt64LE(11)) === i, `position of ${i}`));
  let past = 0;
  const folderOfPast = join(folder, 'checkpoints');
  for (const name of existsSync(folderOfPast) ? readdirSync(folderOfPast) : []) {
    const one = openNote(readFileSync(join(folderOfPast, name), 'utf8'), keys);
    insist(one.origin === newest.origin && one.size <= newest.size, `checkpoint ${name}`);
    insist(treeHash(leaves.slice(0, one.size)).equals(one.root), `root of checkpoint ${name}`);
    past++;
  }
  return { tree_size: newest.size, root: newest.root.toString('hex'), tiles, past, ...newest.signers };
}

function checkProof(proof, keys) {
  const checkpoint = openNote(proof.checkpoint, keys);
  const entry = Buffer.from(proof.entry, 'hex');
  const commitment = sha256(Buffer.from(proof.salt, 'hex'), Buffer.from(proof.content, 'base64'));
  insist(entry.subarray(19).equals(commitment), 'the content is not the one committed to');
  insist(Number(entry.readBigUInt64LE(11)) === proof.index, 'another position');
  const hashes = proof.proof.map((h) => Buffer.from(h, 'hex'));
  const root = rootOfInclusion(leafHash(entry), proof.index, checkpoint.size, hashes);
  insist(root.equals(checkpoint.root), 'another root');
  insist(checkpoint.size === proof.tree_size && proof.root === root.toString('hex'), 'what was said');
  return { index: proof.index, tree_size: checkpoint.size, at_ms: Number(entry.readBigInt64LE(3)) };
}

try {
  const [, , what, target, ...keyFiles] = process.argv;
  const keys = keyFiles.flatMap((file) => parseKeys(readFileSync(file, 'utf8')));
  const told = what === 'tree' ? checkTree(target, keys) : checkProof(JSON.parse(readFileSync(target)), keys);
  console.log(JSON.stringify(told));
} catch (error) {
  console.error(`${error.message}`);
  process.exit(1);
}
