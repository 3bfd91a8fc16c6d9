// Chapters 04 and 05: a usage record and a price book become a charge.
// Run: node price.mjs [part of a case id]

import { fileURLToPath } from "node:url";
import { FAMILIES, FEES, TOKENS, checkBook, chooseEntry } from "./book.mjs";
import { check, exchangeOf, loadCases, readText, report } from "./cases.mjs";
import { ONE, ZERO, ceilTo, cmp, dec, div, max, mul, read, round12, sum, text } from "./decimal.mjs";
import { Refusal, parse } from "./json.mjs";
import { INPUT, OUTPUT, leaves } from "./leaves.mjs";

const positive = (number) => cmp(number, ZERO) > 0;

/** The charge for a usage record; `at` is the instant whose prices are asked for. */
export function charge(record, book, at = record.at) {
  checkBook(book);
  if (record.flags.includes("error_response")) { // AUB-CHG-63e1: nothing is looked up
    return { status: "not_billable", currency: book.currency, total: "0", lines: [], unpriced: [], flags: [] };
  }
  checkParts(record, "");
  (record.components ?? []).forEach((component, i) => checkParts(component, `/components/${i}`));
  const parts = (record.components ?? []).map((component) => // AUB-CHG-ef99: tier, region and surface are the record's
    rate({ ...record, features: undefined, character_rule: undefined, ...component, model: component.model }, book, at));
  const empty = !Object.keys(record.quantities).length && !record.unknown.length;
  const main = empty && record.operation === "realtime" ? undefined : rate(record, book, at); // else a session used nothing
  const leading = main ?? parts.find((part) => part.entry);
  const currency = leading?.entry?.currency ?? book.currency;
  const joined = { lines: [], gaps: [], flags: new Set() };
  for (const part of [...(main ? [main] : []), ...parts]) {
    const foreign = part.entry && (part.entry.currency ?? book.currency) !== currency;
    joined.gaps.push(...part.gaps);
    if (foreign) joined.gaps.push(...part.lines.map((l) => gap(l.model, l.quantity, "currency", dec(l.measured))));
    else joined.lines.push(...part.lines);
    part.flags.forEach((flag) => joined.flags.add(flag));
  }
  const exact = sum(joined.lines.map((line) => line.exact));
  const [status, total] = settle(joined, exact);
  return {
    status, currency, total, ...(leading?.entry && { entry: leading.entry.id }),
    lines: joined.lines.map(({ exact: _, ...line }) => line), unpriced: joined.gaps, flags: [...joined.flags],
  };
}

/** The table of status and total: the first row that applies decides. */
function settle({ lines, gaps }, exact) {
  const total = text(round12(exact));
  const nothing = lines.length && lines.every((line) => !positive(dec(line.amount)));
  if (!gaps.length) return [nothing ? "free" : "priced", total]; // AUB-CHG-ec4c
  if (total !== "0") return ["partial", total]; // AUB-CHG-b5cd
  const unmetered = gaps.some(({ reason }) => reason === "quantity_unknown");
  return [unmetered ? "unmetered" : "unpriced", null]; // AUB-CHG-a645, AUB-CHG-57df
}

const gap = (model, quantity, reason, measured) =>
  ({ ...(model && { model }), quantity, ...(measured && { measured: text(measured) }), reason });

/** AUB-CHG-eb98: no part exceeds its whole, by itself (refused at the part) or with others (at the whole). */
function checkParts({ quantities }, at) {
  const q = (name) => quantities[name] && read(quantities[name]);
  const within = (whole, names) => {
    if (!(whole in quantities)) return;
    const parts = names.filter((name) => name in quantities);
    const tooMuch = parts.find((name) => cmp(q(name), q(whole)) > 0)
      ?? (cmp(sum(parts.map(q)), q(whole)) > 0 ? whole : undefined); // one part by itself, or all of them together
    if (tooMuch) throw new Refusal("inconsistent_usage", `${at}/quantities/${tooMuch}`);
  };
  within("total_tokens", ["input_tokens", "output_tokens"]);
  within("input_tokens", [...INPUT, "unattributed"].map((m) => `${m}_input_tokens`));
  within("input_tokens", ["cached_input_tokens"]);
  within("cached_input_tokens", INPUT.map((m) => `cached_${m}_input_tokens`));
  for (const m of INPUT) within(`${m}_input_tokens`, [`cached_${m}_input_tokens`]);
  within("output_tokens", [...OUTPUT, "unattributed"].map((m) => `${m}_output_tokens`));
  within("output_tokens", ["reasoning_output_tokens"]);
  within("text_output_tokens", ["reasoning_output_tokens"]);
}

