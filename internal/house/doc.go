// Package house holds tests of how this tree is built: who imports whom, how long
// a function may be, and who may know a node by its name. Each reads the sources.
package house
