package main

import (
	"fmt"
	"io"

	"ampfit/abi"
	"ampfit/internal/nodedoc"
	"ampfit/internal/suggest"

	"github.com/spf13/cobra"
)

func newNodes(stdout io.Writer) *cobra.Command {
	var asJSON, markdown, roles bool
	c := &cobra.Command{
		Use:   "nodes [TYPE or word]",
		Short: "The node library, documented",
		Long: `nodes lists the node types; with the name of one it documents that, with another word
it lists those that have it in their name, their documentation or their parameters.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("one node type at most, %d were given: ampfit nodes [TYPE]", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			types := abi.Types()
			if len(args) == 1 {
				t, err := nodeType(args[0], types)
				if found := nodedoc.Search(types, args[0]); err != nil && found != "" {
					_, err = fmt.Fprintf(stdout, "node types with %q; ampfit nodes TYPE says more about one\n%s", args[0], found)
					return err
				}
				if err != nil {
					return err
				}
				types = []*abi.NodeType{t}
			}
			text := ""
			switch {
			case asJSON:
				out, err := nodedoc.JSON(types)
				if err != nil {
					return failed(err)
				}
				text = string(out) + "\n"
			case roles:
				text = nodedoc.Roles()
			case markdown:
				text = nodedoc.Markdown(types)
			case len(args) == 1:
				text = nodedoc.Text(types[0])
			default:
				text = nodedoc.Overview(types)
			}
			_, err := io.WriteString(stdout, text)
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&markdown, "markdown", false, "print the node reference as Markdown")
	c.Flags().BoolVar(&roles, "roles", false, "print the roles that parameters have")
	return c
}

func nodeType(name string, types []*abi.NodeType) (*abi.NodeType, error) {
	if t := abi.Lookup(name); t != nil {
		return t, nil
	}
	var names []string
	for _, t := range types {
		names = append(names, t.Name)
	}
	if near := suggest.Nearest(name, names); near != "" {
		return nil, fmt.Errorf("there is no node type %q; did you mean %q?", name, near)
	}
	return nil, fmt.Errorf("there is no node type %q; `ampfit nodes` lists all %d", name, len(names))
}

func newSchema(stdout io.Writer) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of graph files",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("ampfit schema takes no arguments, %d were given", len(args))
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error {
			text, err := nodedoc.Schema(abi.Types())
			if err != nil {
				return failed(err)
			}
			_, err = fmt.Fprintf(stdout, "%s\n", text)
			return err
		},
	}
}
