package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"ampfit/abi/cnode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// isolateFlags say where node libraries run.
type isolateFlags struct {
	inProcess, isolate bool
	limit              time.Duration
}

func (f *isolateFlags) add(fs *pflag.FlagSet) {
	fs.BoolVar(&f.inProcess, "in-process", false, "run node libraries within this process, some 30 µs a call faster: for libraries you trust, as a crash there ends the program")
	fs.BoolVar(&f.isolate, "isolate", false, "run node libraries in a process of their own (the default)")
	fs.DurationVar(&f.limit, "isolate-limit", cnode.CallLimit, "end a node library whose call takes longer")
}

func (f *isolateFlags) check() error {
	if f.limit <= 0 {
		return fmt.Errorf("--isolate-limit %s: a time above 0 is needed", f.limit)
	}
	if f.inProcess && f.isolate {
		return fmt.Errorf("--isolate and --in-process contradict each other; leave one out")
	}
	cnode.Isolate(f.limit)
	if f.inProcess {
		cnode.Isolate(0)
	}
	return nil
}

// newNodehost is what a child process is called: the init of package cnode has
// served it before it comes to this.
func newNodehost() *cobra.Command {
	return &cobra.Command{
		Use: "nodehost LIBRARY", Short: "Hold a node library for another ampfit", Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			return fmt.Errorf("nodehost is started by ampfit itself, for node libraries")
		},
	}
}

// libraryFault is what a node library did wrong while a fit ran that can still write
// its best.
var libraryFault struct {
	sync.Mutex
	first *cnode.Fault
	end   context.CancelFunc // of the fit; nil outside of one
}

// onFault ends a fit with its best so far where that is possible, else the
// program: nothing that the library returned can be used.
func onFault(f *cnode.Fault) {
	libraryFault.Lock()
	defer libraryFault.Unlock()
	if f.Intact && libraryFault.end != nil {
		if libraryFault.first == nil {
			libraryFault.first = f
		}
		libraryFault.end()
		return
	}
	fmt.Fprintln(os.Stderr, "ampfit: "+f.Error())
	os.Exit(exitFailed)
}

// untilFault returns a context that a fault of a library ends, and a function
// that ends this and tells what the fault was, nil for none.
func untilFault(ctx context.Context) (context.Context, func() *cnode.Fault) {
	ctx, cancel := context.WithCancel(ctx)
	libraryFault.Lock()
	defer libraryFault.Unlock()
	libraryFault.first, libraryFault.end = nil, cancel
	return ctx, func() *cnode.Fault {
		cancel()
		libraryFault.Lock()
		defer libraryFault.Unlock()
		libraryFault.end = nil
		return libraryFault.first
	}
}
