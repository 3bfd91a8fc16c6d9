// Chapter 04: is the price book sound, do the parts of a record fit, and which entry applies?
package main

import (
	"fmt"
	"strings"
)

type family struct {
	name       string
	quantities []string
}

var modalities = map[string][]string{"input_tokens": {"text", "audio", "image", "video"}, "output_tokens": {"text", "audio"}}
var tokens = strings.Fields(`input_tokens text_input_tokens audio_input_tokens image_input_tokens video_input_tokens
	unattributed_input_tokens cached_input_tokens cached_text_input_tokens cached_audio_input_tokens
	cached_image_input_tokens cached_video_input_tokens
	output_tokens text_output_tokens reasoning_output_tokens audio_output_tokens unattributed_output_tokens`)

// The quantities of each unit family, in the order of the table of pricing models.
var families = []family{{"audio_token_based", tokens}, {"audio_per_minute", []string{"audio_duration_seconds"}},
	{"audio_per_character", []string{"tts_characters"}}, {"audio_per_credit", []string{"provider_credits"}},
	{"per_request", []string{"requests"}}}
var fees = []string{"requests", "text_messages"}
var bases = []string{"provider_billed", "provider_reported", "request", "media", "derived", "assumed"}

// The faults of a book that would make a wrong bill; the whole schema is for a validator.
func checkBook(book obj) {
	for n, each := range list(book, "entries") {
		entry, at := each.(obj), fmt.Sprintf("/entries/%d", n)
		for _, f := range families {
			for name, rate := range child(entry, "rates") {
				_, sound := rate.(obj)["amount"].(string)
				if f.name == entry["pricing_model"] && !in(f.quantities, name) && !in(fees, name) { // AUB-PRC-89b3
					panic(refusal{"invalid_price_book", at + "/rates/" + name})
				} else if !sound { // AUB-PRC-0b02
					panic(refusal{"invalid_price_book", at + "/rates/" + name + "/amount"})
				}
			}
		}
		if child(entry, "source") == nil { // AUB-PRC-7446
			panic(refusal{"invalid_price_book", at})
		}
	}
}

// AUB-CHG-eb98: no part exceeds its whole, by itself (refused at the part) or with others (at the whole).
func checkParts(q obj, at string) {
	within := func(wholeName string, parts ...string) {
		total := zero()
		for _, part := range parts {
			if has(q, wholeName) && quantity(q, part).Cmp(quantity(q, wholeName)) > 0 {
				panic(refusal{"inconsistent_usage", at + "/quantities/" + part})
			}
			total.Add(total, quantity(q, part))
		}
		if has(q, wholeName) && total.Cmp(quantity(q, wholeName)) > 0 {
			panic(refusal{"inconsistent_usage", at + "/quantities/" + wholeName})
		}
	}
	named := func(before, direction string) (names []string) {
		for _, m := range modalities[direction] {
			names = append(names, before+m+"_"+direction)
		}
		return names
	}
	within("total_tokens", "input_tokens", "output_tokens")
	for direction := range modalities {
		within(direction, append(named("", direction), "unattributed_"+direction)...)
	}
	within("input_tokens", "cached_input_tokens")
	within("cached_input_tokens", named("cached_", "input_tokens")...)
	for _, name := range named("", "input_tokens") {
		within(name, "cached_"+name)
	}
	within("output_tokens", "reasoning_output_tokens")
	within("text_output_tokens", "reasoning_output_tokens")
}

// A text that sorts like the instant: a date is its midnight, zeros at the end of a fraction do not count.
func instant(value any) string {
	at := fmt.Sprint(value)
	if !strings.Contains(at, "T") {
		return at + "T00:00:00"
	}
	if at = strings.TrimSuffix(at, "Z"); strings.Contains(at, ".") {
		at = strings.TrimRight(strings.TrimRight(at, "0"), ".")
	}
	return at
}

func fits(entry, record obj, at string) bool {
	return entry["provider"] == record["provider"] && in(entry["models"], record["model"]) && // AUB-PRC-27f1
		instant(entry["from"]) <= instant(at) && (!has(entry, "until") || instant(at) < instant(entry["until"])) && // AUB-PRC-9dba
		(!has(entry, "operations") || in(entry["operations"], record["operation"])) &&
		(!has(entry, "surface") || entry["surface"] == record["surface"]) &&
		(!has(entry, "region") || in(entry["region"], record["region"])) &&
		or(entry["service_tier"], "standard") == or(record["service_tier"], "standard") // AUB-PRC-a7a7
}

// How strongly the record carries a family: 0 is strongest; more than bases are not at all.
func strength(f family, record obj) int {
	least := len(bases) + 1
	if f.name == "per_request" {
		least = len(bases)
	}
	for _, name := range f.quantities {
		if basis := index(bases, fmt.Sprint(child(record, "basis")[name])); has(child(record, "quantities"), name) && basis < least {
			least = basis
		}
	}
	return least
}

// The entry that applies and its family, or nil; refuses where two do.
func chooseEntry(book, record obj, at string) (obj, family) {
	if at == "" {
		panic(refusal{"missing_time", "/at"})
	}
	var chosen obj
	var of family
	strongest, twice := len(bases)+2, false
	for _, f := range families {
		var best obj
		most, ambiguous := -1, false
		for _, each := range list(book, "entries") {
			entry := each.(obj)
			if entry["pricing_model"] != f.name || !fits(entry, record, at) {
				continue
			}
			selectors := 0
			for _, name := range []string{"operations", "surface", "region", "service_tier"} {
				if has(entry, name) {
					selectors++
				}
			}
			ambiguous = selectors == most || (ambiguous && selectors < most) // AUB-PRC-c58f
			if selectors > most {
				best, most = entry, selectors
			}
		}
		if ambiguous { // AUB-PRC-b5e2
			panic(refusal{"ambiguous_price", ""})
		}
		if how := strength(f, record); best != nil && how <= strongest { // AUB-PRC-19d1
			twice = how == strongest && how <= len(bases)
			if how < strongest {
				chosen, of, strongest = best, f, how
			}
		}
	}
	if twice {
		panic(refusal{"ambiguous_price", ""})
	}
	return chosen, of // where no family is carried: the first of the table, and a gap
}
