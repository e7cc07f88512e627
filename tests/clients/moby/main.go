// Calls every method of the Docker client for Go once, and prints each result or error.
//
// DOCKER_HOST leads to the engine. Arguments: the engine's own address, for calls that only wait; a tar archive
// that contains hello.txt; a name prefix for everything that is created.
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/client"
)

// caller calls methods by name, so that it knows which ones were not called.
type caller struct {
	client *client.Client
	aside  *client.Client
	left   map[string]bool
	prefix string
	hello  []byte
}

func main() {
	archive, err := os.ReadFile(os.Args[2])
	must(err)
	c := caller{client: connect(client.FromEnv), aside: connect(client.WithHost(os.Args[1])), left: map[string]bool{}}
	c.prefix, c.hello = os.Args[3], archive
	for i := range reflect.TypeOf(c.client).NumMethod() {
		c.left[reflect.TypeOf(c.client).Method(i).Name] = true
	}
	c.system()
	c.containers()
	c.images()
	c.networksAndVolumes()
	c.plugins()
	c.swarm()
	c.call("Close")
	if left := slices.Sorted(maps.Keys(c.left)); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "not called:", strings.Join(left, ", "))
		os.Exit(1)
	}
}

func connect(options ...client.Opt) *client.Client {
	made, err := client.New(options...)
	must(err)
	return made
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// call calls a method, prints its results, and returns the first one.
func (c *caller) call(method string, arguments ...any) any {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	function := reflect.ValueOf(c.client).MethodByName(method)
	if !function.IsValid() {
		panic("the client has no method " + method)
	}
	delete(c.left, method)
	var in []reflect.Value
	if kind := function.Type(); kind.NumIn() > 0 && kind.In(0) == reflect.TypeFor[context.Context]() {
		in = append(in, reflect.ValueOf(ctx))
	}
	for _, argument := range arguments {
		in = append(in, reflect.ValueOf(argument))
	}
	results := function.Call(in)
	if last := results[len(results)-1]; last.Type() == reflect.TypeFor[error]() && !last.IsNil() {
		fmt.Printf("%s: error: %v\n", method, last.Interface())
		return results[0].Interface()
	}
	fmt.Printf("%s: %s\n", method, render(method, results[0].Interface()))
	return results[0].Interface()
}

// got is the result of a call with the method's type.
func got[Result any](result any) Result { return result.(Result) }

// eventually waits for something that the client must not ask for repeatedly, because its requests are counted.
func eventually(what string, check func() bool) {
	for range 600 {
		if check() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	panic(what + ": not within 30 s")
}
