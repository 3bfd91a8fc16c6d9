// The runner: reads the cases of fixtures/, compares as fixtures/README.md says, and reports.
// Run: go run . [part of a case id]; FIXTURES names another folder of fixtures.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

func main() {
	failed, passed, left := 0, 0, 0
	for _, found := range eachCall(loadCases()) {
		id, then := found["id"].(string), child(found, "then")
		_, isRecord := child(found, "given")["usage"]
		mine := has(then, "charge") || isRecord && has(then, "error")
		if len(os.Args) > 1 && !strings.Contains(id, os.Args[1]) {
			continue
		}
		if !mine || in(found["features"], "deprecated") {
			left++
		} else if wrong := check(found); len(wrong) > 0 {
			failed++
			fmt.Printf("FAIL %s: %v\n  %s\n  why: %v\n", id, found["title"], strings.Join(wrong, "\n  "), found["why"])
		} else {
			passed++
		}
	}
	if left > 0 {
		fmt.Printf("%d left out: no charge is expected, no usage is there to charge, or deprecated\n", left)
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 || passed+left == 0 {
		os.Exit(1)
	}
}

// The cases, and one more for each later call of a client for which other usage is right.
func eachCall(cases []obj) (all []obj) {
	for _, found := range cases {
		all = append(all, found)
		for n, other := range list(child(found, "then"), "others") {
			if then := other.(obj); has(then, "usage") {
				answers := list(lastStep(found), "answers")
				given := obj{"prices": child(found, "given")["prices"], "upstream": []any{obj{"answers": answers[n+1:]}}}
				id := fmt.Sprintf("%v, call %d", found["id"], n+2)
				all = append(all, obj{"id": id, "title": found["title"], "why": found["why"], "features": found["features"], "given": given, "then": then})
			}
		}
	}
	return all
}

// What differs between the right charge, or the right refusal, and what was worked out.
func check(found obj) (wrong []string) {
	then := child(found, "then")
	right := child(then, "error")
	defer func() {
		if thrown := recover(); thrown != nil {
			got, expected := thrown.(refusal), obj{}
			if right != nil {
				expected = right
			}
			if got.code != expected["code"] || has(expected, "pointer") && got.pointer != expected["pointer"] {
				wrong = []string{fmt.Sprintf("expected %s, got the refusal %v", form("", right), got)}
			}
		}
	}()
	record, at := recordOf(found)
	given := charge(record, readJSON(child(found, "given")["prices"].(string)), at)
	if right != nil {
		return []string{"expected the refusal " + form("", right) + ", got " + form("", given)}
	}
	names := append([]string{"entry"}, keys(child(then, "charge"))...) // absent means absent
	for _, name := range names {
		if expected, got := form(name, child(then, "charge")[name]), form(name, given[name]); expected != got {
			wrong = append(wrong, name+": expected "+expected+", got "+got)
		}
	}
	return wrong
}

// One text for one value: keys sorted, digits kept, and sets without their order.
func form(name string, value any) string {
	if items, isList := value.([]any); isList && strings.Contains(" flags lines unpriced ", " "+name+" ") {
		texts := []string{}
		for _, item := range items {
			texts = append(texts, form("", item))
		}
		sort.Strings(texts)
		return "[" + strings.Join(texts, ",") + "]"
	}
	text, _ := json.Marshal(value)
	return string(text)
}

func lastStep(found obj) obj {
	steps := list(child(found, "given"), "upstream")
	return steps[len(steps)-1].(obj)
}

// The record of a case: its own, or the right usage of its exchange.
func recordOf(found obj) (obj, string) {
	given := child(found, "given")
	if record := child(given, "usage"); record != nil {
		at := or(child(child(found, "when"), "price")["at"], record["at"])
		return record, or(at, "").(string)
	}
	exchange := child(list(lastStep(found), "answers")[0].(obj), "exchange")
	record := obj{}
	for _, name := range []string{"provider", "surface", "operation", "model", "at", "region"} {
		if has(exchange, name) {
			record[name] = exchange[name]
		}
	}
	for name, value := range child(child(found, "then"), "usage") {
		record[name] = value
	}
	return record, record["at"].(string)
}

// The fixtures: what FIXTURES names, the copy that this runner is in, or the checkout.
var fixtures = root()

func root() string {
	for _, folder := range []string{os.Getenv("FIXTURES"), "../..", "../../../fixtures"} {
		file, err := os.Open(filepath.Join(folder, "MANIFEST.json"))
		if folder == "" || err != nil {
			continue
		}
		defer file.Close()
		if format := parse(file)["format"]; format != json.Number("1") {
			panic(fmt.Sprintf("this runner knows format 1 of the fixtures, not %v", format))
		}
		return folder
	}
	panic("no fixtures: set FIXTURES to their folder")
}

func readJSON(name string) obj {
	file, err := os.Open(filepath.Join(fixtures, name))
	if err != nil {
		panic(err)
	}
	defer file.Close()
	return parse(file)
}

func parse(from io.Reader) (found obj) {
	decoder := json.NewDecoder(from)
	decoder.UseNumber() // digits stay as they are
	if err := decoder.Decode(&found); err != nil {
		panic(err)
	}
	return found
}

// All cases by id: one a line of the pack of a copy, or one a file.
func loadCases() (all []obj) {
	if packed, err := os.Open(filepath.Join(fixtures, "cases.jsonl.gz")); err == nil {
		lines, err := gzip.NewReader(bufio.NewReader(packed))
		for decoder := json.NewDecoder(lines); err == nil && decoder.More(); {
			var found obj
			decoder.UseNumber()
			if err = decoder.Decode(&found); err != nil {
				panic(err)
			}
			all = append(all, found)
		}
		return all
	}
	filepath.WalkDir(filepath.Join(fixtures, "cases"), func(path string, entry fs.DirEntry, err error) error {
		if name, _ := filepath.Rel(fixtures, path); err == nil && strings.HasSuffix(path, ".json") {
			all = append(all, readJSON(name))
		}
		return err
	})
	return all
}
