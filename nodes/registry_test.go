package nodes_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
)

// Graph files rely on the names, ports, parameters, units, defaults and ranges of
// the library: testdata/registry.txt is what they are promised, and nothing may
// differ from it by accident. A line that changes is a change for users, and
// belongs in the changelog.
func TestRegistryIsWhatGraphsRelyOn(t *testing.T) {
	want, err := os.ReadFile("testdata/registry.txt")
	require.NoError(t, err)
	require.Equal(t, strings.Split(string(want), "\n"), strings.Split(registryText(), "\n"))
}

// Analysis and search know parameters by their role only.
func TestEveryParameterHasARole(t *testing.T) {
	for _, typ := range abi.Types() {
		for _, p := range typ.Params {
			require.NotEqual(t, abi.NoRole, p.Role, "%s.%s", typ.Name, p.Name)
		}
	}
	for _, name := range abi.Roles() {
		r, err := abi.ParseRole(name)
		require.NoError(t, err)
		require.Equal(t, name, r.String())
	}
}

// later are the numbered parameters behind a first one like them.
var later = regexp.MustCompile(`_[1-9][0-9]*$`)

// registryText lists the types: parameters as "name unit = default [min, max]
// scale mod", keys as "config: name = default allowed".
func registryText() string {
	var b strings.Builder
	for _, t := range abi.Types() {
		b.WriteString(t.Name)
		for _, a := range t.Aliases {
			b.WriteString(" or " + a)
		}
		fmt.Fprintf(&b, " (%s -> %s)", strings.Join(t.Inputs, ", "), strings.Join(t.Outputs, ", "))
		if t.Backward == nil && !t.External {
			b.WriteString(" no adjoint")
		}
		b.WriteString("\n")
		for _, p := range t.Params {
			if p.Name != "" && later.MatchString(p.Name) {
				continue
			}
			fmt.Fprintf(&b, "  %s", p.Name)
			if p.Vector {
				b.WriteString(" vector")
			}
			if p.Unit != "" {
				b.WriteString(" " + p.Unit)
			}
			fmt.Fprintf(&b, " = %.6g", p.Default)
			switch {
			case p.Scale == abi.Periodic:
			case p.MaxRate > 0:
				fmt.Fprintf(&b, " [%g, %gfs]", p.Min, p.MaxRate)
			default:
				fmt.Fprintf(&b, " [%.6g, %.6g]", p.Min, p.Max)
			}
			if p.Scale != abi.Linear {
				b.WriteString(" " + p.Scale.String())
			}
			if p.Mod {
				b.WriteString(" mod")
			}
			if p.NoGradient {
				b.WriteString(" no gradient")
			}
			b.WriteString("\n")
		}
		for _, k := range t.Config {
			fmt.Fprintf(&b, "  config: %s", k.Name)
			if k.Default != nil {
				fmt.Fprintf(&b, " = %v", k.Default)
			}
			if len(k.Enum) > 0 {
				b.WriteString(" " + strings.Join(k.Enum, "|"))
			} else if k.Min != k.Max {
				fmt.Fprintf(&b, " [%.6g, %.6g]", k.Min, k.Max)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
