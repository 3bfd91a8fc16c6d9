// ElevenLabs: a call's cost stands in a header, in credits; beside it are characters, lengths and channels.
import { ONE, least, most, sum } from "./decimal.mjs";
import { Refusal, canon, isObject, parse } from "./json.mjs";
import { ASSUMED, BILLED, DERIVED, REPORTED, REQUEST, Wire, header, malformed, number } from "./wire.mjs";

const CREDITS = "provider_credits", SECONDS = "audio_duration_seconds";
const OPTIONS = [ // AUB-ELV-c02a: the field of a form that asks, the feature, and what the answer then holds
  ["entity_detection", "entity_detection", "/entities"], ["entity_redaction", "entity_redaction"],
  ["detect_speaker_roles", "speaker_roles"], ["transcript_edit", "transcript_edit", "/edited_transcript"],
];

function readHeaders({ response }, draft) { // AUB-ELV-7dbe, AUB-ELV-3e90
  const [credits, cost, currency] = ["character-cost", "fiat-cost-before-overages", "fiat-currency"].map((name) => header(response, name));
  if (credits) draft.put(CREDITS, number(credits.text, credits.at), BILLED);
  if (cost && number(cost.text, cost.at) >= 0n && /^[a-z]{3}$/i.test(currency?.text)) {
    draft.extra.provider_cost = { amount: cost.text, currency: currency.text.toUpperCase() };
  }
}

function readMeter(exchange, draft) { // without the header the credits are unknown, whatever else can be counted (AUB-ELV-8022)
  readHeaders(exchange, draft);
  if (CREDITS in draft.quantities) draft.unknown.clear();
  else draft.unknown.add(CREDITS);
}

function readSpeech(exchange, answer, draft) {
  const history = answer?.get("/history");
  if (history?.length > 1) malformed(`${answer.at}/history`); // several calls
  const item = history ? answer.child("/history/0") : answer;
  const [before, after] = ["from", "to"].map((end) => item?.first([`/character_count_change_${end}`]));
  if (before && after) { // AUB-ELV-6b72
    if (after.value < before.value) throw new Refusal("negative_quantity", after.at);
    draft.put(CREDITS, after.value - before.value, DERIVED);
  } else if (history || before || after) draft.unknown.add(CREDITS);
  else {
    const { inputs, text } = exchange.request?.json ?? {};
    draft.characters(inputs ? inputs.map((turn) => turn.text) : [text]); // AUB-ELV-f571
    readMeter(exchange, draft);
  }
}

function readSound(exchange, answer, draft) { // AUB-ELV-9dad
  const { duration_seconds: seconds, music_length_ms: length } = exchange.request?.json ?? {};
  if (seconds) draft.put(SECONDS, number(seconds, "/request/json/duration_seconds"), REQUEST);
  else if (length) draft.put(SECONDS, number(length, "/request/json/music_length_ms") / 1000n, REQUEST);
  readMeter(exchange, draft);
}

function readTranscription(exchange, answer, draft) { // AUB-ELV-de7f, AUB-ELV-c289
  const transcripts = (answer.get("/transcripts") ?? []).map((_, n) => answer.child(`/transcripts/${n}`));
  const named = (answer.get("/transcripts") ?? answer.get("/words") ?? []).map((each) => each.channel_index);
  const channels = new Set(named.filter((index) => index != null).map(canon)).size;
  const lengths = transcripts.flatMap((each) => each.first(["/audio_duration_secs"], false) ?? []);
  const above = answer.first(["/audio_duration_secs"], false);
  if (channels) draft.put("audio_channels", BigInt(least(channels, 5)) * ONE, REPORTED);
  if (lengths.length) draft.put(SECONDS, lengths.map(({ value }) => value).reduce(most), REPORTED);
  if (lengths.length) draft.take("media_duration_seconds", above);
  else if (!draft.take(SECONDS, above, transcripts.length || channels ? ASSUMED : REPORTED)) draft.upload(exchange);
  readHeaders(exchange, draft);
  if (CREDITS in draft.quantities) draft.unknown.clear(); // the other meter suffices
  const { form = {} } = exchange.request ?? {};
  const listed = (value) => [typeof value === "string" && value.startsWith("[") ? parse(value) : value ?? []].flat().filter(Boolean);
  const isAsked = (value) => listed(value).some((word) => !["", "false", "null"].includes(String(word).trim().toLowerCase()));
  const terms = listed(form.keyterms).length;
  const features = [...(terms ? [terms > 100 ? "many_keyterms" : "keyterms"] : []),
    ...OPTIONS.filter(([field, , echo]) => isAsked(form[field]) || (echo && answer.get(echo) !== undefined)).map(([, feature]) => feature)];
  if (features.length) draft.extra.features = features;
}

function readAgentCall(exchange, answer, draft) { // AUB-ELV-49f7, AUB-ELV-8521
  draft.take("media_duration_seconds", answer.first(["/metadata/call_duration_secs"], false));
  draft.unknown.add(CREDITS);
  if (["initiated", "in-progress", "processing"].includes(answer.get("/status"))) return draft.flags.add("session_incomplete");
  const [cost, ...parts] = ["cost", "charging/call_charge", "charging/llm_charge"].map((name) => answer.first([`/metadata/${name}`], false));
  const worth = answer.get("/metadata/cost_fiat");
  if (worth !== undefined) draft.extra.provider_cost = { amount: worth.raw, currency: "USD" };
  if (!cost) return undefined;
  const wrong = parts.find((part) => part?.value > cost.value) ?? (sum(parts.map((part) => part?.value ?? 0n)) > cost.value ? cost : undefined);
  if (wrong) throw new Refusal("inconsistent_usage", wrong.at);
  draft.put(CREDITS, cost.value + (answer.first(["/metadata/charging/voice_surcharge_charge"], false)?.value ?? 0n), BILLED);
  return draft.unknown.clear();
}

function readConversion(exchange, answer, draft) {
  draft.upload(exchange, "audio");
  readMeter(exchange, draft);
}

const OPERATIONS = { speech: [readSpeech], voice_conversion: [readConversion], sound_generation: [readSound],
  transcription: [readTranscription, "/data/transcription"], agent_call: [readAgentCall, "/data"] }; // and the envelope of a webhook

/** Reads a body into the draft. */
export function elevenlabs(exchange, { kind, at, value }, draft) {
  const [reader, envelope] = OPERATIONS[exchange.operation];
  const type = header(exchange.response, "content-type")?.text ?? "";
  if (kind === "json" ? !isObject(value) : envelope || kind === "events" || /^text\/(?!event-stream)/.test(type)) malformed(at);
  const whole = kind === "json" ? new Wire(value, at) : undefined; // audio and streams of it are not opened
  reader(exchange, envelope && isObject(whole.get(envelope)) ? whole.child(envelope) : whole, draft);
}
