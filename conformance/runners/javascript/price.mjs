// Chapters 04 and 05: a usage record and a price book become a charge. Run: node price.mjs [part of a case id]
import { exchangeOf, readText, run } from "./cases.mjs";
import { MODALITIES, ONE, checkParts, least, most, read, round12, sum, text } from "./decimal.mjs";
import { Refusal, parse, step } from "./json.mjs";

const TOKENS = Object.entries(MODALITIES).flatMap(([whole, names]) => [whole,
  ...["unattributed", "cached", "reasoning", ...names, ...names.map((m) => `cached_${m}`)].map((m) => `${m}_${whole}`)]);
/** The quantities of each unit family, in the order of the table of pricing models. */
const FAMILIES = { audio_token_based: TOKENS, audio_per_minute: ["audio_duration_seconds"], audio_per_character: ["tts_characters"],
  audio_per_credit: ["provider_credits"], per_request: ["requests"] };
const FEES = ["requests", "text_messages"];
const BASES = ["provider_billed", "provider_reported", "request", "media", "derived", "assumed"];

/** The faults of a book that would make a wrong bill; the whole schema is for a validator. */
function checkBook({ entries }) {
  const refuse = (at) => { throw new Refusal("invalid_price_book", at); };
  for (const [n, { rates, pricing_model, source }] of entries.entries()) {
    for (const [name, { amount }] of Object.entries(rates)) {
      if (![...FAMILIES[pricing_model], ...FEES].includes(name)) refuse(`/entries/${n}/rates${step(name)}`); // AUB-PRC-89b3
      if (typeof amount !== "string") refuse(`/entries/${n}/rates${step(name)}/amount`); // AUB-PRC-0b02
    }
    if (!source) refuse(`/entries/${n}`); // AUB-PRC-7446
  }
}

/** A text that sorts like the instant: a date is its midnight, zeros at the end do not count. */
const instant = (at) => at.replace(/^[^T]*$/, "$&T00:00:00Z").replace(/\.?0*Z$/, "");
const fits = (entry, record, at) => entry.provider === record.provider && entry.models.includes(record.model) // AUB-PRC-27f1
  && instant(entry.from) <= instant(at) && (!entry.until || instant(at) < instant(entry.until)) // AUB-PRC-9dba
  && (entry.operations?.includes(record.operation) ?? true) && (entry.region?.includes(record.region) ?? true)
  && [undefined, record.surface].includes(entry.surface)
  && (entry.service_tier ?? "standard") === (record.service_tier ?? "standard"); // AUB-PRC-a7a7

/** The entry that applies, or undefined; refuses where two do. */
function chooseEntry({ entries }, record, at) {
  if (!at) throw new Refusal("missing_time", "/at");
  const only = (list) => { if (list.length > 1) throw new Refusal("ambiguous_price"); return list; }; // AUB-PRC-b5e2
  const selectors = (entry) => ["operations", "surface", "region", "service_tier"].filter((name) => name in entry).length;
  const strength = ({ pricing_model }) => Math.min(pricing_model === "per_request" ? BASES.length : Infinity, // 0 is strongest
    ...FAMILIES[pricing_model].filter((name) => name in record.quantities).map((name) => BASES.indexOf(record.basis[name])));
  const best = Object.keys(FAMILIES).flatMap((family) => {
    const fitting = entries.filter((entry) => entry.pricing_model === family && fits(entry, record, at));
    return only(fitting.filter((entry) => selectors(entry) === Math.max(...fitting.map(selectors)))); // AUB-PRC-c58f
  });
  const strongest = Math.min(...best.map(strength));
  return strongest === Infinity ? best[0] : only(best.filter((entry) => strength(entry) === strongest))[0]; // AUB-PRC-19d1
}

