// usearch by the binary in its npm package, which chooses its kernels for the machine it runs on; the variant is its
// quantization. The protocol is described in peer.hpp.
const fs = require("node:fs");
const readline = require("node:readline");
const { Index } = require("usearch");

const neighbours = 10;
const firstWidth = 64;
const warmUpQueries = 200;
const addedAtOnce = 50_000;

const [queryPath, metric, connectivity, efConstruction, variant] = process.argv.slice(2);
const queries = readVectors(queryPath);
let index = null;
let indexPath = null;
let width = firstWidth;

function readVectors(path) {
  const bytes = fs.readFileSync(path);
  const dimensions = bytes.readInt32LE(4);
  const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 8, bytes.byteOffset + bytes.length));
  return { dimensions, values, count: bytes.readInt32LE(0) };
}

function newIndex() {
  return new Index({
    dimensions: queries.dimensions,
    metric: metric === "l2" ? "l2sq" : "ip",
    quantization: variant,
    connectivity: Number(connectivity),
    expansion_add: Number(efConstruction),
    expansion_search: width,
    multi: false,
  });
}

function seconds() {
  return Number(process.hrtime.bigint()) / 1e9;
}

function cpuMicros() {
  const used = process.cpuUsage();
  return used.user + used.system;
}

function build(path, threads) {
  const base = readVectors(path);
  index = newIndex();
  const cpu = cpuMicros();
  const start = seconds();
  // Its binding reserves room for twice what one call brings, but adds on all threads only within a call.
  for (let row = 0; row < base.count; row += addedAtOnce) {
    const end = Math.min(base.count, row + addedAtOnce);
    const keys = BigUint64Array.from({ length: end - row }, (_, i) => BigInt(row + i));
    index.add(keys, base.values.subarray(row * base.dimensions, end * base.dimensions), threads);
  }
  return `${seconds() - start} ${(cpuMicros() - cpu) / 1e6}`;
}

// The binding cannot change the width of an index that is there: it is read again for each, outside of what is timed.
function setWidth(wanted) {
  if (wanted === width && index !== null) return;
  width = wanted;
  index = null;
  global.gc();
  index = newIndex();
  index.load(indexPath);
  searchFirst(warmUpQueries, 1);
}

function searchFirst(count, threads) {
  return index.search(queries.values.subarray(0, count * queries.dimensions), neighbours, threads);
}

function search(wanted, threads, times, path) {
  setWidth(wanted);
  let found = null;
  const cpu = cpuMicros();
  const start = seconds();
  for (let time = 0; time < times; time++) found = searchFirst(queries.count, threads);
  const took = seconds() - start;
  const cpuPerQuery = (cpuMicros() - cpu) / (times * queries.count);
  if (path !== "-") fs.writeFileSync(path, Buffer.from(Int32Array.from(found.keys, Number).buffer));
  return `${took} ${cpuPerQuery}`;
}

function answer(words) {
  switch (words[0]) {
    case "build":
      return build(words[1], Number(words[2]));
    case "save":
      index.save(words[1]);
      return "";
    case "load": {
      const start = seconds();
      indexPath = words[1];
      index = newIndex();
      index.load(indexPath);
      searchFirst(1, 1);
      return `${seconds() - start}`;
    }
    case "search":
      return search(Number(words[1]), Number(words[2]), Number(words[3]), words[4]);
    default:
      throw new Error(`no verb ${words[0]}`);
  }
}

console.log("ok ready");
readline.createInterface({ input: process.stdin }).on("line", (line) => {
  try {
    console.log(`ok ${answer(line.split(" "))}`.trim());
  } catch (failure) {
    console.log(`error ${failure.message}`);
  }
});
