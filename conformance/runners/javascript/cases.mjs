// Reads the cases of fixtures/, compares as fixtures/README.md says, and reports.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Refusal, canon, parse } from "./json.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const places = ["../..", "../../fixtures", "../../../fixtures"].map((way) => join(here, way)); // a copy, npm, the checkout
export const fixtures = process.env.FIXTURES ?? places.find((place) => existsSync(join(place, "MANIFEST.json")));

/** A file below the fixtures root, as text. */
export const readText = (path) => readFileSync(join(fixtures, path), "utf8");

/** The text of every case: one a line of the pack of a copy, or one a file. */
function caseTexts() {
  const pack = join(fixtures, "cases.jsonl.gz");
  if (existsSync(pack)) return gunzipSync(readFileSync(pack)).toString("utf8").trimEnd().split("\n");
  return readdirSync(join(fixtures, "cases"), { recursive: true })
    .filter((name) => name.endsWith(".json"))
    .map((name) => readText(join("cases", name)));
}

/** All cases, or those whose id contains the first argument of the command. */
export function loadCases(part = process.argv[2] ?? "") {
  return caseTexts()
    .map((text) => parse(text))
    .filter((found) => found.id.includes(part))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .flatMap(eachCall);
}

/** The case, and one more for each later call of its client for which something else is right. */
function eachCall(found) {
  const answers = found.given.upstream?.at(-1).answers;
  const later = (found.then.others ?? []).map((then, n) => ({
    ...found,
    id: `${found.id}, call ${n + 2}`,
    given: { ...found.given, upstream: [{ answers: [answers[n + 1]] }] },
    then,
  }));
  return [found, ...later.filter(({ then }) => then.usage)];
}

/** The exchange that a calculator is fed: of the last step the first answer. */
export const exchangeOf = (found) => found.given.upstream.at(-1).answers[0].exchange;

const UNORDERED = ["unknown", "flags", "unread", "features", "lines", "unpriced"];
const form = (name, value) =>
  UNORDERED.includes(name) && Array.isArray(value) ? `[${value.map(canon).sort().join(",")}]` : canon(value);

/** Members of a usage record or a charge of which absent means absent. */
const OPTIONAL = ["service_tier", "features", "character_rule", "unread", "provider_cost", "components", "entry"];

/** What differs between the right record and the given one; other members at the top are not compared. */
export function differences(right, given) {
  return [...new Set([...Object.keys(right), ...OPTIONAL])]
    .filter((name) => form(name, right[name]) !== form(name, given[name]))
    .map((name) => `${name}: expected ${form(name, right[name])}, got ${form(name, given[name])}`);
}

/** Runs `calculate` and compares with the record `then[member]` or with the refusal `then.error`. */
export function check(found, member, calculate) {
  const { error } = found.then;
  let given;
  try {
    given = calculate();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    const { code, pointer } = refusal;
    const wrong = !error || code !== error.code || (error.pointer !== undefined && pointer !== error.pointer);
    return wrong ? [`expected ${error ? canon(error) : `a ${member}`}, got the refusal ${code} at ${pointer}`] : [];
  }
  return error ? [`expected the refusal ${canon(error)}, got ${canon(given)}`] : differences(found.then[member], given);
}

/** Prints every case that failed and why, then the counts; the exit code is 1 if one failed. */
export function report(results) {
  const failed = results.filter(([, wrong]) => wrong.length);
  for (const [found, wrong] of failed) {
    console.log([`FAIL ${found.id}: ${found.title}`, ...wrong, `why: ${found.why}`].join("\n  "));
  }
  console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
  process.exitCode = failed.length ? 1 : 0;
}
