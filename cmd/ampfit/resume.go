package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"ampfit/graph"
	"ampfit/internal/report"
	"ampfit/internal/text"
	"ampfit/internal/wav"
	"ampfit/optim"
)

// earlier reads the result of an earlier fit from its directory, and the loss that
// it minimised, which is this one's unless --loss says otherwise. It refuses one
// of another graph or target; optim.Fit refuses one that learned something else.
func (f *fitCommand) earlier(dir string, g *graph.Graph, target *wav.Audio) (*optim.Resumed, string, error) {
	missing := func(name string, err error) error {
		path := filepath.Join(dir, name)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s: no such file, so there is no earlier fit to resume; name its directory with -o, or leave --resume out", path)
		}
		return fmt.Errorf("%s: the earlier fit cannot be resumed (%v)", path, reason(err))
	}
	path := filepath.Join(dir, "graph.json")
	if _, err := os.Stat(path); err != nil {
		return nil, "", missing("graph.json", err)
	}
	fitted, err := graph.Load(path)
	if err != nil {
		return nil, "", err
	}
	if what := g.Differs(fitted); what != "" {
		return nil, "", fmt.Errorf("%s: it is no fit of %s: %s; start anew without --resume", path, g.Path, what)
	}
	sound, err := wav.Read(filepath.Join(dir, "fit.wav"))
	if err != nil {
		return nil, "", missing("fit.wav", err)
	}
	if sound.Rate != target.Rate || sound.Channels != target.Channels || sound.Frames() != target.Frames() && !f.align {
		return nil, "", fmt.Errorf("%s: the earlier fit was of another target: it has %s, %s, %d Hz, and this target %s, %s, %d Hz; start anew without --resume", filepath.Join(dir, "fit.wav"),
			text.Count(sound.Frames(), "frame"), text.Count(sound.Channels, "channel"), sound.Rate, text.Count(target.Frames(), "frame"), text.Count(target.Channels, "channel"), target.Rate)
	}
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	if err != nil {
		return nil, "", missing("summary.json", err)
	}
	var summary struct {
		Loss struct {
			Name string `json:"name"`
		} `json:"loss"`
	}
	if err := json.Unmarshal(text, &summary); err != nil {
		return nil, "", missing("summary.json", err)
	}
	if text, err = os.ReadFile(filepath.Join(dir, "history.csv")); err != nil {
		return nil, "", missing("history.csv", err)
	}
	past, err := report.ReadHistory(bytes.NewReader(text), len(fitted.Nodes))
	if err != nil {
		return nil, "", missing("history.csv", err)
	}
	r := &optim.Resumed{LossName: summary.Loss.Name, Variables: past.ValueNames, HeatNodes: past.HeatNodes, Values: map[string]map[string][]float64{}}
	for _, s := range past.Steps {
		r.History = append(r.History, optim.Step(s))
	}
	for _, n := range fitted.Nodes {
		r.Values[n.Name] = map[string][]float64{}
		for _, s := range n.Settings {
			r.Values[n.Name][s.Name] = s.Value
		}
	}
	spec := f.loss
	if spec == "" {
		spec = heatTerm.ReplaceAllString(summary.Loss.Name, "")
	}
	return r, spec, nil
}

// heatTerm is what --heat-weight adds to the name of a loss: it adds it again.
var heatTerm = regexp.MustCompile(` [+-] \S+\*heat$`)
