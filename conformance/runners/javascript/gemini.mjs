// Gemini: counts that do not contain each other, and lists that divide them (spec/providers/gemini.md).
import { sum } from "./decimal.mjs";
import { isObject } from "./json.mjs";
import { ASSUMED, BASES, DERIVED, REPORTED, Wire, header, malformed } from "./wire.mjs";
import { readTokens } from "./openai.mjs";

const spellings = (...names) => names.flatMap((name) => [`/${name}`, `/${name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`]); // and of dumps
const METADATA = { prompt: spellings("promptTokenCount"), prompts: spellings("promptTokensDetails"), tool: spellings("toolUsePromptTokenCount"),
  tools: spellings("toolUsePromptTokensDetails"), cached: spellings("cachedContentTokenCount"), split: spellings("cacheTokensDetails"),
  output: spellings("candidatesTokenCount", "responseTokenCount"), outputs: spellings("candidatesTokensDetails", "responseTokensDetails"),
  thoughts: spellings("thoughtsTokenCount"), total: spellings("totalTokenCount"), tokens: spellings("tokenCount") }; // AUB-GEM-3f25
const INTERACTION = { prompt: ["/total_input_tokens"], prompts: ["/input_tokens_by_modality"], tool: ["/total_tool_use_tokens"],
  tools: ["/tool_use_tokens_by_modality"], cached: ["/total_cached_tokens"], split: ["/cached_tokens_by_modality"],
  output: ["/total_output_tokens"], outputs: ["/output_tokens_by_modality"], thoughts: ["/total_thought_tokens"],
  total: ["/total_tokens"], tokens: ["/tokens"] }; // AUB-GEM-6e75
const MODALITY = { TEXT: "text", MODALITY_UNSPECIFIED: "text", AUDIO: "audio", IMAGE: "image", DOCUMENT: "image", VIDEO: "video" };
const UNNAMED = { chat: [undefined, "text"], speech: ["text", "audio"], transcription: ["audio", "text"], translation: ["audio", "text"] };

/** Adds what has the modality of an earlier part to that. */
const join = (parts, [modality, value, basis, at]) => {
  const same = parts.find(([name]) => name === modality);
  if (!same) return [...parts, [modality, value, basis, at]];
  const weaker = BASES[Math.max(BASES.indexOf(same[2]), BASES.indexOf(basis))];
  return parts.map((part) => (part === same ? [modality, part[1] + value, weaker, part[3] ?? at] : part));
};

/** What a list names: [modality, tokens, basis, pointer]; an entry without a count is zero (AUB-GEM-f596). */
function named(usage, pointers, names, isOutput) {
  const pointer = pointers.find((each) => usage.get(each) !== undefined);
  const entries = (pointer ? usage.get(pointer) : []).map((_, n) => usage.child(`${pointer}/${n}`));
  return entries.map((entry) => {
    const modality = MODALITY[(entry.get("/modality") ?? "TEXT").toUpperCase()] ?? "unattributed";
    const count = entry.first(names.tokens);
    return [isOutput && ["image", "video"].includes(modality) ? "unattributed" : modality, count?.value ?? 0n, REPORTED, count?.at];
  }).reduce(join, []);
}

/** What a count is made of: what is named, and what the rest has to be. */
function divided(whole, parts, unnamed, draft) {
  const rest = whole - sum(parts.map(([, value]) => value));
  const nothing = [["text", 0n], ["audio", 0n]];
  if (!parts.length && whole) {
    draft.flags.add("details_missing");
    if (!unnamed) return [["unattributed", whole, DERIVED]];
    return [...nothing.filter(([m]) => m !== unnamed).map((each) => [...each, ASSUMED]), [unnamed, whole, ASSUMED]]; // AUB-GEM-688e
  }
  if (rest > 0n) draft.flags.add("details_short");
  const all = rest > 0n ? join(parts, ["unattributed", rest, DERIVED]) : parts;
  if (all.length === 1 && all[0][0] === "unattributed") return all;
  return [...all, ...nothing.filter(([m]) => !all.some(([name]) => name === m)).map((each) => [...each, DERIVED])];
}

