package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
)

// HistoryCSV writes the steps as a table: step, loss, best, grad_norm, seconds,
// then the heat of each node and each value by its name. Numbers have all their
// digits; what a step does not hold is empty.
func HistoryCSV(w io.Writer, f *Fit) error {
	heats, values := len(f.HeatNodes), len(f.ValueNames)
	for _, s := range f.Steps {
		heats, values = max(heats, len(s.Heat)), max(values, len(s.Values))
	}
	head := []string{"step", "loss", "best", "grad_norm", "seconds"}
	for i := range heats {
		head = append(head, "heat."+name(f.HeatNodes, i))
	}
	for i := range values {
		head = append(head, name(f.ValueNames, i))
	}
	out := csv.NewWriter(w)
	if err := out.Write(head); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for _, s := range f.Steps {
		line := []string{strconv.Itoa(s.Step)}
		for _, v := range []float64{s.Loss, s.Best, s.GradNorm, s.Seconds} {
			line = append(line, strconv.FormatFloat(v, 'g', -1, 64))
		}
		line = appendNumbers(line, s.Heat, heats)
		line = appendNumbers(line, s.Values, values)
		if err := out.Write(line); err != nil {
			return fmt.Errorf("report: %w", err)
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

func appendNumbers(line []string, values []float64, n int) []string {
	for i := range n {
		cell := ""
		if i < len(values) {
			cell = strconv.FormatFloat(values[i], 'g', -1, 64)
		}
		line = append(line, cell)
	}
	return line
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "value_" + strconv.Itoa(i)
}