/** Steps 3 and 4 for the main usage or one component: its entry, lines and gaps. */
function rate(record, book, at) {
  const { model, quantities } = record;
  const result = { entry: undefined, lines: [], gaps: [], flags: new Set() };
  const addGap = (quantity, reason, measured) => result.gaps.push(gap(model, quantity, reason, measured));
  if (!model) return { ...result, gaps: [{ reason: "model_unknown" }] }; // once for the component
  const entry = chooseEntry(book, record, at);
  if (!entry) { // AUB-CHG-f657
    const { provider, operation, surface, region, service_tier = "standard" } = record;
    const looked_up = { provider, model, operation, surface, ...(region && { region }), service_tier, at };
    return { ...result, gaps: [{ model, reason: "no_entry", looked_up }] };
  }
  result.entry = entry;
  const bill = (name, measured) => result.lines.push(...linesFor(name, measured, entry, record, addGap));
  const family = FAMILIES[entry.pricing_model];
  const unknown = missing(entry, record.unknown);
  const carried = family.some((name) => name in quantities);
  if (family === FAMILIES.per_request) { // its quantity is a fee like any other, below
  } else if (!carried) {
    const units = Object.values(FAMILIES).flat().filter((name) => !FEES.includes(name));
    const reported = units.some((name) => record.basis[name]?.startsWith("provider_"));
    const whole = family === TOKENS ? ["input_tokens", "output_tokens"] : family;
    const names = [unknown, missing(entry, whole), whole].find((list) => list.length);
    names.forEach((name) => addGap(name, reported ? "unit_mismatch" : "quantity_unknown")); // AUB-CHG-4688
  } else {
    unknown.forEach((name) => addGap(name, "quantity_unknown"));
    if (family === TOKENS) {
      for (const { rateName, measured, name, reason } of leaves(record, entry, result.flags)) {
        if (rateName) bill(rateName, measured);
        else addGap(name, reason, measured);
      }
    } else if (family[0] in quantities) billWhole(family[0]); // AUB-CHG-ea89, AUB-CHG-d6d8
  }
  for (const fee of FEES.filter((name) => name in entry.rates)) { // absent counts as 1
    const measured = fee in quantities ? read(quantities[fee]) : ONE;
    if (positive(measured)) bill(fee, measured);
  }
  return result;

  function billWhole(name) {
    const measured = read(quantities[name]);
    const price = entry.rates[name];
    const fitting = price && (!price.rule || price.rule === (record.character_rule ?? "code_points"));
    if (!positive(measured)) return; // a quantity of zero needs no rate
    if (fitting) bill(name, measured);
    else addGap(name, "no_rate", measured);
  }
}

/** Those of the names that the entry prices, in whole or in part. */
function missing(entry, names) {
  const family = FAMILIES[entry.pricing_model];
  if (family !== TOKENS) return names.filter((name) => family.includes(name));
  const whole = (name) => (name.includes("input") ? "input_tokens" : "output_tokens");
  return names.filter((name) => TOKENS.includes(name) && Object.keys(entry.rates)
    .some((priced) => priced === name || priced === whole(name) || (name === whole(name) && priced.endsWith(name))));
}

/** One base line and the lines of its add-ons, modifiers in the order of AUB-CHG-1654. */
function linesFor(quantity, measured, entry, record, addGap) {
  const rate = entry.rates[quantity];
  const fee = FEES.includes(quantity) && entry.pricing_model !== "per_request"; // add-ons do not apply to fees
  const addons = Object.entries(entry.addons ?? {}).filter(([feature]) => !fee && record.features?.includes(feature));
  let billed = [rate, ...addons.map(([, addon]) => addon)].filter((r) => r.minimum)
    .reduce((most, r) => max(most, dec(r.minimum)), measured); // AUB-CHG-a469
  if (rate.step) billed = ceilTo(billed, dec(rate.step)); // AUB-CHG-6162
  if (rate.multiply_by in record.quantities) billed = mul(billed, read(record.quantities[rate.multiply_by]));
  let { amount } = rate;
  if (rate.tiers) { // AUB-CHG-56ac
    if (!(rate.tiers.by in record.quantities)) {
      addGap(quantity, "quantity_unknown", measured);
      return [];
    }
    const by = read(record.quantities[rate.tiers.by]);
    amount = rate.tiers.steps.findLast((s) => cmp(dec(s.above), by) < 0)?.amount ?? amount;
  }
  const line = (lineAmount, per, addon) => {
    const { multiplier } = entry; // AUB-CHG-2a11
    const exact = mul(div(mul(billed, dec(lineAmount)), dec(per)), dec(multiplier ?? "1"));
    return {
      model: record.model, quantity, measured: text(measured), billed: text(billed), amount: lineAmount, per,
      ...(multiplier && { multiplier }), subtotal: text(round12(exact)), ...(addon && { addon }), exact,
    };
  };
  return [line(amount, rate.per), ...addons.map(([feature, addon]) => ( // AUB-CHG-444f
    addon.percent
      ? line(text(div(mul(dec(amount), dec(addon.percent)), dec("100"))), rate.per, feature)
      : line(addon.amount, addon.per, feature)))];
}

/** The record of a case: its own, or the right usage of its exchange. */
function recordOf(found) {
  if (found.given.usage) return found.given.usage;
  const { provider, surface, operation, model, at, region } = exchangeOf(found);
  return { provider, surface, operation, model, at, ...(region && { region }), ...found.then.usage };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const cases = loadCases().filter((c) => c.then.charge || (c.given.usage && c.then.error));
  report(cases.map((found) => [found, check(found, "charge", () =>
    charge(recordOf(found), parse(readText(found.given.prices)), found.when.price?.at))]));
}
