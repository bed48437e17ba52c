// Command ampfit learns the parameters of an audio graph from a recording.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	_ "ampfit/nodes"

	"github.com/spf13/cobra"
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // a second Ctrl-C ends the program at once
		<-ctx.Done()
		stop()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
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
		RunE: func(c *cobra.Command, args []string) error { return f.run(c.Context(), args[0], args[1]) },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	f.flags(root.Flags())
	root.AddCommand(newRender(stdout, stderr), newCheck(stdout, stderr), newNodes(stdout), newLoss(stdout), newSchema(stdout))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, c.CommandPath())
	})
	return root
}

func twoFiles(c *cobra.Command, args []string) error {
	switch {
	case len(args) == 2:
		return nil
	case len(args) == 0:
		return fmt.Errorf("two files are needed: ampfit TARGET.wav GRAPH.json; see ampfit --help")
	case len(args) == 1:
		return fmt.Errorf("%q: is one file, or no command of ampfit; a fit needs two: ampfit TARGET.wav GRAPH.json; see ampfit --help", args[0])
	}
	return fmt.Errorf("two files are needed, %d were given: ampfit TARGET.wav GRAPH.json; see ampfit --help", len(args))
}
