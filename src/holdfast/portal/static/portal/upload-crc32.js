// CRC32 as S3 shows it (x-amz-checksum-crc32): of bytes, of files piece by piece, and of pieces put together.
const POLYNOMIAL = 0xedb88320;
const READ_BYTES = 4 * 1024 * 1024; // About 10 ms of work: the page stays alive in between.

// Eight tables, so that eight bytes are taken at a time ("slicing by 8", Intel 2006).
const TABLES = (() => {
  const tables = Array.from({ length: 8 }, () => new Uint32Array(256));
  for (let n = 0; n < 256; n += 1) {
    let c = n;
    for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
    tables[0][n] = c >>> 0;
  }
  for (let n = 0; n < 256; n += 1) {
    for (let k = 1; k < 8; k += 1) {
      const before = tables[k - 1][n];
      tables[k][n] = (tables[0][before & 255] ^ (before >>> 8)) >>> 0;
    }
  }
  return tables;
})();

// Goes on from the CRC of what came before; 0 is that of nothing.
export function update(crc, bytes) {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  let c = ~crc;
  let i = 0;
  for (const whole = bytes.length - 7; i < whole; i += 8) {
    const low = c ^ (bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24));
    c = t7[low & 255] ^ t6[(low >>> 8) & 255] ^ t5[(low >>> 16) & 255] ^ t4[low >>> 24]
      ^ t3[bytes[i + 4]] ^ t2[bytes[i + 5]] ^ t1[bytes[i + 6]] ^ t0[bytes[i + 7]];
  }
  for (; i < bytes.length; i += 1) c = t0[(c ^ bytes[i]) & 255] ^ (c >>> 8);
  return ~c >>> 0;
}

// Reads a file, or a piece of one, and returns its CRC. Rejects when it can't be read, and when the signal says so.
export async function ofBlob(blob, signal) {
  let crc = 0;
  for (let start = 0; start < blob.size; start += READ_BYTES) {
    signal?.throwIfAborted();
    crc = update(crc, new Uint8Array(await blob.slice(start, start + READ_BYTES).arrayBuffer()));
  }
  return crc;
}

function multiply(a, b) {
  let product = 0;
  for (let mask = 0x80000000; mask; mask >>>= 1) {
    if (a & mask) product ^= b;
    b = b & 1 ? (b >>> 1) ^ POLYNOMIAL : b >>> 1;
  }
  return product >>> 0;
}

// POWERS[k] is x to the power of 2^k, modulo the polynomial, with the bits turned round.
const POWERS = (() => {
  const powers = [0x40000000];
  for (let k = 1; k < 64; k += 1) powers.push(multiply(powers[k - 1], powers[k - 1]));
  return powers;
})();

// Returns the CRC of two pieces one after the other, from the CRC of each and the length of the second (as zlib does).
export function combine(first, second, secondBytes) {
  let shift = 0x80000000;
  for (let n = secondBytes, k = 3; n > 0; n = Math.floor(n / 2), k += 1) {
    if (n % 2) shift = multiply(POWERS[k], shift);
  }
  return (multiply(shift, first) ^ second) >>> 0;
}

// The four bytes of a CRC in base64, as S3 writes them.
export function base64(crc) {
  return btoa(String.fromCharCode(crc >>> 24, (crc >>> 16) & 255, (crc >>> 8) & 255, crc & 255));
}
