// Command checkfit compares the values of a fit with the truth.
//
//	checkfit summary.json truth.json
//
// The truth is an object of nodes, each an object of parameters. Every value
// must be within a thousandth of it; that is what a fit to a recording with
// 24 bits reaches with digits to spare.
package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
)

const tolerance = 1e-3

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: checkfit summary.json truth.json")
		os.Exit(2)
	}
	if err := check(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "checkfit:", err)
		os.Exit(1)
	}
}

func check(summaryPath, truthPath string) error {
	var summary struct {
		Params []struct {
			Node, Param string
			Value       any // a number, or an array for a vector
		}
	}
	var truth map[string]map[string]float64
	if err := read(summaryPath, &summary); err != nil {
		return err
	}
	if err := read(truthPath, &truth); err != nil {
		return err
	}
	got := map[string]float64{}
	for _, p := range summary.Params {
		if v, ok := p.Value.(float64); ok {
			got[p.Node+"."+p.Param] = v
		}
	}
	var names []string
	want := map[string]float64{}
	for node, params := range truth {
		for param, v := range params {
			names = append(names, node+"."+param)
			want[node+"."+param] = v
		}
	}
	sort.Strings(names)
	wrong := 0
	for _, name := range names {
		value, ok := got[name]
		off := math.Abs(value-want[name]) / math.Abs(want[name])
		verdict := "ok"
		if !ok || !(off <= tolerance) {
			verdict = "WRONG"
			wrong++
		}
		fmt.Printf("%-16s learned %-12.8g truth %-8g off by %.1e  %s\n", name, value, want[name], off, verdict)
	}
	if wrong > 0 || len(names) == 0 {
		return fmt.Errorf("%d of %d values are more than %g off", wrong, len(names), tolerance)
	}
	return nil
}

func read(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
