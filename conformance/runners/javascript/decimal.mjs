// Exact arithmetic: a number is a BigInt that counts units of 10^-30. No float touches money or usage.
import { Num, Refusal } from "./json.mjs";

export const ONE = 10n ** 30n;

/** The number of a decimal text or a JSON number, such as "0.006" or 1e3; undefined if it is none, or is finer than a unit. */
export function read(value = "0") {
  const [, whole, part = "", exponent = "0"] = /^(-?[0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?$/.exec(value.raw ?? value) ?? [];
  const shift = BigInt(30 + Number(exponent) - part.length);
  if (whole === undefined || (shift < 0n && BigInt(whole + part) % 10n ** -shift)) return undefined;
  return shift < 0n ? BigInt(whole + part) / 10n ** -shift : BigInt(whole + part) * 10n ** shift;
}

/** Canonical text: no exponent, no sign on zero, no zeros at the end after the point (AUB-TRM-2b2b). */
export function text(value) {
  const digits = String(value < 0n ? -value : value).padStart(31, "0");
  return (value < 0n ? "-" : "") + `${digits.slice(0, -30)}.${digits.slice(-30)}`.replace(/\.?0+$/, "");
}

/** As a member of `quantities`: whole numbers as JSON integers, others as text. */
export const quantity = (value) => (value % ONE ? text(value) : new Num(text(value)));
export const least = (a, b) => (a < b ? a : b);
export const most = (a, b) => (a > b ? a : b);
export const sum = (list) => list.reduce((a, b) => a + b, 0n);

/** The sum of fractions [numerator, denominator], rounded half to even to 12 places (AUB-CHG-79ca). */
export function round12(fractions) {
  const [n, d] = fractions.reduce(([a, b], [c, e]) => [a * e + c * b, b * e], [0n, 1n]);
  const [quotient, twice] = [n * 10n ** 12n / d, 2n * (n * 10n ** 12n % d)];
  return (quotient + (twice > d || (twice === d && quotient % 2n) ? 1n : 0n)) * 10n ** 18n;
}

export const MODALITIES = { input_tokens: ["text", "audio", "image", "video"], output_tokens: ["text", "audio"] };
const WHOLES = [["total_tokens", Object.keys(MODALITIES)], ["input_tokens", ["cached_input_tokens"]],
  ...Object.entries(MODALITIES).map(([whole, names]) => [whole, [...names, "unattributed"].map((m) => `${m}_${whole}`)]),
  ...MODALITIES.input_tokens.map((m) => [`${m}_input_tokens`, [`cached_${m}_input_tokens`]]),
  ["cached_input_tokens", MODALITIES.input_tokens.map((m) => `cached_${m}_input_tokens`)],
  ...["", "text_"].map((m) => [`${m}output_tokens`, ["reasoning_output_tokens"]])];

/** No part exceeds its whole, by itself (refused at the part) or with its siblings (at the whole): AUB-CHG-eb98, AUB-EXT-471c. */
export function checkParts(q, place) {
  for (const [whole, parts] of WHOLES.filter(([name]) => name in q)) {
    const together = sum(parts.map((name) => read(q[name])));
    const wrong = parts.find((name) => read(q[name]) > read(q[whole])) ?? (together > read(q[whole]) ? whole : "");
    if (wrong) throw new Refusal("inconsistent_usage", place(wrong));
  }
}
