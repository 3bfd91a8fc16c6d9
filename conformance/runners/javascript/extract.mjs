// Chapter 03 and the pages of OpenAI and Azure OpenAI: an exchange becomes a usage record, or is refused.
// Run: node extract.mjs [part of a case id]

import { fileURLToPath } from "node:url";
import { check, exchangeOf, loadCases, readText, report } from "./cases.mjs";
import { ZERO, cmp, dec, read } from "./decimal.mjs";
import { Refusal, isObject, parse } from "./json.mjs";
import { Draft, Usage, hasTokens, number, readTokens } from "./tokens.mjs";

const OPERATIONS = ["transcription", "translation", "speech", "chat"];
const FINAL_EVENT = { // of a stream that is no chat
  transcription: "transcript.text.done",
  translation: "transcript.text.done",
  speech: "speech.audio.done",
};

const TRANSCRIPT = /^(text\/(plain|vtt|srt)|application\/x-subrip)? *(;|$)/i; // content types of text and subtitles

/** The usage record of an exchange. `readFile` gives the text of a file that the exchange names. */
export function extract(exchange, readFile) {
  const { provider, surface, operation, model, at, region, request } = exchange;
  if (!["openai", "azure"].includes(provider)) throw new Refusal("unsupported_exchange", "/provider");
  if (!OPERATIONS.includes(operation)) throw new Refusal("unsupported_exchange", "/operation");
  const draft = new Draft();
  let tier;
  if (Number(exchange.response.status.raw) >= 400) draft.flags.add("error_response"); // AUB-EXT-d1ab
  else {
    const answer = readAnswer(exchange.response, operation, readFile);
    tier = answer.tier;
    measure(answer, exchange, draft);
    remark(draft, answer.usage);
  }
  tier ??= request?.json?.service_tier;
  return {
    provider, surface, operation, model, at, ...(region && { region }),
    quantities: draft.quantities, basis: draft.basis, unknown: draft.unknown, flags: [...draft.flags],
    ...(tier && { service_tier: ["default", "auto", "ON_DEMAND"].includes(tier) ? "standard" : tier }), // AUB-USE-cf1d
    ...draft.extra,
  };
}

/** What the body says: {usage, duration, tier, binary, cut}, each where it applies. */
function readAnswer(response, operation, readFile) {
  const malformed = (at, why) => { throw new Refusal("malformed_body", at, why); }; // AUB-EXT-d9f0
  const body = (name) => response[name] ?? (response[`${name}_file`] && readFile(response[`${name}_file`]));
  const type = Object.entries(response.headers ?? {}).find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "";
  if (response.media) {
    return operation === "speech" ? { binary: true } : malformed("/response/media", `audio cannot answer a ${operation}`);
  }
  const sse = body("sse");
  if (sse !== undefined) return readStream(sse, operation);
  let at = "/response/json";
  let json = response.json_file ? parse(readFile(response.json_file), at) : response.json;
  if (json === undefined) {
    at = "/response/text";
    if (/^[^;]*[/+]json\b/i.test(type)) json = parse(body("text"), at);
    else if (["transcription", "translation"].includes(operation) && TRANSCRIPT.test(type)) return {};
    else malformed(at, `text cannot answer a ${operation}`);
  }
  if (!isObject(json)) malformed(at, "the body is not an object");
  return fromObject(json, at);
}

/** Usage, duration and tier of a JSON body or of an event; null is absent. */
function fromObject(json, at) {
  return {
    usage: json.usage == null ? undefined : new Usage(json.usage, `${at}/usage`),
    duration: json.duration == null ? undefined : { value: json.duration, at: `${at}/duration` },
    tier: json.service_tier ?? undefined,
  };
}

/** The data of each event, by the HTML standard: CR LF, LF or CR, comments, several data lines (AUB-EXT-2a18). */
function events(stream) {
  const blocks = stream.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n").split("\n\n");
  return blocks
    .slice(0, -1) // what follows the last empty line was cut off
    .map((block) => block.split("\n").map((line) => /^data(?:: ?([^]*))?$/.exec(line)).filter(Boolean))
    .filter((lines) => lines.length)
    .map((lines) => lines.map(([, data]) => data ?? "").join("\n"));
}

/** The final usage of a stream; without it the stream is cut (AUB-EXT-463c). */
function readStream(stream, operation) {
  let last; // the last usage that is not null
  let tier;
  for (const [index, data] of events(stream).entries()) {
    if (data === "[DONE]") {
      if (last) last.final = true;
      continue;
    }
    const at = `/response/sse/${index}`;
    const event = parse(data, at);
    if (!isObject(event)) throw new Refusal("malformed_body", at, "an event is not an object");
    tier = event.service_tier ?? tier;
    if (operation === "chat" ? event.usage == null : event.type !== FINAL_EVENT[operation]) continue;
    if (operation === "chat") last = { event, at, final: event.choices?.length === 0 }; // AUB-EXT-d606
    else if (event.usage != null) last = { event, at, final: true }; // AUB-OAI-8527, AUB-OAI-2b10
  }
  return last?.final ? { ...fromObject(last.event, last.at), tier } : { cut: true, tier };
}

