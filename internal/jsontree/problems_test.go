package jsontree_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"ampfit/internal/jsontree"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseFindsProblems(t *testing.T) {
	for _, tc := range []struct {
		text, msg string
		offset    int
	}{
		{`{"a": 1,}`, "nothing follows this comma but '}'; remove the comma", 7},
		{`[1, 2`, "the text ends before the JSON value does; a bracket or brace may be missing", 5},
		{`{"a": 1} x`, "this is not JSON: invalid character 'x' after top-level value", 9},
		{`[1e999]`, "the number 1e999 is too large", 1},
		{`[-1e999]`, "the number -1e999 is too large", 1},
		{strings.Repeat("[", 300) + strings.Repeat("]", 300), "brackets are nested more than 200 deep", 200},
	} {
		v, problems := jsontree.Parse([]byte(tc.text))
		require.Nil(t, v, tc.text)
		require.Equal(t, []jsontree.Problem{{Offset: tc.offset, Msg: tc.msg}}, problems, tc.text)
	}
}

// A key that stands twice is a problem, not the end: the first one counts.
func TestDuplicateKeys(t *testing.T) {
	v, problems := jsontree.Parse([]byte(`{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}`))
	require.Equal(t, []jsontree.Problem{
		{Offset: 23, Msg: `the key "c" stands here a second time; keep one of them`},
		{Offset: 32, Msg: `the key "a" stands here a second time; keep one of them`},
	}, problems)
	require.Equal(t, 1.0, v.Get("a").Num)
	require.Equal(t, 1.0, v.Get("b").Get("c").Num)
}

func TestPositionCountsCharacters(t *testing.T) {
	data := []byte("ab\näö\r\nc")
	for offset, want := range map[int][2]int{0: {1, 1}, 2: {1, 3}, 3: {2, 1}, 5: {2, 2}, 7: {2, 3}, 9: {3, 1}, 100: {3, 2}, -1: {1, 1}} {
		line, col := jsontree.Position(data, offset)
		require.Equal(t, want, [2]int{line, col}, "offset %d", offset)
	}
}

// Whatever it is, the text that Format writes says what was read.
func TestFormatSaysTheSame(t *testing.T) {
	var draw func(t *rapid.T, depth int) any
	draw = func(t *rapid.T, depth int) any {
		kinds := 6
		if depth > 3 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(t, "number")
		case 3:
			return rapid.String().Draw(t, "text")
		case 4:
			list := []any{}
			for range rapid.IntRange(0, 4).Draw(t, "items") {
				list = append(list, draw(t, depth+1))
			}
			return list
		}
		m := map[string]any{}
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			m[rapid.String().Draw(t, "key")] = draw(t, depth+1)
		}
		return m
	}
	rapid.Check(t, func(t *rapid.T) {
		was := draw(t, 0)
		text, err := json.Marshal(was)
		require.NoError(t, err)
		v, problems := jsontree.Parse(text)
		require.Empty(t, problems)
		out := v.Format()
		require.JSONEq(t, string(text), string(out))
		again, problems := jsontree.Parse(out)
		require.Empty(t, problems)
		require.Equal(t, string(out), string(again.Format()))
	})
}
