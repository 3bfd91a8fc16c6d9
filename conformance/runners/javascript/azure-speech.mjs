// Azure AI Speech: audio by its length, speech by its characters.
import { ONE, read } from "./decimal.mjs";
import { Refusal, canon, isObject } from "./json.mjs";
import { REPORTED, REQUEST, Wire, malformed, number } from "./wire.mjs";

const LENGTHS = [["durationInTicks", 10n ** 7n], ["durationMilliseconds", 1000n], ["duration", 1000n]]; // the finest first, and its units a second
const ISO = /^P(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9.]+)S)?)?$/;
const PHRASES = ["combinedPhrases", "phrases", "combinedRecognizedPhrases", "recognizedPhrases"];
const TAGS = /<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|(<\/?(?:speak|voice)(?=[\s/>])(?:[^<>"']|"[^"]*"|'[^']*')*>)/gs;
const HAN = /[\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{3ffff}]/gu;

/** The length of the file; its phrases have members of the same names. */
function lengthOf(told) {
  const [name, unit] = LENGTHS.find(([each]) => told.get(`/${each}`) !== undefined) ?? [];
  const value = told.get(`/${name}`);
  if (typeof value !== "string" || !value.startsWith("P")) return name && number(value, `${told.at}/${name}`) / unit;
  const parts = ISO.exec(value)?.slice(1).map((part) => read(part)) ?? [];
  if (!parts.some((part, n) => ISO.exec(value)[n + 1] !== undefined)) throw new Refusal("invalid_number", `${told.at}/${name}`);
  return parts.reduce((sum, part, n) => sum + part * [86400n, 3600n, 60n, 1n][n], 0n);
}

/** Reads a body into the draft. */
export function azureSpeech(exchange, { kind, at, value }, draft) {
  const { operation, request } = exchange;
  if (operation === "speech") {
    if (kind !== "media") malformed(at);
    if (typeof request?.text !== "string") return draft.unknown.add("tts_characters");
    const billed = request.text.replace(TAGS, (all, free) => (free ? "" : all)); // markup counts but for these tags, an ideograph twice
    draft.extra.character_rule = "azure_ssml";
    return draft.put("tts_characters", BigInt([...billed].length + (billed.match(HAN) ?? []).length) * ONE, REQUEST);
  }
  if (kind !== "json" || !isObject(value)) malformed(at);
  const answer = new Wire(value, at);
  const job = answer.child("/properties");
  const seconds = "RecognitionStatus" in value ? undefined : lengthOf(job ?? answer); // of short audio it is how long somebody spoke
  if (seconds === undefined) draft.upload(exchange, "audio");
  else draft.put("audio_duration_seconds", seconds, REPORTED);
  const isAssessed = Object.keys(request?.headers ?? {}).some((name) => name.toLowerCase() === "pronunciation-assessment");
  if ("RecognitionStatus" in value && isAssessed) draft.extra.features = ["pronunciation_assessment"];
  const named = job ? job.get("/channels") ?? [] : PHRASES.flatMap((name) => answer.get(`/${name}`) ?? []).map((phrase) => phrase.channel);
  const channels = new Set(named.filter((each) => each != null).map(canon)).size;
  if (channels) draft.put("audio_channels", BigInt(channels) * ONE, REPORTED);
  return undefined;
}
