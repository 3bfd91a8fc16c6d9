// Chapter 03, "Tokens": the counts of one usage object, given to modalities.

import { ZERO, cmp, dec, isWhole, quantity, read, sub, sum } from "./decimal.mjs";
import { Num, Refusal, isObject, step } from "./json.mjs";

/** The spellings of each direction in the order of chapter 03, and the parts that chapter 02 has for it. */
const DIRECTIONS = {
  input: {
    totals: ["input_tokens", "prompt_tokens"],
    details: ["input_token_details", "input_tokens_details", "prompt_tokens_details"],
    modalities: ["text", "audio", "image", "video"],
  },
  output: {
    totals: ["output_tokens", "completion_tokens"],
    details: ["output_token_details", "output_tokens_details", "completion_tokens_details"],
    modalities: ["text", "audio"],
  },
};
const BASES = ["provider_billed", "provider_reported", "request", "media", "derived", "assumed"];
/** Members that only usage in the form of chapter 02 has (AUB-USE-6266). */
const OWN_FORM = ["audio_input_tokens", "audio_output_tokens", "audio_duration_seconds", "audio_seconds", "tts_characters"];

/** The record while it is written: quantities with their basis, and remarks. */
export class Draft {
  quantities = {};
  basis = {};
  flags = new Set();
  unknown = [];
  extra = {}; // optional members of the record

  put(name, value, basis) {
    this.quantities[name] = quantity(value);
    this.basis[name] = basis;
  }
}

/** A number that is read: refused unless it is plain and not negative, and whole where it counts (AUB-EXT-cbd3). */
export function number(value, at, { whole }) {
  const raw = value instanceof Num ? value.raw : value;
  const refuse = (code) => { throw new Refusal(code, at, `${JSON.stringify(raw)} cannot be a quantity`); };
  if (typeof raw !== "string") refuse("invalid_number");
  if (!(value instanceof Num) && !/^[0-9]{1,15}(\.[0-9]{1,30})?$/.test(raw)) refuse("invalid_number");
  const found = dec(raw);
  if (!found) refuse("invalid_number");
  if (cmp(found, ZERO) < 0) refuse("negative_quantity");
  if (found.n / found.d >= 10n ** 15n || !isWhole({ n: found.n * 10n ** 30n, d: found.d })) refuse("invalid_number");
  if (whole && !isWhole(found)) refuse("invalid_number");
  return found;
}

/** A usage object, which remembers what was read of it. */
export class Usage {
  #seen = new Set();

  constructor(object, at) {
    if (!isObject(object)) throw new Refusal("malformed_body", at, "usage is not an object");
    Object.assign(this, { object, at });
    this.ownForm = OWN_FORM.some((name) => this.has(name));
  }

  has(...path) {
    return this.#find(path) !== undefined;
  }

  #find(path) {
    const value = path.reduce((object, name) => (isObject(object) ? object[name] : undefined), this.object);
    return value === null ? undefined : value; // null is absent
  }

  /** The first of several spellings; an equal second one counts as read, another stays unread (AUB-EXT-5812). */
  read(paths, options = { whole: true }) {
    let found;
    for (const path of paths) {
      const value = this.#find(path);
      if (value === undefined) continue;
      const at = this.at + path.map(step).join("");
      if (!found) found = { value: number(value, at, options), at };
      else {
        const second = dec(value instanceof Num ? value.raw : String(value));
        if (!second || cmp(second, found.value) !== 0) continue;
      }
      this.#seen.add(at);
    }
    return found;
  }

  /** Pointers of the numbers other than zero that nothing read (AUB-USE-c3e5). */
  unread(value = this.object, at = this.at) {
    if (value instanceof Num) {
      const found = dec(value.raw);
      return this.#seen.has(at) || (found && cmp(found, ZERO) === 0) ? [] : [at];
    }
    if (value === null || typeof value !== "object") return [];
    return Object.entries(value).flatMap(([name, inner]) => this.unread(inner, at + step(name)));
  }
}

/** Are there token members at all? (AUB-EXT-28aa) */
export const hasTokens = (usage) => [
  "total_tokens",
  ...["input", "output"].flatMap((d) => ["text", "audio"].map((m) => `${m}_${d}_tokens`)), // AUB-USE-6266
  ...Object.values(DIRECTIONS).flatMap(({ totals, details }) => [...totals, ...details]),
].some((name) => usage.has(name));

/** Reads the tokens of both directions, and compares the provider's total. */
export function readTokens(usage, operation, draft) {
  const totals = ["input", "output"].map((direction) => readDirection(usage, direction, operation, draft));
  const stated = usage.read([["total_tokens"]]);
  if (totals.some((total) => total === undefined)) return;
  const total = sum(totals);
  const bases = ["input_tokens", "output_tokens"].map((name) => BASES.indexOf(draft.basis[name]));
  draft.put("total_tokens", total, BASES[Math.max(...bases)]); // AUB-USE-d32a, the weakest of the two
  if (stated && cmp(stated.value, total) !== 0) draft.flags.add("total_mismatch"); // AUB-USE-a8e5
}

