// Chapter 05, "Tokens": the leaves of a usage record, each with the rate that it takes.

import { ZERO, add, cmp, max, read, sub, sum } from "./decimal.mjs";

export const INPUT = ["text", "audio", "image", "video"];
export const OUTPUT = ["text", "audio"];
const positive = (number) => cmp(number, ZERO) > 0;
const least = (a, b) => (cmp(a, b) < 0 ? a : b);

/** AUB-CHG-5310: the leaves of the record, each with its rate; leaves that share a rate are added up. */
export function leaves(record, entry, flags) {
  const q = (name) => (name in record.quantities ? read(record.quantities[name]) : ZERO);
  const has = (name) => name in entry.rates;
  const first = (...names) => names.find(has);
  const found = [];
  const leaf = (name, measured, rateName, apart = false, reason = "no_rate") => {
    if (!positive(measured)) return; // a quantity of zero needs no rate
    const same = found.find((l) => l.rateName === rateName && l.apart === apart && (rateName || l.name === name)); // or one gap
    if (same) same.measured = add(same.measured, measured);
    else found.push({ name, measured, rateName, apart, reason });
  };
  const rest = (direction, modalities) => { // what no stated part covers
    const stated = sum([...modalities, "unattributed"].map((m) => q(`${m}_${direction}`)));
    const over = sub(q(direction), stated);
    return add(q(`unattributed_${direction}`), positive(over) ? over : ZERO);
  };
  const unattributed = (direction, modalities, measured, cached = ZERO) => {
    if (!positive(measured)) return;
    const names = modalities.some((m) => `${m}_${direction}` in record.quantities
      && !(m === "text" && "reasoning_output_tokens" in record.quantities && direction === "output_tokens"
        && positive(q("text_output_tokens")) && cmp(q("text_output_tokens"), q("reasoning_output_tokens")) === 0));
    const priced = modalities.filter((m) => has(`${m}_${direction}`) || has(`cached_${m}_${direction}`));
    let rateName = first(`unattributed_${direction}`, direction);
    if (!rateName && names && has(`text_${direction}`)) {
      rateName = `text_${direction}`;
      flags.add("unattributed_as_text");
    }
    if (!rateName && priced.length === 1) rateName = first(`${priced[0]}_${direction}`);
    const reason = priced.length > 1 ? "modality_unknown" : "no_rate"; // AUB-CHG-0d16
    const modality = /^(text|audio|image|video)_/.exec(rateName ?? "")?.[1] ?? (!rateName && priced.length === 1 ? priced[0] : undefined);
    const cachedName = first(...(modality ? [`cached_${modality}_${direction}`] : []), `cached_${direction}`) ?? rateName;
    leaf(`unattributed_${direction}`, sub(measured, cached), rateName, true, reason);
    leaf(`unattributed_${direction}`, cached, cachedName, true, reason);
  };

  // Input: the cached part of each modality, from the split, else text first (AUB-CHG-5f0a).
  const cached = new Map(INPUT.map((m) => [m, q(`cached_${m}_input_tokens`)]));
  let open = sub(q("cached_input_tokens"), sum([...cached.values()]));
  const assume = positive(open) && Object.keys(entry.rates).some((name) => name.startsWith("cached_"));
  if (assume) flags.add("cached_split_assumed");
  for (const m of INPUT) {
    const tokens = q(`${m}_input_tokens`);
    if (assume) {
      const taken = least(open, max(sub(tokens, cached.get(m)), ZERO));
      cached.set(m, add(cached.get(m), taken));
      open = sub(open, taken);
    }
    const fresh = first(`${m}_input_tokens`, "input_tokens");
    leaf(`${m}_input_tokens`, sub(tokens, cached.get(m)), fresh);
    const rateName = first(`cached_${m}_input_tokens`, "cached_input_tokens") ?? fresh; // AUB-CHG-17f0
    leaf(`${m}_input_tokens`, cached.get(m), rateName);
  }
  const inputRest = rest("input_tokens", INPUT);
  unattributed("input_tokens", INPUT, inputRest, assume ? least(open, inputRest) : ZERO);

  // Output: audio, reasoning, and text less reasoning (AUB-CHG-258f).
  const textRate = first("text_output_tokens", "output_tokens");
  const reasoning = q("reasoning_output_tokens");
  leaf("text_output_tokens", sub(q("text_output_tokens"), reasoning), textRate);
  leaf("text_output_tokens", reasoning, first("reasoning_output_tokens") ?? textRate);
  leaf("audio_output_tokens", q("audio_output_tokens"), first("audio_output_tokens", "output_tokens")); // AUB-CHG-b946
  unattributed("output_tokens", OUTPUT, rest("output_tokens", OUTPUT));
  return found;
}
