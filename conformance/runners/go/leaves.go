// Chapter 05, "Tokens": the leaves of a usage record, each with the rate that it takes.
package main

import (
	"math/big"
	"strings"
)

type leaf struct {
	name, rate, reason string // without a rate it is a gap
	apart              bool   // unattributed tokens have lines of their own
	measured           *big.Rat
}

// AUB-CHG-5310: leaves that share a rate are added up.
func leaves(record, entry obj, flags map[string]bool) (found []*leaf) {
	quantities, rates := child(record, "quantities"), child(entry, "rates")
	q := func(name string) *big.Rat { return quantity(quantities, name) }
	first := func(names ...string) string {
		for _, name := range names {
			if has(rates, name) {
				return name
			}
		}
		return ""
	}
	add := func(name string, measured *big.Rat, rate string, apart bool, reason string) {
		if measured.Sign() <= 0 { // a quantity of zero needs no rate
			return
		}
		for _, each := range found {
			if each.rate == rate && each.apart == apart && (rate != "" || each.name == name) {
				each.measured = zero().Add(each.measured, measured)
				return
			}
		}
		found = append(found, &leaf{name, rate, reason, apart, measured})
	}
	rest := func(direction string) *big.Rat { // what no stated part covers
		over := sub(q(direction), q("unattributed_"+direction))
		for _, m := range modalities[direction] {
			over = sub(over, q(m+"_"+direction))
		}
		return zero().Add(q("unattributed_"+direction), positive(over))
	}
	unattributed := func(direction string, measured, cached *big.Rat) {
		names, priced := false, []string{}
		for _, m := range modalities[direction] {
			name := m + "_" + direction
			onlyReasoning := name == "text_output_tokens" && has(quantities, "reasoning_output_tokens") &&
				q(name).Sign() > 0 && q(name).Cmp(q("reasoning_output_tokens")) == 0
			names = names || has(quantities, name) && !onlyReasoning
			if has(rates, name) || has(rates, "cached_"+name) {
				priced = append(priced, m)
			}
		}
		rate, reason, m := first("unattributed_"+direction, direction), "no_rate", ""
		if measured.Sign() > 0 && rate == "" && names && has(rates, "text_"+direction) {
			rate, flags["unattributed_as_text"] = "text_"+direction, true
		}
		if rate == "" && len(priced) == 1 {
			rate, m = first(priced[0]+"_"+direction), priced[0]
		}
		if len(priced) > 1 { // AUB-CHG-0d16
			reason = "modality_unknown"
		}
		if before, _, _ := strings.Cut(rate, "_"); rate != "" {
			m = before // of text_input_tokens; of input_tokens it names no rate
		}
		cachedRate := first("cached_"+m+"_"+direction, "cached_"+direction)
		if cachedRate == "" {
			cachedRate = rate
		}
		add("unattributed_"+direction, sub(measured, cached), rate, true, reason)
		add("unattributed_"+direction, cached, cachedRate, true, reason)
	}

	// Input: the cached part of each modality, from the split, else text first (AUB-CHG-5f0a).
	open, assume := q("cached_input_tokens"), false
	for _, m := range modalities["input_tokens"] {
		open = sub(open, q("cached_"+m+"_input_tokens"))
	}
	for name := range rates {
		assume = assume || open.Sign() > 0 && strings.HasPrefix(name, "cached_")
	}
	if assume {
		flags["cached_split_assumed"] = true
	}
	for _, m := range modalities["input_tokens"] {
		name := m + "_input_tokens"
		cached := q("cached_" + name)
		if assume {
			taken := least(open, positive(sub(q(name), cached)))
			cached, open = zero().Add(cached, taken), sub(open, taken)
		}
		fresh := first(name, "input_tokens")
		add(name, sub(q(name), cached), fresh, false, "no_rate")
		add(name, cached, first("cached_"+name, "cached_input_tokens", fresh), false, "no_rate") // AUB-CHG-17f0
	}
	if !assume {
		open = zero()
	}
	unattributed("input_tokens", rest("input_tokens"), least(open, rest("input_tokens")))

	// Output: audio, reasoning, and text less reasoning (AUB-CHG-258f).
	textRate, reasoning := first("text_output_tokens", "output_tokens"), q("reasoning_output_tokens")
	add("text_output_tokens", sub(q("text_output_tokens"), reasoning), textRate, false, "no_rate")
	add("text_output_tokens", reasoning, first("reasoning_output_tokens", textRate), false, "no_rate")
	add("audio_output_tokens", q("audio_output_tokens"), first("audio_output_tokens", "output_tokens"), false, "no_rate") // AUB-CHG-b946
	unattributed("output_tokens", rest("output_tokens"), zero())
	return found
}

func positive(r *big.Rat) *big.Rat {
	if r.Sign() < 0 {
		return zero()
	}
	return r
}
func least(a, b *big.Rat) *big.Rat {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}

// Those of the names that the entry prices, in whole or in part.
func missing(entry obj, of family, names []any) (found []string) {
	for _, each := range names {
		name, priced := each.(string), of.name != "audio_token_based"
		whole := "output_tokens"
		if strings.Contains(name, "input") {
			whole = "input_tokens"
		}
		for rate := range child(entry, "rates") {
			priced = priced || rate == name || rate == whole || name == whole && strings.HasSuffix(rate, name)
		}
		if in(of.quantities, name) && priced {
			found = append(found, name)
		}
	}
	return found
}
