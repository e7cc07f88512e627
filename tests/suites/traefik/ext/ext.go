// Package ext has the types that Traefik's published module leaves out.
package ext

type (
	HTTP       struct{}
	Router     struct{}
	Middleware struct{}
	Service    struct{}
	TCPRouter  struct{}
	UDPRouter  struct{}
)