/** One direction; gives its total, or undefined where it has none. */
function readDirection(usage, direction, operation, draft) {
  const { totals, details, modalities } = DIRECTIONS[direction];
  const name = (part) => `${part}_${direction}_tokens`;
  const detail = (...path) => details.map((d) => [d, ...path]);
  const own = (part) => (usage.ownForm ? [[name(part)]] : []);
  const reported = "provider_reported";

  const parts = new Map(); // modality -> what the provider says
  for (const m of modalities) {
    const found = usage.read([...detail(`${m}_tokens`), ...own(m)]);
    if (found) parts.set(m, found);
  }
  if (usage.ownForm) usage.read(own("unattributed")); // found again as what the named parts leave open
  let whole = usage.read(totals.map((t) => [t]));
  if (!whole && usage.ownForm && parts.size) { // AUB-USE-6266: the parts are the whole
    whole = { value: sum([...parts.values()].map((p) => p.value)), at: usage.at, basis: "derived" };
  }
  const input = direction === "input"; // only input is cached, only output is reasoning
  let cached = input ? usage.read([...detail("cached_tokens"), ...own("cached")]) : undefined;
  const split = (input ? modalities : [])
    .map((m) => [m, usage.read([...detail("cached_tokens_details", `${m}_tokens`), ...own(`cached_${m}`)])])
    .filter(([, found]) => found);
  const reasoning = input ? undefined : usage.read([...detail("reasoning_tokens"), ...own("reasoning")]);
  if (cached) within(cached, split.map(([, found]) => found));
  else if (split.length) cached = { value: sum(split.map(([, found]) => found.value)), at: split[0][1].at };

  parts.forEach((found, m) => draft.put(name(m), found.value, reported));
  if (cached) draft.put(name("cached"), cached.value, reported);
  for (const [m, found] of split) draft.put(name(`cached_${m}`), found.value, reported); // AUB-USE-ffb3
  if (reasoning) draft.put(name("reasoning"), reasoning.value, reported);
  if (!whole) { // the total is unknown, and nothing is derived from its parts
    draft.unknown.push(`${direction}_tokens`);
    checkSubsets();
    return undefined;
  }
  const total = whole.value;
  const together = sum([...parts.values()].map((p) => p.value));
  within(whole, [...parts.values()]);
  for (const found of [cached, reasoning]) if (found) within(whole, [found]);
  draft.put(`${direction}_tokens`, total, whole.basis ?? reported);

  modality(); // AUB-USE-6c1b: each row of the table states what the provider left open
  checkSubsets();
  return total;

  /** The parts of a modality: its cached tokens, and of text the reasoning. */
  function checkSubsets() {
    for (const [part, found] of [...split, ...(reasoning ? [["text", reasoning]] : [])]) {
      if (name(part) in draft.quantities) within({ value: read(draft.quantities[name(part)]), at: found.at }, [found]);
    }
  }

  /** The table of chapter 03: the first row that applies decides. */
  function modality() {
    const rest = sub(total, together);
    const fill = (basis) => ["text", "audio"].filter((m) => !(name(m) in draft.quantities))
      .forEach((m) => draft.put(name(m), ZERO, basis));
    if (parts.size && cmp(rest, ZERO) === 0) fill("derived");
    else if (parts.has("audio") && !parts.has("text")) draft.put(name("text"), rest, "derived"); // AUB-EXT-7d80
    else if (parts.size) { // AUB-EXT-4fb7
      draft.put(name("unattributed"), rest, "derived");
      draft.flags.add("details_short");
      fill("derived");
    } else if (operation === "chat" && usage.ownForm) { // AUB-USE-6266: what is left of a given total is text
      draft.put(name("text"), total, "derived");
      fill("derived");
    } else if (operation === "chat") { // AUB-EXT-0636; reasoning is text wherever it is stated
      const text = reasoning?.value ?? ZERO;
      if (cmp(text, ZERO) > 0) draft.put(name("text"), text, reported);
      draft.put(name("unattributed"), sub(total, text), "derived");
      draft.flags.add("details_missing");
    } else { // AUB-EXT-1597: transcription and translation are audio in and text out, speech is text in and audio out
      const audio = (operation === "speech") !== input;
      const known = operation === "speech" || !input; // the endpoint never sends details here
      if (!known) draft.flags.add("details_missing");
      draft.put(name(audio ? "audio" : "text"), total, known ? "derived" : "assumed");
      fill(known ? "derived" : "assumed");
    }
  }
}

/** AUB-EXT-471c: no part exceeds its whole, by itself (refused at the part) or with its siblings (at the whole). */
function within(whole, parts) {
  const tooMuch = parts.find((part) => cmp(part.value, whole.value) > 0);
  if (tooMuch) throw new Refusal("inconsistent_usage", tooMuch.at, "a part exceeds its whole");
  if (cmp(sum(parts.map((part) => part.value)), whole.value) > 0) {
    throw new Refusal("inconsistent_usage", whole.at, "the parts exceed their whole together");
  }
}
