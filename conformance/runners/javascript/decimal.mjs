// Exact arithmetic: every number is a fraction of two BigInts. No float touches money or usage.

import { Num } from "./json.mjs";

/** The fraction that a decimal text, such as "0.006" or "1e3", stands for; undefined if it is no number. */
export function dec(text) {
  const found = /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?$/.exec(text);
  if (!found) return undefined;
  const [, sign, whole, part = "", exponent = "0"] = found;
  const n = BigInt(sign + whole + part);
  const places = part.length - Number(exponent);
  return places > 0 ? { n, d: 10n ** BigInt(places) } : { n: n * 10n ** BigInt(-places), d: 1n };
}

export const ZERO = { n: 0n, d: 1n };
export const ONE = { n: 1n, d: 1n };
export const add = (a, b) => ({ n: a.n * b.d + b.n * a.d, d: a.d * b.d });
export const sub = (a, b) => ({ n: a.n * b.d - b.n * a.d, d: a.d * b.d });
export const mul = (a, b) => ({ n: a.n * b.n, d: a.d * b.d });
export const div = (a, b) => ({ n: a.n * b.d, d: a.d * b.n });
export const sum = (list) => list.reduce(add, ZERO);
export const max = (a, b) => (cmp(a, b) < 0 ? b : a);

/** Below zero, zero or above zero, as a is less than, equal to or more than b. */
export function cmp(a, b) {
  const difference = a.n * b.d - b.n * a.d;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

export const isWhole = (a) => a.n % a.d === 0n;

/** The next multiple of `unit`; a multiple stays (AUB-CHG-6162). */
export function ceilTo(a, unit) {
  const times = div(a, unit);
  return mul({ n: (times.n + times.d - 1n) / times.d, d: 1n }, unit);
}

/** Rounded half to even, to 12 places (AUB-CHG-79ca). */
export function round12(a) {
  const sign = a.n < 0n ? -1n : 1n;
  const scaled = sign * a.n * 10n ** 12n;
  const twice = 2n * (scaled % a.d);
  let quotient = scaled / a.d;
  if (twice > a.d || (twice === a.d && quotient % 2n === 1n)) quotient += 1n;
  return { n: sign * quotient, d: 10n ** 12n };
}

/** Canonical text: no exponent, no sign on zero, no zeros at the end after the point (AUB-TRM-2b2b). */
export function text(a) {
  let places = 0;
  while ((a.n * 10n ** BigInt(places)) % a.d !== 0n) {
    if (++places > 60) throw new Error("a number that does not end was not rounded");
  }
  const digits = ((a.n < 0n ? -a.n : a.n) * 10n ** BigInt(places) / a.d).toString().padStart(places + 1, "0");
  const point = digits.length - places;
  return (a.n < 0n ? "-" : "") + digits.slice(0, point) + (places ? "." + digits.slice(point) : "");
}

/** As a member of `quantities`: whole numbers as JSON integers, others as text (AUB-TRM-2b2b). */
export const quantity = (a) => (isWhole(a) ? new Num(text(a)) : text(a));

/** The other way round: the fraction of a member of `quantities`. */
export const read = (v) => dec(v instanceof Num ? v.raw : v);
