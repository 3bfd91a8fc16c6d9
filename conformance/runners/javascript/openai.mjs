// OpenAI and Azure OpenAI: tokens by modality, seconds, characters (chapter 03).
import { MODALITIES, sum } from "./decimal.mjs";
import { isObject } from "./json.mjs";
import { ASSUMED, BILLED, DERIVED, REPORTED, Wire, header, malformed } from "./wire.mjs";

/** The spellings of each direction in the order of chapter 03, and the part of it that names no modality. */
const DIRECTIONS = [
  ["input_tokens", ["/input_tokens", "/prompt_tokens"], ["/input_token_details", "/input_tokens_details", "/prompt_tokens_details"], "cached"],
  ["output_tokens", ["/output_tokens", "/completion_tokens"],
    ["/output_token_details", "/output_tokens_details", "/completion_tokens_details"], "reasoning"],
];
/** What a total is that names no modality (AUB-EXT-1597); `derived` where the endpoint never sends details in that direction. */
const UNNAMED = { transcription: [["audio", ASSUMED], ["text", DERIVED]], speech: [["text", DERIVED], ["audio", DERIVED]] };
UNNAMED.translation = UNNAMED.transcription;
const TEXT_TYPES = ["", "text/plain", "text/vtt", "text/srt", "application/x-subrip"]; // of transcripts and subtitles

/** Usage that is already in the form of chapter 02 has a member that no provider has (AUB-USE-6266). */
const isOwnForm = (usage) => ["audio_input_tokens", "audio_output_tokens", "audio_duration_seconds", "audio_seconds", "tts_characters"]
  .some((name) => usage.get(`/${name}`) !== undefined);
const hasTokens = (usage) => DIRECTIONS.flatMap(([whole, ...names]) => [...names.slice(0, 2).flat(), `/text_${whole}`, `/audio_${whole}`])
  .some((pointer) => usage.get(pointer) !== undefined) || usage.get("/total_tokens") !== undefined;

/** Reads the tokens of both directions, and compares the provider's total. */
export function readTokens(usage, draft, unnamed = [[], []]) {
  const own = isOwnForm(usage);
  DIRECTIONS.forEach(([whole, totals, details, subset], n) => {
    const name = (part) => `${part}_${whole}`;
    const take = (part, member) => {
      const found = usage.first([...details.map((each) => `${each}/${member}`), ...(own ? [`/${name(part)}`] : [])]);
      return draft.take(name(part), found) ? [found.value] : [];
    };
    const parts = MODALITIES[whole].flatMap((m) => take(m, `${m}_tokens`));
    const subsets = take(subset, `${subset}_tokens`);
    const split = subset === "cached" ? MODALITIES[whole].flatMap((m) => take(`cached_${m}`, `cached_tokens_details/${m}_tokens`)) : [];
    if (split.length && !subsets.length) { // the split is the whole, and stands where the first of it does (AUB-USE-ffb3)
      const first = MODALITIES[whole].find((m) => name(`cached_${m}`) in draft.quantities);
      draft.put(name("cached"), sum(split), REPORTED, draft.places[name(`cached_${first}`)]);
    }
    if (own) usage.first([`/${name("unattributed")}`]); // found again as what the named parts leave open
    if (!draft.take(whole, usage.first(totals)) && own && parts.length) draft.put(whole, sum(parts), DERIVED); // the parts are the whole
    if (!(whole in draft.quantities)) return draft.unknown.add(whole); // and nothing is derived from its parts
    let rest = draft.count(whole) - sum(parts);
    const [audio, text] = ["audio", "text"].map((m) => name(m) in draft.quantities);
    const fill = (m, basis) => [["text", "audio"].filter((each) => !(name(each) in draft.quantities))].flat()
      .forEach((each) => draft.put(name(each), each === m ? rest : 0n, basis));
    if (parts.length && (rest <= 0n || (audio && !text))) { // the table of chapter 03: the first row that applies (AUB-EXT-7d80)
      rest = rest > 0n ? rest : 0n;
      return fill("text", DERIVED);
    }
    if (parts.length) { // AUB-EXT-4fb7
      draft.put(name("unattributed"), rest, DERIVED);
      draft.flags.add("details_short");
      return fill(undefined, DERIVED);
    }
    const [modality, basis] = unnamed[n].length || !own ? unnamed[n] : ["text", DERIVED]; // what own form does not name as audio is text
    if (!modality || basis === ASSUMED) draft.flags.add("details_missing");
    if (modality) return fill(modality, basis);
    const thoughts = n ? draft.count(name("reasoning")) : 0n; // AUB-EXT-0636; reasoning is text wherever it is stated
    if (thoughts > 0n && thoughts <= rest) draft.put(name("text"), thoughts, REPORTED);
    return draft.put(name("unattributed"), thoughts <= rest ? rest - thoughts : rest, DERIVED);
  });
  const [stated, total] = [usage.first(["/total_tokens"]), draft.total()];
  if (stated && total !== undefined && stated.value !== total) draft.flags.add("total_mismatch"); // AUB-USE-a8e5
}

