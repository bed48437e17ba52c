package nodedoc

import (
	"encoding/json"

	"ampfit/abi"
)

type object = map[string]any

// JSON describes types for programs.
func JSON(types []*abi.NodeType) ([]byte, error) {
	var out []object
	for _, t := range types {
		params, config := []object{}, []object{}
		for _, p := range t.Params {
			o := object{
				"name": p.Name, "role": p.Role.String(), "unit": p.Unit, "default": p.Default, "min": finite(p.Min), "max": finite(p.Max),
				"scale": p.Scale.String(), "mod": p.Mod, "vector": p.Vector, "doc": p.Doc, "learnable": !p.NoGradient, "held": p.Held,
			}
			if p.MaxRate > 0 {
				o["max_of_rate"] = p.MaxRate
				delete(o, "max")
			}
			params = append(params, o)
		}
		for _, k := range t.Config {
			config = append(config, object{"name": k.Name, "type": kindName(k.Kind), "default": k.Default, "allowed": k.Enum, "doc": k.Doc})
		}
		in, outs := ports(t, "")
		out = append(out, object{
			"name": t.Name, "aliases": append([]string{}, t.Aliases...), "family": t.Family, "doc": t.Doc, "detail": t.Detail, "source": t.Source,
			"inputs": append([]string{}, in...), "outputs": outs, "params": params, "config": config,
			"adjoint": t.Backward != nil || t.External, "example": json.RawMessage(Snippet(t)),
		})
	}
	return json.MarshalIndent(out, "", "  ")
}

func finite(x float64) any {
	if x > 1e300 || x < -1e300 {
		return nil
	}
	return x
}

// Schema is the JSON Schema (2020-12) of graph files.
func Schema(types []*abi.NodeType) ([]byte, error) {
	var names []string
	var rules []object
	for _, t := range types {
		for _, name := range append([]string{t.Name}, t.Aliases...) {
			names = append(names, name)
			rules = append(rules, object{
				"if":   object{"properties": object{"type": object{"const": name}}, "required": []string{"type"}},
				"then": object{"properties": object{"params": paramsSchema(t), "config": configSchema(t)}},
			})
		}
	}
	text := func(doc string) object { return object{"type": "string", "description": doc} }
	whole := func(lo, hi int, doc string) object {
		return object{"type": "integer", "minimum": lo, "maximum": hi, "description": doc}
	}
	number := func(doc string) object { return object{"type": "number", "description": doc} }
	comment := object{"description": "free text"}
	node := object{
		"type": "object", "additionalProperties": false, "required": []string{"name"},
		"properties": object{
			"name":             object{"type": "string", "pattern": `^[^.]+$`, "description": "unique, without a dot"},
			"type":             object{"type": "string", "description": "node type; may be left out when the name is one"},
			"config":           object{"type": "object"},
			"params":           object{"type": "object"},
			"oversample_ratio": object{"enum": []int{1, 2, 4, 8, 16}, "description": "the kernel runs at this multiple of the graph's rate"},
			"declared_delay":   whole(0, 1<<31, "whole latency of the node in frames, from invocation to visible output"),
			"supports_v2":      object{"type": "boolean", "description": "false turns the adjoint of the node off"},
			"gather":           object{"enum": []string{"concat", "sum"}, "description": "what several edges into one port become"},
			"library":          text("path of a C node library, relative to this file"),
			"comment":          comment,
		},
		// The list of types binds only nodes of the built-in library.
		"allOf": append([]object{{
			"if":   object{"not": object{"required": []string{"library"}}},
			"then": object{"properties": object{"type": object{"enum": names}}},
		}}, rules...),
	}
	edge := object{
		"type": "object", "additionalProperties": false, "required": []string{"source", "target"},
		"properties": object{
			"source":            text("node or node.port"),
			"target":            text("node, node.port or, for modulation, node.param"),
			"delay_frames":      whole(0, 1<<31, "frames by which the consumer sees the producer later"),
			"synchrony_gate_id": whole(0, 1<<31-1, "edges of one gate are aligned"),
			"synchrony_gates":   object{"type": "array", "items": whole(0, 1<<31-1, "a gate")},
			"mode":              object{"enum": []string{"add", "multiply", "mul"}, "description": "how modulation acts"},
			"scale":             number("factor of the modulator"),
			"channel":           whole(-1, 1<<20, "one source channel; -1 follows"),
			"comment":           comment,
		},
	}
	schema := object{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "ampfit graph",
		"type": "object", "additionalProperties": false, "required": []string{"nodes"},
		"properties": object{
			"descriptor_version": whole(0, 2, "2; files of version 1 still load"),
			"sample_rate":        object{"type": "number", "minimum": 1, "maximum": 1e7, "description": "Hz; absent: the target's"},
			"nodes":              object{"type": "array", "minItems": 1, "items": node},
			"edges":              object{"type": "array", "items": edge},
			"output":             text("node or node.port that is heard"),
			"ipls":               object{"type": "array", "items": object{"type": "array", "items": object{"type": "string"}}, "description": "stages of node names"},
			"loss":               text("loss of a fit, such as mrstft + 0.1*esr"),
			"groups":             object{"description": "free for editors"},
			"comment":            comment,
		},
	}
	return json.MarshalIndent(schema, "", "  ")
}

