#!/bin/sh
# Stands in for Traefik, or for a client that reads DOCKER_HOST: takes the daemon's address from where that client does,
# lists the containers, and asks for what it must not get. Prints a line with the status of each request, over and over.
api=http://${DOCKER_HOST#tcp://}
for word; do
    case $word in
    --providers.*.endpoint=tcp://*) api=http://${word#*=tcp://} ;;
    esac
done

# Requests the path $1, with POST if there is a body $2.
ask() {
    said=$(timeout 5 wget -S -O /dev/null ${2:+--header Content-Type:application/json --post-data "$2"} "$api/v1.41$1" 2>&1)
    echo "$1 $(echo "$said" | sed -n 's,.*HTTP/1.1 \([0-9]*\).*,\1,p' | head -n 1)"
}

while true; do
    ask /version
    ask "$LISTS"
    ask /info
    ask /containers/create '{"Image":"busybox"}'
    ask /containers/web/exec '{"Cmd":["id"]}'
    ask /containers/web/archive?path=/etc
    echo asked
    sleep 1
done
