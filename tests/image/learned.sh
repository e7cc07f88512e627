#!/bin/sh
# Plays the client of docs/learning.md. With `first` it sends the requests that are learned, with `again` some that the policy denies.
api=http://${DOCKER_HOST#tcp://}/v1.45

# Asks for the path $1, by POST when there is a body $2, empty or not.
ask() {
    wget -q -O - ${2+--header "Content-Type: application/json" --post-data "$2"} "$api$1" || true
}

# Runs a command, given as a JSON list, in a container.
execute() {
    id=$(ask /containers/shop-db-1/exec "{\"Cmd\":$1}" | sed 's/.*"Id":"\([0-9a-f]*\)".*/\1/')
    [ -z "$id" ] || ask "/exec/$id/start" '{"Detach":true}'
}

case $1 in
first)
    for _ in 1 2 3; do
        ask /_ping
        ask /containers/json
        ask /containers/shop-db-1/json
    done
    ask '/containers/shop-db-1/restart?t=0' ''
    execute '["pg_dump","shop"]'
    execute '["pg_dump","shop"]'
    ;;
again)
    ask /info
    ask /info
    execute '["psql","-l"]'
    ;;
esac >/dev/null
