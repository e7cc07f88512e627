"""What it costs to identify the client of a connection: CPU per connection of one request, as a ratio to a Dockgate without
clients. The daemon is a stand-in, so its own work does not count. Run by run.sh, or by itself."""

import json
import os
import socket
import statistics
import sys

from stage import Stage, Wrong, stop_at_signals

ROUNDS = int(os.environ.get("ROUNDS", "5"))
CONNECTIONS = 1_000
# The address that connections come from, which must not be the gateway's, and the one that they are made to.
CLIENT, GATEWAY = "127.0.0.5", "127.0.0.1"
EDGE, RUNNER = "e" * 64, "a" * 64
KINDS = {
    "no clients": None,
    "by network": "network:edge",
    "by container": "container:runner",
    "by label": "label:team=ci",
}


def objects():
    """What the daemon answers, by its path."""
    ranges = {"Config": [{"Subnet": "127.0.0.0/24", "Gateway": GATEWAY}]}
    # Without other interfaces, the loopback plays the bridge.
    options = {"com.docker.network.bridge.name": "lo"}
    edge = {"Id": EDGE, "Name": "edge", "Driver": "bridge", "Labels": {}, "IPAM": ranges, "Options": options}
    edge["Containers"] = {RUNNER: {"IPv4Address": f"{CLIENT}/24"}}
    runner = {
        "Id": RUNNER,
        "Name": "/runner",
        "Image": "sha256:" + "b" * 64,
        "State": {"Running": True},
        "Config": {"Image": "runner:1", "Labels": {"team": "ci"}},
        "HostConfig": {},
        "Mounts": [],
        "NetworkSettings": {"Networks": {"edge": {"NetworkID": EDGE, "IPAddress": CLIENT}}},
    }
    return {
        "/networks": json.dumps([edge]),
        f"/networks/{EDGE}": json.dumps(edge),
        f"/containers/{RUNNER}/json": json.dumps(runner),
        "/events": "",
    }


def locations(folder):
    """nginx's lines for them."""
    lines = []
    for number, (path, text) in enumerate(objects().items()):
        file = folder / f"object-{number}.json"
        file.write_text(text)
        lines.append(f"location = {path} {{ default_type application/json; alias {file}; }}")
    return "\n        ".join(lines)


def cost(server):
    """CPU seconds for a connection with one request."""
    before = server.cpu()
    for _ in range(CONNECTIONS):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10, source_address=(CLIENT, 0)) as client:
            client.sendall(b"GET /_ping HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
            reply = b""
            while part := client.recv(4096):
                reply += part
            if not reply.startswith(b"HTTP/1.1 200 "):
                raise Wrong(f"{server.name} answered {reply!r}")
    return (server.cpu() - before) / CONNECTIONS


def identity(stage):
    """Prints the ratios."""
    upstream = stage.daemon(locations(stage.folder))
    servers = []
    for name, matcher in KINDS.items():
        client = {"DOCKGATE_CLIENT_0__NAME": "ci", "DOCKGATE_CLIENT_0__FROM": matcher} if matcher else {}
        policy = {"DOCKGATE_ALLOW": "SystemPing"}
        servers.append(stage.dockgate(name, upstream, environment=policy | client))
    spent = {server.name: [] for server in servers}
    for _ in range(ROUNDS):
        for server in servers:
            spent[server.name].append(cost(server))
    print(f"\nCPU per connection of one request, over {next(iter(KINDS))} ({CONNECTIONS} connections a round)\n")
    plain = spent["no clients"]
    for name, costs in spent.items():
        ratios = [one / other for one, other in zip(costs, plain)]
        more = [(one - other) * 1e6 for one, other in zip(costs, plain)]
        middle = statistics.median(ratios)
        print(f"{name:14} {middle:5.2f} [{min(ratios):.2f} .. {max(ratios):.2f}]  {statistics.median(more):+6.0f} µs")


def main():
    stop_at_signals()
    try:
        with Stage() as stage:
            identity(stage)
    except Wrong as wrong:
        sys.exit(f"bench: {wrong}")


if __name__ == "__main__":
    main()
