export interface Manifest {
  format: number;
  spec: string;
  version: string;
  files: { path: string; bytes: number; sha256: string }[];
}

/** One situation with its right answer; `schemas/case.schema.json` describes every member. */
export interface Case {
  id: string;
  title: string;
  requirements: string[];
  features: string[];
  since: string;
  why: string;
  given: Record<string, unknown>;
  when: Record<string, unknown>;
  then: Record<string, unknown>;
  [member: string]: unknown;
}

/** The folder of the fixtures; every path in a case is relative to it. */
export const fixtures: string;
/** The folder of the JSON Schemas. */
export const schemas: string;
export const manifest: Manifest;
/** The bytes of a file that a case names. */
export function read(name: string): Uint8Array;
/** The text of the file of every case, sorted by id. */
export function caseTexts(): string[];
/** Every case, sorted by id. */
export function cases(): Case[];
