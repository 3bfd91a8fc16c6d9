// Where the data is, and the cases as JavaScript values. fixtures/README.md is the contract.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

/** The folder of the fixtures; every path in a case is relative to it. */
export const fixtures = fileURLToPath(new URL("./fixtures", import.meta.url));

/** The folder of the JSON Schemas. */
export const schemas = fileURLToPath(new URL("./schemas", import.meta.url));

/** The manifest: format, spec, version, and every file with its size and sha256. */
export const manifest = JSON.parse(readFileSync(join(fixtures, "MANIFEST.json"), "utf8"));

/** The bytes of a file that a case names. */
export const read = (name) => readFileSync(join(fixtures, name));

/** The text of the file of every case, sorted by id: for a JSON reader that keeps the digits of numbers. */
export function caseTexts() {
  return readdirSync(join(fixtures, "cases"), { recursive: true })
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.replaceAll("\\", "/"))
    .sort()
    .map((name) => readFileSync(join(fixtures, "cases", name), "utf8"));
}

/** Every case, sorted by id. Amounts are decimal strings; only recorded bodies hold fractions as numbers. */
export const cases = () => caseTexts().map((text) => JSON.parse(text));