/** Seconds and characters in the words of chapter 02, and tokens. */
function readUsage(usage, draft, operation, withTokens = hasTokens(usage) || !isOwnForm(usage)) {
  if (isOwnForm(usage) && usage.get("/type") !== "tokens") {
    draft.take("audio_duration_seconds", usage.first(["/audio_duration_seconds", "/audio_seconds"], false));
    if (draft.take("tts_characters", usage.first(["/tts_characters"]))) draft.extra.character_rule = "provider_count";
  }
  if (withTokens) readTokens(usage, draft, UNNAMED[operation]);
}

/** A transcription or translation: tokens, or the first source of seconds. */
function readSpeechToText(exchange, answer, usage, draft) {
  const type = ["tokens", "duration"].find((each) => each === usage?.get("/type")); // AUB-EXT-6f40
  if (usage && !type && !isOwnForm(usage) && exchange.operation === "transcription") draft.flags.add("usage_type_missing");
  const inTokens = type ? type === "tokens" : usage !== undefined && hasTokens(usage); // AUB-EXT-28aa
  if (usage) readUsage(usage, draft, exchange.operation, inTokens);
  const [stated, seconds] = [answer.first(["/duration"], false), () => usage?.first(["/seconds"], false)];
  if (inTokens) return draft.take("media_duration_seconds", stated ?? seconds()); // any other length is information (AUB-EXT-2d7d)
  const isKnown = draft.take("audio_duration_seconds", seconds(), BILLED) || "audio_duration_seconds" in draft.quantities; // AUB-EXT-54ad
  if (!draft.take(isKnown ? "media_duration_seconds" : "audio_duration_seconds", stated) && !isKnown) draft.upload(exchange); // AUB-EXT-280a
  return undefined;
}

/** Reads a body into the draft; gives the provider's word for the service tier. */
export function openai(exchange, { kind, at, value, tier, isCut }, draft) {
  const { operation, request, response } = exchange;
  const isSpeechToText = ["transcription", "translation"].includes(operation);
  const type = (header(response, "content-type")?.text ?? "").split(";")[0].trim().toLowerCase();
  if (isCut) ["input_tokens", "output_tokens"].forEach((name) => draft.flags.add("stream_incomplete") && draft.unknown.add(name)); // AUB-EXT-463c
  else if (kind === "media" && operation === "speech") draft.characters([request?.json?.input]); // AUB-OAI-a103: `input` alone
  else if (kind === "text" && isSpeechToText && TEXT_TYPES.includes(type)) draft.upload(exchange);
  else if (kind !== "json" || !isObject(value)) malformed(at);
  else {
    let answer = new Wire(value, at);
    if ("custom_id" in value && "response" in value) { // a line of a batch, which has a price of its own whatever tier it names
      tier = "batch";
      const isError = !answer.get("/response") || answer.get("/response/status_code")?.raw >= 400; // AUB-EXT-d1ab
      if (isError) return draft.flags.add("error_response") && tier;
      answer = answer.child("/response/body");
    }
    const usage = answer.child("/usage");
    if (isSpeechToText) readSpeechToText(exchange, answer, usage, draft);
    else if (usage) readUsage(usage, draft, operation);
    else if (operation === "speech") draft.characters([request?.json?.input]);
    else ["input_tokens", "output_tokens"].forEach((name) => draft.unknown.add(name));
    draft.unread.push(...(usage?.unread() ?? []));
    tier ??= answer.get("/service_tier");
  }
  return tier;
}
