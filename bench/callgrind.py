"""Counts the instructions of one kind of request and prints the ten most expensive functions. Run by callgrind.sh."""

import http.client
import re
import subprocess
import sys
from collections import Counter

from stage import HERE, LIST, Stage, Wrong, end, stop_at_signals

KINDS = {
    "ping": ("GET", "/_ping", 200),
    "list": ("GET", LIST, 200),
    "denied": ("POST", "/v1.41/containers/create", 403),
    # The same creation of a container, forwarded as it is and checked.
    "passed": ("POST", "/v1.41/containers/create", 201),
    "judged": ("POST", "/v1.41/containers/create", 201),
}
BODY = (HERE / "create.json").read_bytes()
# Enough for several sockets to be ready at once, as under load; few enough to be fast under valgrind.
CONNECTIONS = 8
# A row of callgrind_annotate: instructions, share, file, function, and the object if it is known.
ROW = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+[^:\n]*:(\S.*?)(?: \[[^]]*\])?$", re.MULTILINE)


def drive(connections, method, path, status, requests):
    """Sends on every connection, then reads from every connection, until all requests are answered."""
    for _ in range(requests // CONNECTIONS):
        for connection in connections:
            # The head that wrk sends: only Host.
            connection.putrequest(method, path, skip_accept_encoding=True)
            if status == 201:
                connection.putheader("Content-Type", "application/json")
                connection.putheader("Content-Length", str(len(BODY)))
                connection.endheaders(BODY)
            else:
                connection.endheaders()
        for connection in connections:
            reply = connection.getresponse()
            reply.read()
            if reply.status != status:
                raise Wrong(f"{method} {path} answered {reply.status}, not {status}")


def count(switch, server):
    """Turns counting on or off."""
    command = ["callgrind_control", "-i", switch, str(server.process.pid)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode != 0:
        raise Wrong(f"{' '.join(command)}: {said.stdout}{said.stderr}")


def profile(stage, kind, requests):
    out = stage.folder / "callgrind.out"
    # Startup is not counted, nor are the first requests, which open connections and fill caches.
    valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={out}"]
    policy = HERE / ("create.toml" if kind == "judged" else "policy.toml")
    environment = {"CONTAINERS": "1", "POST": "1"} if kind == "passed" else None
    server = stage.dockgate("dockgate", stage.daemon(), policy, valgrind, environment=environment)
    connections = [http.client.HTTPConnection("127.0.0.1", server.port, timeout=60) for _ in range(CONNECTIONS)]
    drive(connections, *KINDS[kind], 20 * CONNECTIONS)
    count("on", server)
    drive(connections, *KINDS[kind], requests)
    count("off", server)
    for connection in connections:
        connection.close()
    end(server)
    annotated = subprocess.run(
        ["callgrind_annotate", "--auto=no", "--threshold=100", out],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # One function has a row for each file from which code was inlined into it.
    cost = Counter()
    for instructions, function in ROW.findall(annotated):
        cost[function] += int(instructions.replace(",", ""))
    return cost


def main():
    stop_at_signals()
    kind = sys.argv[1] if len(sys.argv) > 1 else "list"
    given = sys.argv[2] if len(sys.argv) > 2 else "4000"
    if kind not in KINDS or not given.isdecimal() or int(given) < CONNECTIONS:
        sys.exit(f"usage: bench/callgrind.sh [{'|'.join(KINDS)}] [REQUESTS, at least {CONNECTIONS}]")
    requests = int(given) // CONNECTIONS * CONNECTIONS
    try:
        with Stage() as stage:
            cost = profile(stage, kind, requests)
    except (Wrong, OSError, http.client.HTTPException) as wrong:
        sys.exit(f"callgrind: {wrong}")
    total = cost.total()
    print(f"{kind}: {total / requests:,.0f} instructions a request, over {requests:,} requests\n")
    print(f"{'a request':>10}  {'share':>6}  function")
    for function, instructions in cost.most_common(10):
        print(f"{instructions / requests:>10,.0f}  {instructions / total:>6.1%}  {function}")


if __name__ == "__main__":
    main()
