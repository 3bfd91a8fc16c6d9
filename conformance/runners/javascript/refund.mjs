// Chapter 06: a charge, a request and the earlier refund records become a refund record. Run: node refund.mjs [part of a case id]
import { run } from "./cases.mjs";
import { ONE, least, read, round12, sum, text } from "./decimal.mjs";
import { Num, Refusal, canon, step } from "./json.mjs";

const FRACTIONS = ["audio_duration_seconds", "provider_credits"]; // everything else is counted in whole units
const isSame = (a, b) => a.model === b.model && a.quantity === b.quantity && a.addon === b.addon;

/** The refund record for `request`; `earlier` are the refund records of the same charge, oldest first. */
function refund(charge, request, earlier) {
  for (const [name, value] of Object.entries(request.quantities ?? {})) checkAmount(name, value); // AUB-REF-3ae9
  const before = earlier.find((record) => record.id === request.id);
  if (before) { // AUB-REF-5d61, AUB-REF-a580
    if (content(before.request) === content(request)) return before;
    throw new Refusal("refund_conflict", "/id"); // the id was used for another request
  }
  if (charge.total === null || !charge.lines.length) throw new Refusal("no_such_line"); // AUB-REF-3ae9
  const lines = whatIsLeft(charge, earlier);
  if (request.full) takeAll(lines);
  else for (const [name, value] of Object.entries(request.quantities)) take(lines, name, read(value), request.model);

  const exactOf = ({ of: { amount, per, multiplier = "1" }, taken, units, worth }) => (taken === units
    ? [worth, ONE] // the last of a line takes what is left of its subtotal
    : [taken * read(amount) * read(multiplier), read(per) * ONE * ONE]);
  const touched = lines.filter(({ taken }) => taken > 0n);
  const isLast = lines.every(({ taken, units }) => taken === units); // AUB-REF-8468
  const gone = sum(earlier.map((record) => read(record.total))); // negative
  return {
    id: request.id, charge_total: charge.total, currency: charge.currency,
    total: text(-(isLast ? read(charge.total) + gone : round12(touched.map(exactOf)))), request,
    lines: touched.map((line) => ({ model: line.of.model, quantity: line.of.quantity, refunded: text(line.taken),
      subtotal: text(-round12([exactOf(line)])), ...(line.of.addon && { addon: line.of.addon }) })),
  };
}

/** What two requests are compared by: everything, or quantities by value and the model (AUB-REF-a580). */
function content({ full, quantities = {}, model }) {
  const values = Object.entries(quantities).map(([name, value]) => [name, text(read(value))]);
  return canon({ full: full ?? false, quantities: Object.fromEntries(values), model: model ?? null });
}

/** The lines of the charge with the units and the subtotal that earlier refunds have left (AUB-REF-67aa). */
function whatIsLeft(charge, earlier) {
  const lines = charge.lines.map((of) => ({ of, units: read(of.billed), worth: read(of.subtotal), taken: 0n }));
  earlier.forEach((record, index) => {
    const conflict = () => { throw new Refusal("refund_conflict", `/earlier/${index}`); }; // a refund of another charge
    if (record.charge_total !== charge.total || record.currency !== charge.currency) conflict();
    for (const gone of record.lines) { // lines alike are used up in the order of the charge
      const line = lines.find(({ of, units }) => isSame(of, gone) && units > 0n) ?? conflict();
      line.units -= read(gone.refunded);
      line.worth += read(gone.subtotal);
    }
  });
  return lines;
}

function takeAll(lines) {
  if (!lines.some(({ units }) => units > 0n)) throw new Refusal("refund_exceeds_charge"); // nothing is left
  for (const line of lines) line.taken = line.units;
}

function checkAmount(name, value) {
  const asked = typeof value === "string" || value instanceof Num ? read(value) : undefined;
  if (!(asked > 0n) || (asked % ONE && !FRACTIONS.includes(name))) throw new Refusal("invalid_amount", `/quantities${step(name)}`);
}

/** Takes `asked` units of the quantity from its base lines in order, and as many from their add-ons (AUB-REF-3be3). */
function take(lines, name, asked, model) {
  const refuse = (code) => { throw new Refusal(code, `/quantities${step(name)}`); };
  const fitting = lines.filter(({ of }) => of.quantity === name && !of.addon && (model === undefined || of.model === model));
  if (new Set(fitting.map(({ of }) => of.model)).size !== 1) refuse("no_such_line");
  let open = asked;
  for (const base of fitting) {
    base.taken = least(open, base.units);
    open -= base.taken;
    for (let i = lines.indexOf(base) + 1; lines[i]?.of.addon; i++) lines[i].taken = base.taken; // add-ons follow their base line
  }
  if (open > 0n) refuse("refund_exceeds_charge"); // AUB-REF-67aa
}

const why = ({ given }) => (given.charge ? "" : "no charge to refund");
run("refund", why, ({ given, when }) => refund(given.charge, when.refund, given.earlier ?? []));
