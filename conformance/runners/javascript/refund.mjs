// Chapter 06: a charge, a request and the earlier refund records become a refund record.
// Run: node refund.mjs [part of a case id]

import { fileURLToPath } from "node:url";
import { check, loadCases, report } from "./cases.mjs";
import { ZERO, add, cmp, dec, div, isWhole, mul, read, round12, sub, sum, text } from "./decimal.mjs";
import { Num, Refusal, canon, step } from "./json.mjs";

const FRACTIONS = ["audio_duration_seconds", "provider_credits"]; // everything else is counted in whole units
const positive = (number) => cmp(number, ZERO) > 0;
const least = (a, b) => (cmp(a, b) < 0 ? a : b);
const negative = (number) => text(sub(ZERO, number));
const same = (a, b) => a.model === b.model && a.quantity === b.quantity && a.addon === b.addon;

/** The refund record for `request`; `earlier` are the refund records of the same charge, oldest first. */
export function refund(charge, request, earlier) {
  for (const [name, value] of Object.entries(request.quantities ?? {})) checkAmount(name, value); // AUB-REF-3ae9
  const before = earlier.find((record) => record.id === request.id);
  if (before) { // AUB-REF-5d61, AUB-REF-a580
    if (content(before.request) === content(request)) return before;
    throw new Refusal("refund_conflict", "/id", "the id was used for another request");
  }
  if (charge.total === null || !charge.lines.length) throw new Refusal("no_such_line", undefined, "the charge has no lines"); // AUB-REF-3ae9
  const lines = whatIsLeft(charge, earlier);
  if (request.full) takeAll(lines);
  else for (const [name, value] of Object.entries(request.quantities)) take(lines, name, value, request.model);

  const touched = lines.filter((line) => positive(line.taken));
  for (const line of touched) {
    const { amount, per, multiplier = "1" } = line.of;
    const last = cmp(line.taken, line.units) === 0; // the last of a line takes what is left of its subtotal
    line.exact = last ? line.worth : div(mul(mul(line.taken, dec(amount)), dec(multiplier)), dec(per));
  }
  const gone = sum(earlier.map((record) => dec(record.total))); // negative
  const lastOfAll = lines.every((line) => cmp(line.taken, line.units) === 0); // AUB-REF-8468
  const total = lastOfAll ? add(dec(charge.total), gone) : round12(sum(touched.map((line) => line.exact)));
  return {
    id: request.id, charge_total: charge.total, currency: charge.currency, total: negative(total),
    lines: touched.map(({ of: { model, quantity, addon }, taken, exact }) =>
      ({ model, quantity, refunded: text(taken), subtotal: negative(round12(exact)), ...(addon && { addon }) })),
    request,
  };
}

/** What two requests are compared by: everything, or quantities by value and the model (AUB-REF-a580). */
function content({ full, quantities = {}, model }) {
  const values = Object.fromEntries(Object.entries(quantities).map(([name, v]) => {
    const value = dec(v instanceof Num ? v.raw : String(v));
    return [name, value ? text(value) : v];
  }));
  return canon({ full: full ?? false, quantities: values, model: model ?? null });
}

/** The lines of the charge with the units and the subtotal that earlier refunds have left (AUB-REF-67aa). */
function whatIsLeft(charge, earlier) {
  const lines = charge.lines.map((of) => ({ of, units: dec(of.billed), worth: dec(of.subtotal), taken: ZERO }));
  for (const [index, record] of earlier.entries()) {
    const conflict = () => { throw new Refusal("refund_conflict", `/earlier/${index}`, "a refund of another charge"); };
    if (record.charge_total !== charge.total || record.currency !== charge.currency) conflict();
    for (const gone of record.lines) { // lines alike are used up in the order of the charge
      const line = lines.find((l) => same(l.of, gone) && positive(l.units)) ?? conflict();
      line.units = sub(line.units, dec(gone.refunded));
      line.worth = add(line.worth, dec(gone.subtotal));
    }
  }
  return lines;
}

function takeAll(lines) {
  if (!lines.some((line) => positive(line.units))) throw new Refusal("refund_exceeds_charge", undefined, "nothing is left");
  for (const line of lines) line.taken = line.units;
}

function checkAmount(name, value) {
  const asked = typeof value === "string" || value instanceof Num ? read(value) : undefined;
  const sound = asked && positive(asked) && (FRACTIONS.includes(name) || isWhole(asked));
  if (!sound) throw new Refusal("invalid_amount", "/quantities" + step(name));
}

/** Takes `value` units of the quantity from its base lines in order, and as many from their add-ons (AUB-REF-3be3). */
function take(lines, name, value, model) {
  const refuse = (code) => { throw new Refusal(code, "/quantities" + step(name)); };
  const asked = read(value);
  const fitting = lines.filter(({ of }) => of.quantity === name && !of.addon && (model === undefined || of.model === model));
  if (!fitting.length || new Set(fitting.map(({ of }) => of.model)).size > 1) refuse("no_such_line");
  let open = asked;
  for (const base of fitting) {
    const part = least(open, base.units);
    open = sub(open, part);
    base.taken = part;
    for (let i = lines.indexOf(base) + 1; lines[i]?.of.addon; i++) lines[i].taken = part; // add-ons follow their base line
  }
  if (positive(open)) refuse("refund_exceeds_charge"); // AUB-REF-67aa
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const cases = loadCases().filter((found) => found.given.charge);
  report(cases.map((found) => [found, check(found, "refund", () =>
    refund(found.given.charge, found.when.refund, found.given.earlier ?? []))]));
}
