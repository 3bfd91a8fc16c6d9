// Exact numbers, and reading of JSON objects whose members may be absent.
package main

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"
)

type obj = map[string]any
type refusal struct{ code, pointer string } // what a calculator answers instead of a record; it is thrown

func index(list []string, name string) int {
	for i, each := range list {
		if each == name {
			return i
		}
	}
	return -1
}
func in(list any, name any) bool { // the list may be one of ours, one of JSON, or absent
	for i := 0; list != nil && i < reflect.ValueOf(list).Len(); i++ {
		if fmt.Sprint(reflect.ValueOf(list).Index(i)) == fmt.Sprint(name) {
			return true
		}
	}
	return false
}
func child(o obj, name string) obj  { found, _ := o[name].(obj); return found }
func list(o obj, name string) []any { found, _ := o[name].([]any); return found }
func has(o obj, name string) bool   { _, found := o[name]; return found }
func or(value any, other any) any {
	if value == nil {
		return other
	}
	return value
}
func zero() *big.Rat                    { return new(big.Rat) }
func sub(a, b *big.Rat) *big.Rat        { return zero().Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat        { return zero().Mul(a, b) }
func quantity(o obj, n string) *big.Rat { return rat(or(o[n], "0")) } // absent counts as 0 where it is added
func rat(value any) *big.Rat {
	found, ok := zero().SetString(fmt.Sprint(value))
	if !ok {
		panic(fmt.Sprintf("%v is not a number", value))
	}
	return found
}

// The least whole number that is not below the fraction, and with half the whole number nearest to it, ties to even.
func whole(r *big.Rat, half bool) *big.Int {
	quotient, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int))
	side := new(big.Int).Lsh(rest, 1).Cmp(r.Denom())
	if (half && (side > 0 || side == 0 && quotient.Bit(0) == 1)) || (!half && rest.Sign() > 0) {
		quotient.Add(quotient, big.NewInt(1))
	}
	return quotient
}
func round12(r *big.Rat) string { // AUB-CHG-79ca
	tera := big.NewInt(1_000_000_000_000)
	return text(zero().SetFrac(whole(mul(r, zero().SetInt(tera)), true), tera))
}
func text(r *big.Rat) string { // canonical: no exponent, no zeros at the end after the point
	return strings.TrimRight(strings.TrimRight(r.FloatString(60), "0"), ".")
}
func values(o obj) (all []obj) {
	for _, value := range o {
		all = append(all, value.(obj))
	}
	return all
}
func keys(o obj) (all []string) {
	for name := range o {
		all = append(all, name)
	}
	return all
}