/** AUB-CHG-5310: tokens by leaf, each with the first of its rates that the entry has; leaves that share a rate are added up. */
function leaves({ quantities }, { rates }, flags) {
  const found = [];
  const q = (name) => read(quantities[name]);
  const first = (names) => names.find((name) => name in rates);
  const leaf = (name, measured, names, apart, reason = "no_rate") => { // unattributed tokens have lines of their own
    const rate = first(names);
    const same = found.find((l) => l.rate === rate && l.apart === apart && (rate || l.name === name));
    if (same) same.measured += measured;
    else if (measured > 0n) found.push({ name, measured, rate, apart, reason }); // a quantity of zero needs no rate
  };
  const [text_, reasoning, audio] = ["text", "reasoning", "audio"].map((part) => `${part}_output_tokens`);
  const unattributed = (whole, cached) => {
    const [own, names] = [`unattributed_${whole}`, MODALITIES[whole].map((m) => `${m}_${whole}`)];
    const measured = q(own) + most(q(whole) - sum([...names, own].map(q)), 0n); // what no stated part covers
    const isNamed = names.some((name) => name in quantities
      && !(name === text_ && reasoning in quantities && q(name) > 0n && q(name) === q(reasoning))); // reasoning alone names nothing
    const priced = names.filter((name) => first([name, `cached_${name}`]));
    const asText = measured && isNamed && !first([own, whole]) && first([`text_${whole}`]);
    if (asText) flags.add("unattributed_as_text");
    const candidates = [own, whole, ...(asText ? [asText] : priced.length === 1 ? priced : [])];
    const cheaper = [`cached_${first(candidates) ?? priced[0]}`, `cached_${whole}`, ...candidates];
    const reason = priced.length > 1 ? "modality_unknown" : "no_rate"; // AUB-CHG-0d16
    leaf(own, measured - least(cached, measured), candidates, true, reason);
    leaf(own, least(cached, measured), cheaper, true, reason);
  };
  const inputs = MODALITIES.input_tokens.map((m) => `${m}_input_tokens`);
  let open = q("cached_input_tokens") - sum(inputs.map((name) => q(`cached_${name}`)));
  if (open > 0n && Object.keys(rates).some((name) => name.startsWith("cached_"))) flags.add("cached_split_assumed");
  else open = 0n;
  for (const name of inputs) { // the cached part as the split says, what that leaves open from text first (AUB-CHG-5f0a)
    const taken = least(open, most(q(name) - q(`cached_${name}`), 0n));
    open -= taken;
    leaf(name, q(name) - q(`cached_${name}`) - taken, [name, "input_tokens"]);
    leaf(name, q(`cached_${name}`) + taken, [`cached_${name}`, "cached_input_tokens", name, "input_tokens"]); // AUB-CHG-17f0
  }
  unattributed("input_tokens", open);
  leaf(text_, q(text_) - q(reasoning), [text_, "output_tokens"]); // text less reasoning (AUB-CHG-258f)
  leaf(text_, q(reasoning), [reasoning, text_, "output_tokens"]);
  leaf(audio, q(audio), [audio, "output_tokens"]); // AUB-CHG-b946
  unattributed("output_tokens", 0n);
  return found;
}

/** The lines and gaps of the main usage or of one component, by the entry that applies to it. */
function rateOne(record, book, at) {
  const { model, quantities, provider, operation, surface, region, service_tier = "standard", character_rule = "code_points" } = record;
  const part = { lines: [], gaps: [], flags: new Set() };
  const gap = (quantity, reason, measured) => part.gaps.push({ model, quantity, reason, ...(measured && { measured: text(measured) }) });
  if (!model) return { ...part, gaps: [{ reason: "model_unknown" }] }; // once for the component
  const entry = chooseEntry(book, record, at);
  const looked_up = { provider, model, operation, surface, ...(region && { region }), service_tier, at };
  if (!entry) return { ...part, gaps: [{ model, reason: "no_entry", looked_up }] }; // AUB-CHG-f657
  const family = FAMILIES[entry.pricing_model];
  const whole = family === TOKENS ? Object.keys(MODALITIES) : family;
  const isPriced = (name) => family.includes(name) && (family !== TOKENS || Object.keys(entry.rates).some((rate) =>
    rate === name || name.endsWith(`_${rate}`) && whole.includes(rate) || whole.includes(name) && rate.endsWith(name)));
  const unknown = record.unknown.filter(isPriced); // as far as the entry prices it
  if (family === FAMILIES.per_request) { // its quantity is a fee like any other
  } else if (!family.some((name) => name in quantities)) { // AUB-CHG-4688
    const reported = Object.values(FAMILIES).slice(0, -1).flat().some((name) => record.basis[name]?.startsWith("provider_"));
    const names = [unknown, whole.filter(isPriced), whole].find((list) => list.length);
    names.forEach((name) => gap(name, reported ? "unit_mismatch" : "quantity_unknown"));
  } else {
    unknown.forEach((name) => gap(name, "quantity_unknown"));
    const [name] = family; // of a family that has one quantity (AUB-CHG-ea89, AUB-CHG-d6d8)
    const rate = [undefined, character_rule].includes(entry.rates[name]?.rule) && name in entry.rates && name;
    const one = { name, measured: read(quantities[name]), rate, reason: "no_rate" };
    for (const { measured, ...leaf } of family === TOKENS ? leaves(record, entry, part.flags) : one.measured ? [one] : []) {
      if (leaf.rate) part.lines.push(...bill(leaf.rate, measured, entry, record, gap));
      else gap(leaf.name, leaf.reason, measured);
    }
  }
  for (const fee of FEES.filter((name) => name in entry.rates && read(quantities[name] ?? "1"))) { // absent counts as 1
    part.lines.push(...bill(fee, read(quantities[fee] ?? "1"), entry, record, gap));
  }
  return { ...part, entry };
}

