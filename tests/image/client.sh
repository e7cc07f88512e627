#!/bin/sh
# Stands for Traefik: takes its flag for the daemon's address, lists the containers, and asks for what it must not get.
# Prints a line with the status for each question, over and over.
for word; do
    case $word in
    --providers.*.endpoint=tcp://*) api=http://${word#*=tcp://} ;;
    esac
done

# Asks for the path $1, by POST when there is a body $2.
ask() {
    said=$(timeout 5 wget -S -O /dev/null ${2:+--post-data "$2"} "$api/v1.41$1" 2>&1)
    echo "$1 $(echo "$said" | sed -n 's,.*HTTP/1.1 \([0-9]*\).*,\1,p' | head -n 1)"
}

while true; do
    ask /version
    ask "$LISTS"
    ask /containers/create '{"Image":"busybox"}'
    ask /containers/web/exec '{"Cmd":["id"]}'
    ask /containers/web/archive?path=/etc
    echo asked
    sleep 1
done