function readCounts(usage, names, unnamed, draft) {
  const [prompt, tool, output, thoughts, total] = ["prompt", "tool", "output", "thoughts", "total"].map((name) => usage.first(names[name]));
  const addsUp = total && total.value === sum([prompt, tool, output, thoughts].map((count) => count?.value ?? 0n));
  const whole = (name, count, beside) => { // an absent count is zero where the total equals the others, else unknown (AUB-GEM-5cb5)
    if (!count && !addsUp) return !draft.unknown.add(name);
    draft.put(name, (count?.value ?? 0n) + (beside?.value ?? 0n), count ? REPORTED : DERIVED, (count ?? beside)?.at);
    return true;
  };
  const put = (direction, parts) => parts.forEach(([m, value, basis, at]) => draft.put(`${m}_${direction}_tokens`, value, basis, at));
  if (whole("input_tokens", prompt, tool)) { // AUB-GEM-9697
    const parts = [...named(usage, names.prompts, names), ...named(usage, names.tools, names)].reduce(join, []);
    put("input", divided(draft.count("input_tokens"), parts, unnamed[0], draft));
    const split = named(usage, names.split, names);
    if (!draft.take("cached_input_tokens", usage.first(names.cached)) && split.length) {
      draft.put("cached_input_tokens", sum(split.map(([, value]) => value)), REPORTED);
    }
    put("input", split.filter(([m]) => m !== "unattributed").map(([m, ...rest]) => [`cached_${m}`, ...rest]));
  }
  if (whole("output_tokens", output, thoughts)) { // AUB-GEM-9c30: thoughts are text in addition to the visible output
    const parts = divided(output?.value ?? 0n, named(usage, names.outputs, names, true), unnamed[1], draft);
    draft.take("reasoning_output_tokens", thoughts);
    put("output", thoughts?.value ? join(parts, ["text", thoughts.value, REPORTED]) : parts);
  }
  draft.total();
  if (prompt && output && total && !addsUp) draft.flags.add("total_mismatch");
}

/** `usageMetadata`; gives the word for the tier. */
function readMetadata(usage, unnamed, draft) {
  readCounts(usage, METADATA, unnamed, draft);
  const [billable] = spellings("billablePromptUsage").filter((pointer) => usage.get(pointer)); // information, since tokens are billed
  if (billable) draft.take("media_duration_seconds", usage.first(spellings("audioDurationSeconds").map((name) => billable + name), false));
  draft.unread.push(...usage.unread().filter((pointer) => !billable || !pointer.startsWith(usage.at + billable)));
  return spellings("serviceTier", "trafficType").map((pointer) => usage.get(pointer)).find((word) => word && !word.endsWith("UNSPECIFIED"));
}

/** A stream as a JSON array: of each member the last that is there, final only with a reason to finish (AUB-GEM-ea33). */
function readChunks(chunks, at, unnamed, draft) {
  const usages = chunks.map((chunk) => chunk.usageMetadata ?? chunk.usage_metadata ?? {});
  const merged = Object.assign({}, ...usages.map((usage) => Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== null))));
  const isFinished = chunks.some(({ promptFeedback, prompt_feedback: feedback = promptFeedback, candidates }) =>
    feedback?.blockReason || feedback?.block_reason || candidates?.some((each) => each.finishReason ?? each.finish_reason));
  if (isFinished && Object.keys(merged).length) return readMetadata(new Wire(merged, `${at}/${chunks.length - 1}/usageMetadata`), unnamed, draft);
  return cut(draft);
}

function cut(draft) { // whatever usage it showed before (AUB-EXT-463c)
  draft.flags.add("stream_incomplete");
  ["input_tokens", "output_tokens"].forEach((name) => draft.unknown.add(name));
}

function readAnswer(answer, unnamed, draft) {
  const [metadata, usage] = [answer.child("/usageMetadata", "/usage_metadata"), answer.child("/usage")];
  if (metadata) return readMetadata(metadata, unnamed, draft);
  if (!usage) ["input_tokens", "output_tokens"].forEach((name) => draft.unknown.add(name));
  else if (usage.get("/prompt_tokens") === undefined && Object.values(INTERACTION).flat().some((pointer) => usage.get(pointer) !== undefined)) {
    readCounts(usage, INTERACTION, [], draft);
    usage.first(["/grounding_tool_count"]); // searches, which are no usage of tokens
  } else { // OpenAI's dialect: what prompt and completion leave of the total is reasoning (AUB-GEM-15d6)
    readTokens(usage, draft);
    const hidden = (usage.first(["/total_tokens"])?.value ?? 0n) - draft.count("total_tokens");
    if (hidden > 0n && "total_tokens" in draft.quantities) {
      draft.flags.delete("total_mismatch");
      const names = ["output_tokens", "text_output_tokens", "reasoning_output_tokens", "total_tokens"];
      for (const name of names) draft.put(name, draft.count(name) + hidden, DERIVED);
    }
  }
  draft.unread.push(...(usage?.unread() ?? []));
  return answer.get("/service_tier");
}

/** Reads a body into the draft; gives the provider's word for the service tier. */
export function gemini(exchange, { kind, at, value, tier, isCut }, draft) {
  if (isCut) return cut(draft) ?? tier;
  if (kind !== "json" || !(isObject(value) || Array.isArray(value))) malformed(at);
  const unnamed = UNNAMED[exchange.operation];
  const word = isObject(value) ? readAnswer(new Wire(value, at), unnamed, draft) : readChunks(value, at, unnamed, draft);
  return word || tier || header(exchange.response, "x-gemini-service-tier")?.text;
}
