"""What a scope costs on a list of 1,000 containers: CPU per list, as a ratio to a Dockgate without a scope, and peak memory.

The daemon is a stand-in, so its own work does not count. Run by run.sh, or by itself.
"""

import http.client
import json
import os
import statistics
import sys

from stage import Stage, Wrong, containers, stop_at_signals

ROUNDS = int(os.environ.get("ROUNDS", "5"))
CONTAINERS, LISTS = 1_000, 50
PATH = "/containers/json"
# CPU as a ratio, and KiB of memory, beside a Dockgate without a scope.
GOAL, GOAL_KIB = 2.0, 64
# The selector of each policy, and how many containers it selects.
KINDS = {
    "no scope": (None, CONTAINERS),
    "all in scope": ("label:all", CONTAINERS),
    "ten in scope": ("label:ten", 10),
    "none in scope": ("@own", 0),
}


def listed():
    """The daemon's list."""
    ten, entries = containers(), []
    for number in range(CONTAINERS):
        entry = json.loads(ten)[number % 10]
        entry["Id"], entry["Names"] = f"{number:064x}", [f"/shop-service-{number}"]
        entry["Labels"] |= {"all": "1"} | ({"ten": "1"} if number % 100 == 0 else {})
        entries.append(entry)
    return json.dumps(entries) + "\n"


def locations(folder):
    """nginx's lines for the daemon's answers."""
    lines = []
    for name, path, text in (
        ("version", "/version", '{"Version":"28.5.2","ApiVersion":"1.51"}'),
        ("thousand", PATH, listed()),
    ):
        file = folder / f"{name}.json"
        file.write_text(text)
        lines.append(f"location = {path} {{ default_type application/json; alias {file}; }}")
    return "\n        ".join(lines)


def start(stage, upstream, name, selector):
    policy = stage.folder / f"{name.replace(' ', '-')}.toml"
    scope = f'[scope]\nobjects = ["{selector}"]\n' if selector else ""
    policy.write_text(f'description = "bench"\nallow = ["ContainerList"]\n{scope}')
    return stage.dockgate(name.replace(" ", "-"), upstream, policy)


def cost(server, shown):
    """CPU seconds for a list."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    before = server.cpu()
    for _ in range(LISTS):
        connection.request("GET", PATH)
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 200 or text.count(b'"Id"') != shown:
            raise Wrong(f"{server.name} answered {reply.status} {text[:200]!r}")
    spent = server.cpu() - before
    connection.close()
    return spent / LISTS


def scope(stage):
    """Prints the ratios and the memory."""
    upstream = stage.daemon(locations(stage.folder))
    servers = {name: start(stage, upstream, name, selector) for name, (selector, _) in KINDS.items()}
    spent = {name: [] for name in KINDS}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            spent[name].append(cost(server, KINDS[name][1]))
    peaks = {name: server.memory("VmHWM") * 1024 for name, server in servers.items()}
    print(f"\na list of {CONTAINERS:,} containers ({len(listed()):,} bytes), over one without a scope\n")
    plain = spent["no scope"]
    for name, costs in spent.items():
        ratios = [one / other for one, other in zip(costs, plain)]
        ratio, more = statistics.median(ratios), peaks[name] - peaks["no scope"]
        met = "" if name == "no scope" else f"   goal {GOAL} {'met' if ratio <= GOAL else 'missed'}"
        kept = "" if name == "no scope" else f"   goal {GOAL_KIB} KiB {'met' if more <= GOAL_KIB else 'missed'}"
        print(
            f"{name:14} {statistics.median(costs) * 1e6:8.0f} us   x {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}){met}"
            f"   peak {peaks[name]:,.0f} KiB, {more:+,.0f} KiB{kept}"
        )


def main():
    stop_at_signals()
    try:
        with Stage() as stage:
            scope(stage)
    except (Wrong, OSError, http.client.HTTPException) as wrong:
        sys.exit(f"scope: {wrong}")


if __name__ == "__main__":
    main()