/** One base line and the lines of its add-ons, modifiers in the order of AUB-CHG-1654. */
function bill(quantity, measured, entry, { quantities, features, model }, gap) {
  const { amount: base, per, step: unit, tiers, multiply_by, minimum } = entry.rates[quantity];
  const isFee = FEES.includes(quantity) && entry.pricing_model !== "per_request"; // add-ons do not apply to fees
  const addons = Object.entries(entry.addons ?? {}).filter(([feature]) => !isFee && features?.includes(feature));
  let billed = [minimum, ...addons.map(([, addon]) => addon.minimum)].map((least) => read(least)).reduce(most, measured); // AUB-CHG-a469
  if (unit) billed = (billed + read(unit) - 1n) / read(unit) * read(unit); // AUB-CHG-6162
  if (multiply_by in quantities) billed = billed * read(quantities[multiply_by]) / ONE; // a whole count
  if (tiers && !(tiers.by in quantities)) return gap(quantity, "quantity_unknown", measured) && []; // AUB-CHG-56ac
  const amount = tiers?.steps.findLast(({ above }) => read(quantities[tiers.by]) > read(above))?.amount ?? base;
  const line = (addon, { amount, per }) => {
    const exact = [billed * read(amount) * read(entry.multiplier ?? "1"), read(per) * ONE * ONE]; // AUB-CHG-2a11
    return { exact, model, quantity, measured: text(measured), billed: text(billed), amount, per, subtotal: text(round12([exact])),
      ...(entry.multiplier && { multiplier: entry.multiplier }), ...(addon && { addon }) };
  };
  const share = (percent) => text(read(amount) * read(percent) / (100n * ONE));
  return [line(undefined, { amount, per }), ...addons.map(([feature, addon]) => // AUB-CHG-444f
    line(feature, addon.percent ? { amount: share(addon.percent), per } : addon))];
}

/** The charge for a usage record; `at` is the instant whose prices are asked for. */
function charge(record, book, at = record.at) {
  checkBook(book);
  const { quantities, unknown, operation, components = [] } = record;
  const none = { status: "not_billable", currency: book.currency, total: "0", lines: [], unpriced: [], flags: [] };
  if (record.flags.includes("error_response")) return none; // AUB-CHG-63e1: nothing is looked up
  checkParts(quantities, (name) => `/quantities/${name}`);
  components.forEach((each, n) => checkParts(each.quantities, (name) => `/components/${n}/quantities/${name}`));
  const isEmpty = operation === "realtime" && !Object.keys(quantities).length && !unknown.length; // a session that used nothing itself
  const bare = { ...record, features: [], character_rule: undefined, model: undefined }; // AUB-CHG-ef99: the rest is the record's
  const all = [...(isEmpty ? [] : [record]), ...components.map((each) => ({ ...bare, ...each }))];
  const parts = all.map((each) => rateOne(each, book, at));
  const entry = isEmpty ? parts.find((part) => part.entry)?.entry : parts[0].entry;
  const currency = entry?.currency ?? book.currency;
  const isForeign = (part) => part.entry && (part.entry.currency ?? book.currency) !== currency;
  const lines = parts.flatMap((part) => (isForeign(part) ? [] : part.lines));
  const foreign = parts.flatMap((part) => (isForeign(part) ? part.lines : []));
  const unpriced = [...parts.flatMap(({ gaps }) => gaps),
    ...foreign.map(({ model, quantity, measured }) => ({ model, quantity, measured, reason: "currency" }))];
  const total = text(round12(lines.map(({ exact }) => exact)));
  const isFree = lines.length && lines.every(({ amount }) => !read(amount));
  const open = total !== "0" ? "partial" : unpriced.some(({ reason }) => reason === "quantity_unknown") ? "unmetered" : "unpriced";
  const status = unpriced.length ? open : isFree ? "free" : "priced";
  return { status, currency, total: status.startsWith("un") ? null : total, ...(entry && { entry: entry.id }), unpriced,
    lines: lines.map(({ exact, ...line }) => line), flags: [...new Set(parts.flatMap(({ flags }) => [...flags]))] };
}

/** The record of a case: its own, or the right usage of its exchange, completed by what the exchange says of itself. */
const recordOf = ({ given, then }) => given.usage ?? { ...exchangeOf({ given }), ...then.usage };
const why = ({ given, then }) => (then.charge || (given.usage && then.error) ? "" : "no charge is expected, or no usage to charge");
run("charge", why, (found) => charge(recordOf(found), parse(readText(found.given.prices)), found.when.price?.at));
