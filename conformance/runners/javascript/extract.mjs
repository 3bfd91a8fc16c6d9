// Chapter 03: an exchange becomes a usage record, or is refused. Run: node extract.mjs [part of a case id]
import { exchangeOf, readText, run } from "./cases.mjs";
import { Refusal } from "./json.mjs";
import { azureSpeech } from "./azure-speech.mjs";
import { elevenlabs } from "./elevenlabs.mjs";
import { gemini } from "./gemini.mjs";
import { openai } from "./openai.mjs";
import { lastOfStream } from "./streams.mjs";
import { Draft, bodyOf } from "./wire.mjs";

const READERS = { "openai/api": openai, "azure/azure_openai": openai, "azure/azure_speech": azureSpeech, "gemini/ai_studio": gemini,
  "gemini/vertex": gemini, "elevenlabs/api": elevenlabs };

/** The usage record of an exchange. */
function extract(exchange) {
  const reader = READERS[`${exchange.provider}/${exchange.surface}`];
  if (!reader) throw new Refusal("unsupported_exchange", "/provider");
  const draft = new Draft();
  if (exchange.response.status.raw >= 400) draft.flags.add("error_response"); // AUB-EXT-d1ab: the body is not opened
  const tier = draft.flags.size ? undefined : reader(exchange, lastOfStream(bodyOf(exchange, readText), exchange), draft);
  return draft.finish(exchange, tier);
}

/** Why a case is for another program; every call over HTTP is for this one. */
function why({ given, then }) {
  if (!given.upstream || !(then.usage || then.error)) return "no exchange to extract";
  const { response } = exchangeOf({ given });
  return "events" in response || "events_file" in response ? "a session over a WebSocket" : "";
}
run("usage", why, (found) => extract(exchangeOf(found)));
