package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
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
		if i < len(values) && !math.IsNaN(values[i]) {
			cell = strconv.FormatFloat(values[i], 'g', -1, 64)
		}
		line = append(line, cell)
	}
	return line
}

// ReadHistory reads what HistoryCSV wrote of a fit of so many nodes: Steps,
// HeatNodes and ValueNames.
func ReadHistory(r io.Reader, nodes int) (*Fit, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	if len(rows) == 0 || len(rows[0]) < 5 || rows[0][0] != "step" || rows[0][4] != "seconds" {
		return nil, fmt.Errorf("report: this is no history of a fit: it has no columns step, loss, best, grad_norm, seconds")
	}
	f := &Fit{}
	for _, column := range rows[0][5:] {
		if len(f.HeatNodes) < nodes {
			f.HeatNodes = append(f.HeatNodes, strings.TrimPrefix(column, "heat."))
		} else {
			f.ValueNames = append(f.ValueNames, column)
		}
	}
	for n, row := range rows[1:] {
		numbers := make([]float64, len(row))
		for i, cell := range row {
			if cell == "" {
				numbers[i] = math.NaN()
			} else if numbers[i], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, fmt.Errorf("report: line %d, %s: %q is no number", n+2, rows[0][i], cell)
			}
		}
		heats := 5 + len(f.HeatNodes)
		f.Steps = append(f.Steps, Step{
			Step: int(numbers[0]), Loss: numbers[1], Best: numbers[2], GradNorm: numbers[3], Seconds: numbers[4], Heat: numbers[5:heats], Values: numbers[heats:],
		})
	}
	return f, nil
}

func name(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "value_" + strconv.Itoa(i)
}
