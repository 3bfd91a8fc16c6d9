// A JSON reader for billing: every number keeps its digits; a repeated key and a number that no double can hold are
// refused with their place, wherever in the document they stand (AUB-EXT-d768, AUB-EXT-cbd3).

/** A JSON number as its text. */
export class Num {
  constructor(raw) { this.raw = raw; }
}

/** What a calculator answers instead of a record: a code, and a JSON pointer into what it was fed. */
export class Refusal extends Error {
  constructor(code, pointer, message = code) {
    super(message);
    this.code = code;
    this.pointer = pointer;
  }
}

export const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v) && !(v instanceof Num);

/** One step of a JSON pointer (RFC 6901). */
export const step = (key) => "/" + String(key).replaceAll("~", "~0").replaceAll("/", "~1");

/** Reads `text`; `base` is the pointer of the document, for refusals. */
export function parse(text, base = "") {
  let i = 0;
  const malformed = () => new Refusal("malformed_body", base, `not JSON at character ${i}`);
  const blank = () => { while (i < text.length && " \t\r\n".includes(text[i])) i++; };
  const take = (pattern) => {
    pattern.lastIndex = i;
    const found = pattern.exec(text);
    if (!found) return undefined;
    i += found[0].length;
    return found[0];
  };
  const comma = () => {
    if (text[i++] !== ",") throw malformed();
    blank();
  };
  const string = () => {
    const raw = take(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y);
    if (raw === undefined) throw malformed();
    return JSON.parse(raw);
  };
  const value = (at) => {
    blank();
    let more = false;
    if (text[i] === "{") {
      const object = Object.create(null); // no prototype, so that a key may have any name
      for (i++, blank(); text[i] !== "}"; blank()) {
        if (more) comma();
        more = true;
        const key = string();
        if (key in object) throw new Refusal("duplicate_key", at + step(key)); // AUB-EXT-d768
        blank();
        if (text[i++] !== ":") throw malformed();
        object[key] = value(at + step(key));
      }
      i++;
      return object;
    }
    if (text[i] === "[") {
      const list = [];
      for (i++, blank(); text[i] !== "]"; blank()) {
        if (list.length) comma();
        list.push(value(at + step(list.length)));
      }
      i++;
      return list;
    }
    if (text[i] === '"') return string();
    const word = take(/true|false|null/y);
    if (word) return JSON.parse(word);
    const number = take(/NaN|-?Infinity|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    if (number === undefined) throw malformed();
    if (!Number.isFinite(Number(number))) throw new Refusal("invalid_number", at);
    return new Num(number);
  };
  const document = value(base);
  blank();
  if (i < text.length) throw malformed();
  return document;
}

/** One text for one value: keys sorted, digits kept. Two values are equal when their texts are. */
export function canon(value) {
  if (value instanceof Num) return value.raw;
  if (Array.isArray(value)) return `[${value.map(canon).join(",")}]`;
  if (isObject(value)) {
    return `{${Object.keys(value).sort().map((k) => `${JSON.stringify(k)}:${canon(value[k])}`).join(",")}}`;
  }
  return JSON.stringify(value) ?? "absent";
}
