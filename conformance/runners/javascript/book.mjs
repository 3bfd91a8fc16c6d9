// Chapter 04: is the price book valid, and which entry applies?

import { Refusal, isObject, step } from "./json.mjs";

const MODALITIES = ["text", "audio", "image", "video"];
export const TOKENS = [
  "input_tokens", ...MODALITIES.map((m) => `${m}_input_tokens`), "unattributed_input_tokens",
  "cached_input_tokens", ...MODALITIES.map((m) => `cached_${m}_input_tokens`),
  "output_tokens", "text_output_tokens", "reasoning_output_tokens", "audio_output_tokens", "unattributed_output_tokens",
];
/** The quantities of each unit family, in the order of the table of pricing models. */
export const FAMILIES = {
  audio_token_based: TOKENS,
  audio_per_minute: ["audio_duration_seconds"],
  audio_per_character: ["tts_characters"],
  audio_per_credit: ["provider_credits"],
  per_request: ["requests"],
};
export const FEES = ["requests", "text_messages"];
const BASES = ["provider_billed", "provider_reported", "request", "media", "derived", "assumed"];

const POSITIVE = /^(?!0$)(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/;
const DECIMAL = /^(0|[1-9][0-9]*)(\.[0-9]*[1-9])?$/;
const PUBLISHED = /^(0|[1-9][0-9]*)(\.[0-9]+)?$/;
const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d+)?Z)?$/;

/** Refuses a book that is at odds with its schema, at the first fault. */
export function checkBook(book) {
  const refuse = (at) => { throw new Refusal("invalid_price_book", at); };
  const shape = (value, at, required, optional = []) => {
    if (!isObject(value)) refuse(at);
    for (const key of Object.keys(value)) if (![...required, ...optional, "$schema"].includes(key)) refuse(at + step(key));
    for (const key of required) if (!(key in value)) refuse(at); // a missing member is reported at the object
  };
  const matches = (value, at, pattern) => { if (typeof value !== "string" || !pattern.test(value)) refuse(at); };
  const numbers = (value, at, patterns) => {
    for (const [key, pattern] of Object.entries(patterns)) if (key in value) matches(value[key], at + step(key), pattern);
  };
  shape(book, "", ["currency", "entries"]);
  const ids = new Set();
  book.entries.forEach((entry, index) => {
    const at = `/entries/${index}`;
    shape(entry, at, ["id", "provider", "models", "from", "pricing_model", "rates", "source"],
      ["until", "currency", "operations", "surface", "region", "service_tier", "addons", "multiplier"]);
    if (ids.has(entry.id)) refuse(`${at}/id`);
    ids.add(entry.id);
    if (!(entry.pricing_model in FAMILIES)) refuse(`${at}/pricing_model`);
    numbers(entry, at, { from: INSTANT, until: INSTANT, multiplier: POSITIVE });
    shape(entry.source, `${at}/source`, ["url", "read"], ["note"]); // AUB-PRC-7446
    entry.models.forEach((name, i) => matches(name, `${at}/models/${i}`, /^[^\s*?]+$/)); // AUB-PRC-27f1
    for (const [name, rate] of Object.entries(entry.rates)) {
      const place = `${at}/rates${step(name)}`;
      if (![...FAMILIES[entry.pricing_model], ...FEES].includes(name)) refuse(place); // AUB-PRC-89b3
      shape(rate, place, ["amount", "per"], ["minimum", "step", "multiply_by", "tiers", "rule"]);
      numbers(rate, place, { amount: PUBLISHED, per: POSITIVE, minimum: POSITIVE, step: POSITIVE }); // AUB-PRC-0b02
      rate.tiers?.steps.forEach((tier, i) =>
        numbers(tier, `${place}/tiers/steps/${i}`, { above: DECIMAL, amount: PUBLISHED }));
    }
    for (const [feature, addon] of Object.entries(entry.addons ?? {})) {
      const place = `${at}/addons${step(feature)}`;
      shape(addon, place, "percent" in addon ? ["percent"] : ["amount", "per"], ["minimum"]);
      numbers(addon, place, { percent: PUBLISHED, amount: PUBLISHED, per: POSITIVE, minimum: POSITIVE });
    }
  });
}

/** A text that sorts like the instant: a date is its midnight, zeros at the end of a fraction do not count. */
const instant = (text) => (text.includes("T")
  ? text.slice(0, -1).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "")
  : `${text}T00:00:00`);

/** Does the entry fit the record at the instant `at`? */
function fits(entry, record, at) {
  return entry.provider === record.provider && entry.models.includes(record.model) // AUB-PRC-27f1
    && instant(entry.from) <= instant(at) && (!entry.until || instant(at) < instant(entry.until)) // AUB-PRC-9dba
    && (!entry.operations || entry.operations.includes(record.operation))
    && (!entry.surface || entry.surface === record.surface)
    && (!entry.region || entry.region.includes(record.region))
    && (entry.service_tier ?? "standard") === (record.service_tier ?? "standard"); // AUB-PRC-a7a7
}

const selectors = (entry) =>
  ["operations", "surface", "region", "service_tier"].filter((name) => name in entry).length;

/** How strongly the record carries a family: 0 is strongest, Infinity is not at all. */
function strength(family, record) {
  const stated = FAMILIES[family]
    .filter((name) => name in record.quantities)
    .map((name) => BASES.indexOf(record.basis[name]));
  return Math.min(...stated, family === "per_request" ? BASES.length : Infinity);
}

/** The entry that applies, or undefined; refuses where two do. */
export function chooseEntry(book, record, at) {
  if (!at) throw new Refusal("missing_time", "/at");
  const ambiguous = (list) => {
    throw new Refusal("ambiguous_price", undefined, `entries ${list.map((e) => e.id).join(" and ")} both fit`);
  };
  const best = [];
  for (const family of Object.keys(FAMILIES)) {
    const fitting = book.entries.filter((e) => e.pricing_model === family && fits(e, record, at));
    const most = Math.max(...fitting.map(selectors));
    const chosen = fitting.filter((entry) => selectors(entry) === most); // AUB-PRC-c58f
    if (chosen.length > 1) ambiguous(chosen); // AUB-PRC-b5e2
    best.push(...chosen);
  }
  const strongest = Math.min(...best.map((entry) => strength(entry.pricing_model, record)));
  if (strongest === Infinity) return best[0]; // no family is carried: the first of the table, and a gap
  const carried = best.filter((entry) => strength(entry.pricing_model, record) === strongest); // AUB-PRC-19d1
  if (carried.length > 1) ambiguous(carried);
  return carried[0];
}