func paramsSchema(t *abi.NodeType) object {
	props := object{"thermo.heat": valueSchema(object{"type": "number", "description": "start value of the node's heat, joule"})}
	for _, p := range t.Params {
		v := object{"type": "number", "description": p.Doc, "default": p.Default}
		if p.Scale != abi.Periodic {
			v["minimum"] = p.Min
			if p.MaxRate == 0 {
				v["maximum"] = p.Max
			}
		}
		props[p.Name] = valueSchema(v)
	}
	return object{"type": "object", "additionalProperties": false, "properties": props}
}

// valueSchema is a number, an array or an object around one.
func valueSchema(v object) object {
	array := object{"type": "array", "minItems": 1, "items": v}
	value := object{"anyOf": []object{v, array}}
	number := object{"type": "number"}
	full := object{
		"type": "object", "additionalProperties": false,
		"properties": object{
			"value": value, "learn": object{"type": "boolean"}, "min": number, "max": number,
			"scale": object{"enum": []string{"linear", "log", "periodic"}}, "unit": object{"type": "string"}, "comment": object{},
			"prior": object{"type": "object", "additionalProperties": false, "required": []string{"mean", "std"}, "properties": object{"mean": number, "std": number}},
			"tie": object{
				"type": "object", "additionalProperties": false, "required": []string{"to"},
				"properties": object{"to": object{"type": "string"}, "scale": number, "offset": number},
			},
		},
	}
	return object{"anyOf": []object{v, array, full}}
}

func configSchema(t *abi.NodeType) object {
	props := object{}
	for _, k := range t.Config {
		o := object{}
		switch k.Kind {
		case abi.String, abi.File:
			o["type"] = "string"
			if len(k.Enum) > 0 {
				o["enum"] = k.Enum
			}
		case abi.Bool:
			o["type"] = "boolean"
		case abi.Int, abi.Number:
			o["type"] = "number"
			if k.Kind == abi.Int {
				o["type"] = "integer"
			}
			if k.Min != k.Max {
				o["minimum"], o["maximum"] = k.Min, k.Max
			}
		case abi.Numbers:
			o["type"], o["items"] = "array", object{"type": "number"}
		case abi.Strings:
			o["type"], o["items"] = "array", object{"type": "string"}
		case abi.Pairs:
			o["type"] = "array"
			o["items"] = object{"type": "array", "minItems": 2, "maxItems": 2, "items": object{"type": "number"}}
		}
		o["description"] = k.Doc
		if k.Default != nil {
			o["default"] = k.Default
		}
		props[k.Name] = o
	}
	return object{"type": "object", "additionalProperties": false, "properties": props}
}