/** Steps 4 and 5: tokens, seconds or characters. */
function measure({ usage, duration, cut }, exchange, draft) {
  const { operation } = exchange;
  if (cut) { // AUB-EXT-463c: no quantity is read from it, counted in the request or measured in the upload
    draft.flags.add("stream_incomplete");
    draft.unknown.push("input_tokens", "output_tokens");
  } else if (["transcription", "translation"].includes(operation)) readSpeechToText(usage, duration, exchange, draft);
  else if (usage) {
    readOwnUnits(usage, draft);
    if (hasTokens(usage) || !usage.ownForm) readTokens(usage, operation, draft);
  } else if (operation === "speech") countCharacters(exchange.request?.json?.input, draft);
  else draft.unknown.push("input_tokens", "output_tokens");
}

/** AUB-USE-6266: seconds and characters in the words of chapter 02. */
function readOwnUnits(usage, draft) {
  if (!usage.ownForm) return;
  const seconds = usage.read([["audio_duration_seconds"], ["audio_seconds"]], { whole: false });
  const characters = usage.read([["tts_characters"]]);
  if (seconds) draft.put("audio_duration_seconds", seconds.value, "provider_reported");
  if (characters) {
    draft.put("tts_characters", characters.value, "provider_reported");
    draft.extra.character_rule = "provider_count";
  }
}

/** AUB-EXT-3ad2, AUB-OAI-a103: the code points of `input` alone. */
function countCharacters(input, draft) {
  if (typeof input !== "string") draft.unknown.push("tts_characters");
  else {
    draft.put("tts_characters", dec(String([...input].length)), "request");
    draft.extra.character_rule = "code_points";
  }
}

/** A transcription or translation: which unit, then the tokens or the first source of seconds. */
function readSpeechToText(usage, duration, exchange, draft) {
  const type = ["tokens", "duration"].find((t) => t === usage?.object.type); // AUB-EXT-6f40
  if (usage && !type && !usage.ownForm && exchange.operation === "transcription") draft.flags.add("usage_type_missing");
  const tokens = type ? type === "tokens" : usage && hasTokens(usage); // AUB-EXT-28aa
  if (usage && type !== "tokens") readOwnUnits(usage, draft);
  if (tokens) readTokens(usage, exchange.operation, draft);

  const stated = duration && number(duration.value, duration.at, { whole: false });
  if (tokens) { // AUB-EXT-2d7d, AUB-OAI-b3e6: any other length is information
    const other = stated ?? usage.read([["seconds"]], { whole: false })?.value;
    if (other) draft.put("media_duration_seconds", other, "provider_reported");
    return;
  }
  const billed = usage?.read([["seconds"]], { whole: false });
  const upload = exchange.request?.form?.file?.media_seconds;
  if (billed) { // AUB-EXT-54ad, AUB-OAI-ce8d
    draft.put("audio_duration_seconds", billed.value, "provider_billed");
    if (stated) draft.put("media_duration_seconds", stated, "provider_reported");
  } else if ("audio_duration_seconds" in draft.quantities) {
    if (stated) draft.put("media_duration_seconds", stated, "provider_reported");
  } else if (stated) draft.put("audio_duration_seconds", stated, "provider_reported"); // AUB-EXT-280a
  else if (upload !== undefined) draft.put("audio_duration_seconds", dec(upload), "media"); // AUB-EXT-b542
  else draft.unknown.push("audio_duration_seconds"); // AUB-USE-dfcb
}

/** Flags that depend on the whole record. */
function remark(draft, usage) {
  const unread = usage?.unread() ?? [];
  if (unread.length) { // AUB-USE-c3e5
    draft.flags.add("unread_members");
    draft.extra.unread = unread;
  }
  const counted = Object.entries(draft.quantities).filter(([name]) => name !== "media_duration_seconds");
  const zero = counted.length && counted.every(([, value]) => cmp(read(value), ZERO) === 0);
  if (usage && zero && !draft.unknown.length) draft.flags.add("zero_usage"); // AUB-USE-ffc6
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  // Written for calls over HTTP of the pages of OpenAI and Azure OpenAI; other cases are for other extractors.
  const SURFACES = { openai: "api", azure: "azure_openai" };
  const own = ({ provider, surface, operation }) => SURFACES[provider] === surface && operation !== "realtime";
  const batched = (found) => found.id.startsWith("openai/batch-"); // a line of a file, not the answer to a call
  const cases = loadCases().filter((found) => found.given.upstream && own(exchangeOf(found)) && !batched(found));
  report(cases.map((found) => [found, check(found, "usage", () => extract(exchangeOf(found), readText))]));
}
