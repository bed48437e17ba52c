// Command ampfit learns the parameters of an audio graph from a recording.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"ampfit/abi/cnode"
	"ampfit/internal/suggest"
	"ampfit/internal/text"
	_ "ampfit/nodes"
	"ampfit/optim"
	"ampfit/optim/loss"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit codes.
const (
	exitFailed      = 1   // the fit or the check failed
	exitUsage       = 2   // bad usage or bad input
	exitInterrupted = 130 // stopped by the user; the best so far is written
)

// exit carries an exit code with an error; the text may be empty when all has
// been said.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// failed marks an error that is no fault of the input.
func failed(err error) error { return &exit{exitFailed, err} }

func main() {
	cnode.OnFault = onFault
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() { // a second Ctrl-C ends the program at once
		<-ctx.Done()
		stop()
	}()
	os.Exit(execute(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// execute is the program; it returns the exit code.
func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	results := &resultWriter{to: stdout}
	root := newRoot(results, stderr)
	root.SetArgs(args)
	root.SetOut(results)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if results.err != nil {
		if err == nil || errors.Is(err, results.err) {
			err = fmt.Errorf("the results could not be printed: %w", results.err)
		}
		err = failed(err)
	}
	if err == nil {
		return 0
	}
	if msg := err.Error(); msg != "" {
		for _, line := range strings.Split(msg, "\n") {
			fmt.Fprintln(stderr, "ampfit: "+line)
		}
	}
	var e *exit
	if errors.As(err, &e) {
		return e.code
	}
	return exitUsage
}

// resultWriter keeps the first error of writing results, so that no command
// passes for done whose results reached nobody.
type resultWriter struct {
	to  io.Writer
	err error
}

func (w *resultWriter) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	f := &fitCommand{stdout: stdout, stderr: stderr}
	root := &cobra.Command{
		Use:   "ampfit TARGET.wav GRAPH.json",
		Short: "Learn the parameters of an audio graph from a recording",
		Long: `ampfit takes a recording and a graph of audio nodes and learns the node
parameters that make the graph sound like the recording.

  ampfit target.wav graph.json -i dry.wav     an effect: the dry signal goes in
  ampfit target.wav graph.json                a synthesiser: nothing goes in

The result is written into TARGET.fit/ beside the target: the fitted graph, its
sound, plots, and a report to listen to. Exit codes: 0 done, 1 the fit failed,
2 bad usage or bad input, 130 interrupted (the best so far is written).`,
		Args:          twoFiles,
		SilenceErrors: true, SilenceUsage: true,
		Version: version(),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.Help()
			}
			return f.run(c.Context(), args[0], args[1])
		},
	}
	root.Long += "\n\n" + choices()
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetVersionTemplate("ampfit {{.Version}}\n")
	f.flags(root.Flags())
	root.AddCommand(newRender(stdout, stderr), newCheck(stdout, stderr), newGraph(stdout, stderr), newNodes(stdout), newLoss(stdout), newSchema(stdout), newNodehost())
	root.SetFlagErrorFunc(flagError)
	return root
}

// flagError says what is wrong with a flag in the words of the user.
func flagError(c *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	var unknown *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		want := map[string]string{
			"int": "a whole number is needed", "uint64": "a whole number from 0 is needed", "float64": "a number is needed",
			"duration": "a time with its unit is needed, such as 500ms, 30s or 5m", "bool": "true or false is needed",
		}[f.Value.Type()]
		if want != "" {
			return fmt.Errorf("--%s %q: %s", f.Name, invalid.GetValue(), want)
		}
	case errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1:
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if near := suggest.Nearest(unknown.GetSpecifiedName(), names); near != "" {
			return fmt.Errorf("%s has no flag --%s; did you mean --%s?", c.CommandPath(), unknown.GetSpecifiedName(), near)
		}
		return fmt.Errorf("%s has no flag --%s; see %s --help", c.CommandPath(), unknown.GetSpecifiedName(), c.CommandPath())
	}
	return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
}

// interruptible runs work that does not look at the context, and stops waiting
// for it when the user interrupts.
func interruptible(ctx context.Context, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- work() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return errInterrupted
	}
}

// reading runs work that reads the inputs of a fit. An interrupt ends it only
// where it hangs, as at a pipe that nobody writes to: a fit whose inputs are
// read still writes what it has.
func reading(ctx context.Context, work func() error) error {
	late, cancel := context.WithCancel(context.Background())
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(readingGrace, cancel) })()
	return interruptible(late, work)
}

const readingGrace = time.Second

var errInterrupted = &exit{exitInterrupted, errors.New("interrupted")}

// misspelt returns the command that a first argument which is no file was
// meant to be.
func misspelt(c *cobra.Command, arg string) string {
	if _, err := os.Stat(arg); err == nil || strings.ContainsAny(arg, "./\\") {
		return ""
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return suggest.Nearest(arg, names)
}

// choices lists what --loss and --optimizer take.
func choices() string {
	var b strings.Builder
	b.WriteString("Losses (--loss; sums such as \"mrstft + 0.1*esr\" too):\n")
	var rows [][]string
	for _, l := range loss.Names() {
		rows = append(rows, []string{"  " + l[0], l[1]})
	}
	text.Columns(&b, rows)
	b.WriteString("\nOptimizers (--optimizer):\n")
	rows = nil
	for _, m := range optim.Methods() {
		rows = append(rows, []string{"  " + m[0], m[1]})
	}
	text.Columns(&b, rows)
	return strings.TrimRight(b.String(), "\n")
}

// swapped reports whether a graph was given in the place of the recording.
func swapped(target, graph string) bool {
	json := func(path string) bool { return strings.EqualFold(filepath.Ext(path), ".json") }
	return !isWav(target) && (isWav(graph) || json(target) && !json(graph))
}

// isWav reports whether a file begins as a recording does. Only files are opened: a pipe
// would lose what is read.
func isWav(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var head [4]byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && slices.Contains([]string{"RIFF", "RF64", "RIFX"}, string(head[:]))
}

func twoFiles(c *cobra.Command, args []string) error {
	switch {
	case len(args) > 0 && misspelt(c, args[0]) != "":
		return fmt.Errorf("%q is no file and no command; did you mean ampfit %s?", args[0], misspelt(c, args[0]))
	case len(args) == 2 && swapped(args[0], args[1]):
		return fmt.Errorf("%s is no recording: the graph comes second, ampfit %s %s", args[0], args[1], args[0])
	case len(args) == 2:
		return nil
	case len(args) == 0 && c.Flags().NFlag() == 0:
		return nil // shows help
	case len(args) == 0:
		return fmt.Errorf("two files are needed: ampfit TARGET.wav GRAPH.json; see ampfit --help")
	case len(args) == 1:
		return fmt.Errorf("%q is one file, or no command of ampfit; a fit needs two: ampfit TARGET.wav GRAPH.json; see ampfit --help", args[0])
	}
	return fmt.Errorf("two files are needed, %d were given: ampfit TARGET.wav GRAPH.json; see ampfit --help", len(args))
}
