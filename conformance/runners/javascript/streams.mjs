// Streams of server-sent events, reduced to the JSON that answers a call which is not streamed.
import { isObject, parse } from "./json.mjs";
import { malformed } from "./wire.mjs";

const FINAL = { transcription: "transcript.text.done", translation: "transcript.text.done", speech: "speech.audio.done" };

/** The data of each event, by the HTML standard: CR LF, LF or CR, comments, several data lines (AUB-EXT-2a18). */
function events(stream) {
  const blocks = stream.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n").split("\n\n").slice(0, -1); // the rest was cut off
  return blocks.map((block) => block.split("\n").map((line) => /^data(?:: ?([^]*))?$/.exec(line)).filter(Boolean))
    .filter((lines) => lines.length).map((lines) => lines.map(([, data]) => data ?? "").join("\n"));
}

/** A body as it is; of a stream its final object and the last tier, or the chunks of Gemini. */
export function lastOfStream(body, { operation, provider }) {
  if (body.kind !== "sse" || provider === "elevenlabs") return body; // which says what a call cost before it answers
  let [last, tier] = [];
  const chunks = [];
  for (const [index, data] of events(body.value).entries()) {
    if (data === "[DONE]") { if (last) last.isFinal = true; continue; }
    const at = `/response/sse/${index}`;
    const value = parse(data, at);
    if (!isObject(value)) malformed(at);
    chunks.push(value);
    tier = value.service_tier ?? tier;
    if (operation === "chat" && value.usage != null) last = { value, at, isFinal: value.choices?.length === 0 }; // AUB-EXT-d606
    else if (value.type === FINAL[operation] && value.usage != null) last = { value, at, isFinal: true }; // AUB-OAI-8527, AUB-OAI-2b10
    else if (value.interaction?.usage != null && value.event_type?.startsWith("interaction.complete")) {
      last = { value: value.interaction, at: `${at}/interaction`, isFinal: true };
    }
  }
  if (provider === "gemini" && !last?.isFinal && !chunks.some((chunk) => "choices" in chunk)) return { kind: "json", at: body.at, value: chunks };
  return last?.isFinal ? { kind: "json", at: last.at, value: last.value, tier } : { isCut: true, tier }; // AUB-EXT-463c
}
