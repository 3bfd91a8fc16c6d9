// What the extractors of all providers share: strict reading of what is on the wire, and the record that is being written.
import { ONE, checkParts, quantity, read, sum } from "./decimal.mjs";
import { Num, Refusal, isObject, parse, step } from "./json.mjs";

export const BASES = ["provider_billed", "provider_reported", "request", "media", "derived", "assumed"];
export const [BILLED, REPORTED, REQUEST, MEDIA, DERIVED, ASSUMED] = BASES;
export const malformed = (at) => { throw new Refusal("malformed_body", at); };

/** A quantity: refused unless it is plain and not negative, and whole where it counts (AUB-EXT-cbd3). */
export function number(value, at, whole = false) {
  const isPlain = value instanceof Num || /^[0-9]{1,15}(\.[0-9]{1,30})?$/.test(typeof value === "string" ? value : "");
  const found = isPlain ? read(value) : undefined;
  if (found < 0n) throw new Refusal("negative_quantity", at);
  if (found === undefined || found >= 10n ** 15n * ONE || (whole && found % ONE)) throw new Refusal("invalid_number", at);
  return found;
}

/** A JSON value and where it stands. It remembers which numbers were read; null is absent. */
export class Wire {
  constructor(value, at, seen = new Set()) {
    Object.assign(this, { value, at, seen });
  }
  /** What stands at a pointer below this value. */
  get(pointer) {
    return pointer.split("/").slice(1).reduce((value, name) => value?.[name], this.value) ?? undefined;
  }
  /** The object at the first of some pointers that has something, as a value of its own. */
  child(...pointers) {
    const pointer = pointers.find((each) => this.get(each) !== undefined);
    if (pointer !== undefined && !isObject(this.get(pointer))) malformed(this.at + pointer);
    return pointer === undefined ? undefined : new Wire(this.get(pointer), this.at + pointer, this.seen);
  }
  /** The number at the first of several spellings; an equal second one counts as read, another stays unread (AUB-EXT-5812). */
  first(pointers, whole = true) {
    const [pointer, ...others] = pointers.filter((each) => this.get(each) !== undefined);
    if (pointer === undefined) return undefined;
    const value = number(this.get(pointer), this.at + pointer, whole);
    [pointer, ...others.filter((each) => read(this.get(each)) === value)].forEach((each) => this.seen.add(this.at + each));
    return { value, at: this.at + pointer };
  }
  /** Pointers of the numbers other than zero that nothing read (AUB-USE-c3e5). */
  unread(value = this.value, at = this.at) {
    if (value instanceof Num) return this.seen.has(at) || read(value) === 0n ? [] : [at];
    return value && typeof value === "object" ? Object.entries(value).flatMap(([name, each]) => this.unread(each, at + step(name))) : [];
  }
}

/** A usage record while it is written. */
export class Draft {
  quantities = {}; basis = {}; places = {}; flags = new Set(); unknown = new Set(); unread = []; extra = {};
  put(name, value, basis, at) {
    Object.assign(this.places, { [name]: at });
    Object.assign(this.basis, { [name]: basis });
    this.quantities[name] = quantity(value);
  }
  /** States a number that may be absent; tells whether it is there. */
  take(name, found, basis = REPORTED) {
    if (found) this.put(name, found.value, basis, found.at);
    return found !== undefined;
  }
  count(name) { return read(this.quantities[name]); }
  /** Both directions together, on the weaker basis of the two (AUB-USE-d32a). */
  total() {
    const names = ["input_tokens", "output_tokens"];
    if (!names.every((name) => name in this.quantities)) return undefined;
    this.put("total_tokens", sum(names.map((name) => this.count(name))), BASES[Math.max(...names.map((name) => BASES.indexOf(this.basis[name])))]);
    return this.count("total_tokens");
  }
  /** The code points of texts (AUB-EXT-3ad2); unknown where one is no text. */
  characters(texts) {
    if (!texts.every((text) => typeof text === "string")) return this.unknown.add("tts_characters");
    this.extra.character_rule = "code_points";
    return this.put("tts_characters", BigInt([...texts.join("")].length) * ONE, REQUEST);
  }
  /** The length of the upload, in a form or alone (AUB-EXT-b542). */
  upload({ request }, member = "file") {
    const seconds = (request?.form?.[member] ?? request?.media)?.media_seconds;
    if (seconds === undefined) this.unknown.add("audio_duration_seconds"); // AUB-USE-dfcb
    else this.put("audio_duration_seconds", read(seconds), MEDIA);
  }
  /** The record; refused if a part exceeds its whole. */
  finish({ provider, surface, operation, model, at, region, request }, tier) {
    checkParts(this.quantities, (name) => this.places[name] ?? "/response");
    const used = Object.entries(this.quantities).filter(([name]) => !["media_duration_seconds", "audio_channels"].includes(name));
    if (this.unread.length) this.flags.add("unread_members"); // AUB-USE-c3e5
    if (used.length && !this.unknown.size && used.every(([, value]) => read(value) === 0n)) this.flags.add("zero_usage"); // AUB-USE-ffc6
    const word = tier || request?.json?.service_tier || request?.json?.serviceTier;
    return { provider, surface, operation, model, at, ...(region && { region }), quantities: this.quantities, basis: this.basis,
      unknown: [...this.unknown], flags: [...this.flags], ...(word && { service_tier: TIERS[word] ?? word }),
      ...(this.unread.length && { unread: this.unread }), ...this.extra };
  }
}
const TIERS = { default: "standard", auto: "standard", ON_DEMAND: "standard", ON_DEMAND_FLEX: "flex", ON_DEMAND_PRIORITY: "priority",
  ON_DEMAND_OFFPEAK: "off_peak", PROVISIONED_THROUGHPUT: "provisioned" }; // AUB-USE-cf1d, AUB-GEM-b020

/** A response header, whatever the case of its name: {text, at}. */
export function header({ headers = {} }, wanted) {
  const name = Object.keys(headers).find((each) => each.toLowerCase() === wanted);
  return name === undefined || headers[name] === "" ? undefined : { text: headers[name], at: `/response/headers${step(name)}` };
}

/** What a response holds: its kind and its value. Text that says it is JSON is read as JSON (AUB-EXT-d9f0). */
export function bodyOf({ response }, readFile) {
  const kind = ["json", "text", "sse", "events", "media"].find((each) => each in response || `${each}_file` in response);
  const file = kind !== "media" && response[`${kind}_file`];
  const value = file ? readFile(file) : response[kind];
  const isJson = kind === "json" || (kind === "text" && /^[^;]*[/+]json\b/i.test(header(response, "content-type")?.text ?? ""));
  const at = `/response/${kind}`;
  return { kind: isJson ? "json" : kind, at, value: isJson && typeof value === "string" ? parse(value, at) : value };
}
