// What a project does that has just installed the package; run in that project, with the release's manifest as argument.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { cases, caseTexts, fixtures, manifest, read, schemas } from "decibill-fixtures";

assert.deepEqual(manifest, JSON.parse(readFileSync(process.argv[2], "utf8")));
for (const { path, bytes, sha256 } of manifest.files) {
  const content = read(path);
  assert.equal(content.length, bytes, path);
  assert.equal(createHash("sha256").update(content).digest("hex"), sha256, path);
}
assert.equal(cases().length, manifest.files.filter(({ path }) => /^cases\/.*\.json$/.test(path)).length);
assert.equal(caseTexts().length, cases().length);
assert.ok(cases().every(({ id }) => manifest.files.some(({ path }) => path === `cases/${id}.json`)));
assert.equal(JSON.parse(readFileSync(join(schemas, "case.schema.json"), "utf8")).title, "Case");
assert.equal(JSON.parse(readFileSync(join(fixtures, "MANIFEST.json"), "utf8")).version, manifest.version);
console.log(`${manifest.files.length} files and ${cases().length} cases are as released`);
