// Traefik's own provider for Docker: prints each configuration that it makes from the containers, as a line of JSON.
//
// The first argument is the address of the engine.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/traefik/traefik/v3/pkg/config/dynamic"
	"github.com/traefik/traefik/v3/pkg/provider/docker"
	"github.com/traefik/traefik/v3/pkg/safe"
)

func main() {
	provider := docker.Provider{}
	provider.SetDefaults()
	provider.Endpoint = os.Args[1]
	must(provider.Init())
	made := make(chan dynamic.Message)
	must(provider.Provide(made, safe.NewPool(context.Background())))
	for message := range made {
		line, err := json.Marshal(message.Configuration.HTTP)
		must(err)
		fmt.Println(string(line))
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
