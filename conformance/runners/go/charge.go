// Chapter 05: a usage record and a price book become a charge, with a status and a total.
package main

// The charge for a usage record; at is the instant whose prices are asked for.
func charge(record, book obj, at string) obj {
	checkBook(book)
	out := obj{"status": "not_billable", "currency": book["currency"], "total": "0", "lines": []any{}, "unpriced": []any{}, "flags": []any{}}
	if in(record["flags"], "error_response") { // AUB-CHG-63e1: nothing is looked up
		return out
	}
	checkParts(child(record, "quantities"), "")
	var parts []result
	empty := len(child(record, "quantities")) == 0 && len(list(record, "unknown")) == 0
	main := !empty || record["operation"] != "realtime" // else a session used nothing
	if main {
		parts = append(parts, rateOne(record, book, at))
	}
	for n, each := range list(record, "components") { // AUB-CHG-ef99: tier, region and surface are the record's
		checkParts(child(each.(obj), "quantities"), "/components/"+text(rat(n)))
		component := obj{}
		for _, from := range []obj{record, {"features": nil, "character_rule": nil, "model": nil}, each.(obj)} {
			for name, value := range from {
				component[name] = value
			}
		}
		parts = append(parts, rateOne(component, book, at))
	}
	var leading obj
	for n, part := range parts {
		if leading == nil && (n == 0 || !main) {
			leading = part.entry
		}
	}
	return settle(out, parts, leading, book)
}

// Joins the parts, and the table of status and total: the first row that applies decides.
func settle(out obj, parts []result, leading, book obj) obj {
	lines, gaps, flags, exact := []any{}, []any{}, map[string]bool{}, zero()
	currency := or(leading["currency"], book["currency"])
	free, unmetered := true, false
	for _, part := range parts {
		foreign := part.entry != nil && or(part.entry["currency"], book["currency"]) != currency
		gaps = append(gaps, part.gaps...)
		for n, each := range part.lines {
			line := each.(obj)
			if foreign {
				gaps = append(gaps, obj{"model": line["model"], "quantity": line["quantity"], "measured": line["measured"], "reason": "currency"})
				continue
			}
			lines, exact = append(lines, line), exact.Add(exact, part.exact[n])
			free = free && rat(line["amount"]).Sign() == 0
		}
		for flag := range part.flags {
			flags[flag] = true
		}
	}
	for _, gap := range gaps {
		unmetered = unmetered || gap.(obj)["reason"] == "quantity_unknown"
	}
	out["currency"], out["total"], out["lines"], out["unpriced"] = currency, round12(exact), lines, gaps
	switch {
	case len(gaps) == 0 && free && len(lines) > 0:
		out["status"] = "free" // AUB-CHG-ec4c
	case len(gaps) == 0:
		out["status"] = "priced"
	case out["total"] != "0":
		out["status"] = "partial" // AUB-CHG-b5cd
	case unmetered:
		out["status"], out["total"] = "unmetered", nil // AUB-CHG-a645
	default:
		out["status"], out["total"] = "unpriced", nil // AUB-CHG-57df
	}
	names := []any{}
	for flag := range flags {
		names = append(names, flag)
	}
	if out["flags"] = names; has(leading, "id") {
		out["entry"] = leading["id"]
	}
	return out
}
