// Reads the cases of fixtures/, compares as fixtures/README.md says, and reports.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { Refusal, canon, parse } from "./json.mjs";

const folders = ["../../", "../../fixtures/", "../../../fixtures/"].map((way) => new URL(way, import.meta.url)); // copy, npm, checkout
if (process.env.FIXTURES) folders.unshift(pathToFileURL(`${process.env.FIXTURES}/`));
const root = folders.find((folder) => existsSync(new URL("MANIFEST.json", folder)));

/** A file below the fixtures root, as text. */
export const readText = (path) => readFileSync(new URL(path, root), "utf8");
if (parse(readText("MANIFEST.json")).format.raw !== "1") throw new Error("this runner knows format 1 of the fixtures alone");

function caseTexts() { // one a line of the pack of a copy, or one a file
  const pack = new URL("cases.jsonl.gz", root);
  if (existsSync(pack)) return gunzipSync(readFileSync(pack)).toString("utf8").trimEnd().split("\n");
  const names = readdirSync(new URL("cases/", root), { recursive: true }).filter((name) => name.endsWith(".json"));
  return names.map((name) => readText(`cases/${name}`));
}

/** The exchange that a calculator is fed: of the last step the first answer. */
export const exchangeOf = ({ given }) => given.upstream.at(-1).answers[0].exchange;

/** A case, and one more for each later call of its client for which other usage is right. */
const eachCall = (found) => [found, ...(found.then.others ?? []).map((then, n) => ({
  ...found, then, id: `${found.id}, call ${n + 2}`,
  given: { ...found.given, upstream: [{ answers: [found.given.upstream.at(-1).answers[n + 1]] }] },
})).filter(({ then }) => then.usage)];

const SETS = ["unknown", "flags", "unread", "features", "lines", "unpriced"]; // compared without regard to order
const OPTIONAL = ["service_tier", "features", "character_rule", "unread", "provider_cost", "components", "entry"]; // absent is absent
const form = (name, value) => (SETS.includes(name) && Array.isArray(value) ? `[${value.map(canon).sort().join(",")}]` : canon(value));

/** What differs from `then[member]`, or from the refusal `then.error`; other members at the top are not compared. */
function differences({ then }, member, calculate) {
  try {
    const given = calculate();
    if (then.error) return [`expected the refusal ${canon(then.error)}, got ${canon(given)}`];
    return [...new Set([...Object.keys(then[member]), ...OPTIONAL])]
      .map((name) => [name, form(name, then[member][name]), form(name, given[name])])
      .filter(([, right, got]) => right !== got).map(([name, right, got]) => `${name}: expected ${right}, got ${got}`);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    const right = refusal.code === then.error?.code && [undefined, refusal.pointer].includes(then.error.pointer);
    return right ? [] : [`expected ${canon(then.error ?? then[member])}, got the refusal ${refusal.code} at ${refusal.pointer}`];
  }
}

/** Runs the cases that `why` gives no reason to leave out; the command's argument is a part of their ids. Exits with 1 if one fails, or none is there. */
export function run(member, why, calculate) {
  const count = { passed: 0, failed: 0, left: {} };
  const all = caseTexts().map((text) => parse(text)).filter(({ id }) => id.includes(process.argv[2] ?? ""));
  for (const found of all.sort((a, b) => (a.id < b.id ? -1 : 1)).flatMap(eachCall)) {
    const reason = found.features.includes("deprecated") ? "deprecated, as its `why` says" : why(found);
    if (reason) { count.left[reason] = (count.left[reason] ?? 0) + 1; continue; }
    const wrong = differences(found, member, () => calculate(found));
    count[wrong.length ? "failed" : "passed"] += 1;
    if (wrong.length) console.log([`FAIL ${found.id}: ${found.title}`, ...wrong, `why: ${found.why}`].join("\n  "));
  }
  for (const [reason, n] of Object.entries(count.left)) console.log(`${n} left out: ${reason}`);
  console.log(`${count.passed} passed, ${count.failed} failed`);
  process.exitCode = count.failed || !all.length ? 1 : 0;
}
