package jsontree_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ampfit/internal/jsontree"

	"github.com/stretchr/testify/require"
)

func TestValuesKnowTheirPlace(t *testing.T) {
	text := "{\n  \"é\": [1, {\"b\": true}],\n  \"c\": null}"
	v, problems := jsontree.Parse([]byte(text))
	require.Empty(t, problems)
	place := func(v *jsontree.Value) [2]int {
		line, col := jsontree.Position([]byte(text), v.Offset)
		return [2]int{line, col}
	}
	require.Equal(t, [2]int{1, 1}, place(v))
	list := v.Get("é")
	require.Equal(t, [2]int{2, 8}, place(list), "columns count characters, not bytes")
	require.Equal(t, [2]int{2, 9}, place(list.Items[0]))
	require.Equal(t, [2]int{2, 18}, place(list.Items[1].Get("b")))
	require.Equal(t, [2]int{3, 8}, place(v.Get("c")))
	require.Nil(t, v.Get("d"))
}

func TestFormatKeepsOrderAndNumbers(t *testing.T) {
	text := `{"z": 1.50, "a": [1e3, -0], "long": "` + strings.Repeat("x", 120) + `", "s": "<&>\u00e9"}`
	v, problems := jsontree.Parse([]byte(text))
	require.Empty(t, problems)
	v.Set("new", jsontree.NewNumbers([]float64{0.1, 2}))
	out := string(v.Format())
	require.True(t, strings.Index(out, `"z"`) < strings.Index(out, `"a"`))
	require.Contains(t, out, "1.50")
	require.Contains(t, out, `"<&>é"`)
	require.Contains(t, out, `"new": [0.1, 2]`)
	again, problems := jsontree.Parse([]byte(out))
	require.Empty(t, problems)
	require.Equal(t, out, string(again.Format()))
}

// Whatever the text is, the answer is a tree or a place in it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a": [1, 2, {"b": null}]}`, `[1,]`, `{"a":1,"a":2}`, `"\ud800"`, "\xef\xbb\xbf{}", "{}//", "[1e999]", "\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, problems := jsontree.Parse(data)
		for _, p := range problems {
			require.NotEmpty(t, p.Msg)
			line, col := jsontree.Position(data, p.Offset)
			require.True(t, line >= 1 && col >= 1)
		}
		if v == nil {
			require.NotEmpty(t, problems)
			return
		}
		out := v.Format()
		require.True(t, json.Valid(out), "%q gave %q", data, out)
		again, _ := jsontree.Parse(out)
		require.NotNil(t, again)
		require.Equal(t, string(out), string(again.Format()))
	})
}
