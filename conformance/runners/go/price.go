// Chapter 05: the lines and gaps of one usage, by the entry that applies to it.
package main

import "math/big"

type result struct { // of the record itself or of one component
	entry       obj
	lines, gaps []any
	exact       []*big.Rat // the lines' subtotals before rounding
	flags       map[string]bool
}

// Steps 3 and 4 for the main usage or one component: its entry, lines and gaps.
func rateOne(record, book obj, at string) (r result) {
	r.flags = map[string]bool{}
	model, quantities := record["model"], child(record, "quantities")
	if model == nil { // once for the component
		r.gaps = append(r.gaps, obj{"reason": "model_unknown"})
		return r
	}
	entry, of := chooseEntry(book, record, at)
	if entry == nil { // AUB-CHG-f657
		looked := obj{"service_tier": "standard", "at": at}
		for _, name := range []string{"provider", "model", "operation", "surface", "region", "service_tier"} {
			if record[name] != nil {
				looked[name] = record[name]
			}
		}
		r.gaps = append(r.gaps, obj{"model": model, "reason": "no_entry", "looked_up": looked})
		return r
	}
	r.entry = entry
	gap := func(name, reason string, measured *big.Rat) {
		found := obj{"model": model, "quantity": name, "reason": reason}
		if measured != nil {
			found["measured"] = text(measured)
		}
		r.gaps = append(r.gaps, found)
	}
	unknown, carried := missing(entry, of, list(record, "unknown")), false
	for _, name := range of.quantities {
		carried = carried || has(quantities, name)
	}
	main := of.quantities[0] // for tokens it is looked at leaf by leaf
	switch {
	case of.name == "per_request": // its quantity is a fee like any other, below
	case !carried:
		reason, names := "quantity_unknown", unknown // AUB-CHG-4688
		for _, f := range families[:4] {
			for _, name := range f.quantities {
				if basis, _ := child(record, "basis")[name].(string); basis == bases[0] || basis == bases[1] {
					reason = "unit_mismatch"
				}
			}
		}
		if len(names) == 0 && of.name == "audio_token_based" {
			names = missing(entry, of, []any{"input_tokens", "output_tokens"})
		}
		if len(names) == 0 && of.name == "audio_token_based" {
			names = []string{"input_tokens", "output_tokens"}
		} else if len(names) == 0 {
			names = of.quantities
		}
		for _, name := range names {
			gap(name, reason, nil)
		}
	default:
		for _, name := range unknown {
			gap(name, "quantity_unknown", nil)
		}
		if of.name == "audio_token_based" {
			for _, leaf := range leaves(record, entry, r.flags) {
				if leaf.rate == "" {
					gap(leaf.name, leaf.reason, leaf.measured)
				} else {
					r.bill(leaf.rate, leaf.measured, record, gap)
				}
			}
		} else if measured := quantity(quantities, main); measured.Sign() > 0 { // AUB-CHG-ea89, AUB-CHG-d6d8
			price := child(child(entry, "rates"), main)
			if price != nil && (!has(price, "rule") || price["rule"] == or(record["character_rule"], "code_points")) {
				r.bill(main, measured, record, gap)
			} else {
				gap(main, "no_rate", measured)
			}
		}
	}
	for _, fee := range fees { // absent counts as 1
		if measured := rat(or(quantities[fee], "1")); has(child(entry, "rates"), fee) && measured.Sign() > 0 {
			r.bill(fee, measured, record, gap)
		}
	}
	return r
}

// One base line and the lines of its add-ons, modifiers in the order of AUB-CHG-1654.
func (r *result) bill(name string, measured *big.Rat, record obj, gap func(string, string, *big.Rat)) {
	rate, quantities, addons := child(child(r.entry, "rates"), name), child(record, "quantities"), obj{}
	for feature, addon := range child(r.entry, "addons") {
		if in(record["features"], feature) && (!in(fees, name) || r.entry["pricing_model"] == "per_request") {
			addons[feature] = addon // they do not apply to fees
		}
	}
	billed := measured
	for _, each := range append([]obj{rate}, values(addons)...) { // AUB-CHG-a469
		if least := rat(or(each["minimum"], "0")); billed.Cmp(least) < 0 {
			billed = least
		}
	}
	if has(rate, "step") { // AUB-CHG-6162
		step := rat(rate["step"])
		billed = mul(zero().SetInt(whole(zero().Quo(billed, step), false)), step)
	}
	if by, _ := rate["multiply_by"].(string); has(quantities, by) {
		billed = mul(billed, rat(quantities[by]))
	}
	amount := rate["amount"]
	if tiers := child(rate, "tiers"); tiers != nil { // AUB-CHG-56ac
		by, known := quantities[tiers["by"].(string)]
		if !known {
			gap(name, "quantity_unknown", measured)
			return
		}
		for _, step := range list(tiers, "steps") {
			if rat(step.(obj)["above"]).Cmp(rat(by)) < 0 {
				amount = step.(obj)["amount"]
			}
		}
	}
	line := func(amount, per any, addon string) {
		factor := zero().Quo(rat(or(r.entry["multiplier"], "1")), rat(per)) // AUB-CHG-2a11
		exact := mul(mul(billed, rat(amount)), factor)
		found := obj{"model": record["model"], "quantity": name, "measured": text(measured), "billed": text(billed),
			"amount": amount, "per": per, "subtotal": round12(exact)}
		if addon != "" {
			found["addon"] = addon
		}
		if has(r.entry, "multiplier") {
			found["multiplier"] = r.entry["multiplier"]
		}
		r.lines, r.exact = append(r.lines, found), append(r.exact, exact)
	}
	line(amount, rate["per"], "")
	for feature, each := range addons { // AUB-CHG-444f
		if addon := each.(obj); has(addon, "percent") {
			line(text(mul(mul(rat(amount), rat(addon["percent"])), rat("0.01"))), rate["per"], feature)
		} else {
			line(addon["amount"], addon["per"], feature)
		}
	}
}
