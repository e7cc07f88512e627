"""Runs Dockgate and HAProxy side by side and prints their costs as ratios. Run by run.sh."""

import json
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import time

from stage import AS_IT_SHIPS, HERE, KEEP_ALIVE, LIST, LOG_ON, Stage, Wrong, end, free_port, stop_at_signals

ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = int(os.environ.get("SECONDS_PER_RUN", "3"))
CONNECTIONS, STREAMS, STARTS, RULES = 64, 1_000, 20, 1_000

OURS = "dockgate"
SHIPPED = "haproxy as Tecnativa ships it"
TUNED_LOG = "haproxy tuned, log on"
TUNED = "haproxy tuned, log off"
RELAY = "bare TCP relay"

# load: (method, path, connections, expected status)
LOADS = {
    "ping c=1": ("GET", "/_ping", 1, 200),
    "ping c=64": ("GET", "/_ping", CONNECTIONS, 200),
    "list c=64": ("GET", LIST, CONNECTIONS, 200),
    "denied POST c=64": ("POST", "/v1.41/containers/create", CONNECTIONS, 403),
    "denied GET c=64": ("GET", "/v1.41/images/json", CONNECTIONS, 403),
}
# The goals: the highest acceptable ratio of CPU per request. Other pairs are printed without a goal.
GOALS = {
    ("list c=64", SHIPPED): 0.65,
    ("list c=64", TUNED): 1.0,
    ("list c=64", RELAY): 1.5,
    ("denied POST c=64", SHIPPED): 0.8,
    ("denied GET c=64", SHIPPED): 0.8,
}


def verdict(value, goal):
    return "-" if goal is None else f"<= {goal:g} {'met' if value <= goal else 'MISSED'}"


def table(title, head, rows):
    """Prints rows in columns: the first column aligned left, the others right."""
    rows = [head, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    print(f"\n{title}\n")
    for row in rows:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths))
        print("  ".join([row[0].ljust(len(first)), *others]))
    sys.stdout.flush()


def spread(values):
    """The median, with the lowest and highest value."""
    return f"{statistics.median(values):.2f} [{min(values):.2f} .. {max(values):.2f}]"


def check(server, method, path, status):
    """One request: it must have the expected status, and an allowed reply must arrive completely."""
    got, body = server.ask(method, path)
    if got != status:
        raise Wrong(f"{server.name}: {method} {path} answered {got}, not {status}: {body[:200]!r}")
    if path == LIST and len(json.loads(body)) != 10:
        raise Wrong(f"{server.name}: {method} {path} did not answer with the ten containers")


def load(server, method, path, connections, status, body=()):
    """One run of wrk; returns CPU per request in µs, the median latency in µs and the requests answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", "-s", HERE / "wrk.lua"]
    before = server.cpu()
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{path}", "--", method, *body],
        capture_output=True,
        text=True,
        check=False,
    )
    time.sleep(0.1)  # work that a log still causes counts too
    spent = server.cpu() - before
    found = re.search(r"^counted (.*)$", said.stdout, re.MULTILINE)
    if not found:
        raise Wrong(f"wrk on {server.name}: {said.stdout}{said.stderr}")
    counted = json.loads(found[1])
    requests, what = counted["requests"], f"{server.name}: {method} {path}"
    if requests == 0 or counted["broken"]:
        raise Wrong(f"{what}: {requests} answers, {counted['broken']} broken connections")
    if counted["refused"] != (requests if status >= 400 else 0):
        raise Wrong(f"{what}: {counted['refused']} of {requests} answers were refusals")
    return spent / requests * 1e6, counted["p50_us"], requests


def compare(stage):
    """Every load on every proxy, in interleaved rounds."""
    upstream = stage.daemon()
    ours = stage.dockgate(OURS, upstream)
    servers = [
        ours,
        stage.haproxy(SHIPPED, upstream, AS_IT_SHIPS, LOG_ON),
        stage.haproxy(TUNED_LOG, upstream, KEEP_ALIVE, LOG_ON),
        stage.haproxy(TUNED, upstream, KEEP_ALIVE, ""),
        stage.relay(RELAY, upstream),
    ]
    for server in servers:
        for method, path, _, status in LOADS.values():
            if status < 400 or server.name != RELAY:
                check(server, method, path, status)
    idle = {server.name: server.memory("VmRSS") for server in servers}
    asked, cpu, latency = len(LOADS), {}, {}
    for round_number in range(1, ROUNDS + 1):
        print(f"round {round_number} of {ROUNDS}", file=sys.stderr)
        for name, wanted in LOADS.items():
            for server in servers:
                if wanted[3] >= 400 and server.name == RELAY:
                    continue  # a relay denies nothing
                spent, p50, requests = load(server, *wanted)
                cpu.setdefault((name, server.name), []).append(spent)
                latency.setdefault((name, server.name), []).append(p50)
                asked += requests if server is ours else 0
    names = [server.name for server in servers]
    print_cost(names, cpu, latency)
    print_ratios(names, cpu)
    peak = {server.name: server.memory("VmHWM") for server in servers}
    print_memory(names, idle, peak)
    # A proxy that answers without recording would be faster, and wrong.
    recorded = end(ours)
    if recorded < asked:
        raise Wrong(f"{OURS} answered {asked} requests and recorded {recorded}")


def print_cost(names, cpu, latency):
    rows = [
        [
            name,
            *[
                f"{statistics.median(cpu[load, name]):.1f} / {statistics.median(latency[load, name]):.0f}"
                if (load, name) in cpu
                else "-"
                for load in LOADS
            ],
        ]
        for name in names
    ]
    table("CPU per request / median latency, µs (medians of the rounds)", ["", *LOADS], rows)


def print_ratios(names, cpu):
    rows = []
    for load_name in LOADS:
        for name in names[1:]:
            if (load_name, name) in cpu:
                pairs = zip(cpu[load_name, OURS], cpu[load_name, name], strict=True)
                ratios = [ours / other for ours, other in pairs]
                goal = GOALS.get((load_name, name))
                rows.append([load_name, name, spread(ratios), verdict(statistics.median(ratios), goal)])
    head = ["load", "against", "ratio [min .. max]", "goal"]
    table("CPU per request, Dockgate over the other (median of the ratios of each round)", head, rows)


def print_memory(names, idle, peak):
    rows = [
        [
            name,
            f"{idle[name]:.1f}",
            verdict(idle[name], 4) if name == OURS else "-",
            f"{peak[name]:.1f}",
            verdict(peak[name], 12) if name == OURS else "-",
        ]
        for name in names
    ]
    table("Resident memory, MiB", ["", "idle", "goal", f"peak c={CONNECTIONS}", "goal"], rows)


def many_rules(stage):
    """The same requests under one rule and under a thousand, of which only the last allows them."""
    upstream, servers = stage.folder / "daemon.sock", {}
    for count in (1, RULES):
        rules = [f'"GET /libpod/r{number}/{{}}/json"' for number in range(RULES - count, RULES)]
        policy = stage.folder / f"rules-{count}.toml"
        policy.write_text(f'description = "{count} rules"\nallow = [{", ".join(rules)}]\n')
        servers[count] = stage.dockgate(f"dockgate, {count} rules", upstream, policy)
    rows = []
    for name, path, status in (
        ("allowed by the last", f"/v5.4.2/libpod/r{RULES - 1}/x/json", 200),
        ("allowed by none", "/v5.4.2/libpod/other/x/json", 403),
    ):
        for server in servers.values():
            check(server, "GET", path, status)
        ratios = []
        for _ in range(ROUNDS):
            few, many = (load(servers[count], "GET", path, CONNECTIONS, status)[0] for count in (1, RULES))
            ratios.append(many / few)
        # Two runs of the same binary differ by a few hundredths.
        rows.append([name, spread(ratios), verdict(statistics.median(ratios), 1.05)])
    table(f"CPU per request under {RULES} rules over under 1", ["", "ratio [min .. max]", "goal"], rows)
    for server in servers.values():
        end(server)


def inspection(stage):
    """The same creation of a container, its body forwarded as it is or checked completely."""
    upstream, path, body = stage.folder / "daemon.sock", "/v1.41/containers/create", [HERE / "create.json"]
    passing = stage.dockgate("dockgate, passing", upstream, environment={"CONTAINERS": "1", "POST": "1"})
    judging = stage.dockgate("dockgate, judging", upstream, HERE / "create.toml")
    spent = {server: [] for server in (passing, judging)}
    for _ in range(ROUNDS):
        for server, costs in spent.items():
            costs.append(load(server, "POST", path, CONNECTIONS, 201, body)[0])
    ratios = [judged / passed for passed, judged in zip(*spent.values())]
    more = [judged - passed for passed, judged in zip(*spent.values())]
    rows = [
        ["ratio", spread(ratios), "-"],
        ["more, µs", spread(more), verdict(statistics.median(more), 30)],
    ]
    size = body[0].stat().st_size
    table(f"CPU per creation of a container ({size} bytes), checked over forwarded", ["", "[min .. max]", "goal"], rows)
    for server in spent:
        end(server)


def first_answer(stage):
    """Milliseconds from before exec until the first answer was read."""
    upstream, took = stage.folder / "daemon.sock", []
    for _ in range(STARTS):
        # The port is chosen here, so that no time is spent reading it from stderr.
        port = free_port()
        begun = time.monotonic()
        server = stage.dockgate("start", upstream, port=port, wait=False)
        while time.monotonic() - begun < 10:
            try:
                check(server, "GET", "/_ping", 200)
                break
            except Wrong:
                time.sleep(0.0005)
        else:
            raise Wrong("dockgate did not answer within 10 s of its start")
        took.append((time.monotonic() - begun) * 1000)
        end(server)
    return statistics.median(took), server.binary.stat().st_size / 1024 / 1024


def streams(stage):
    """Resident MiB with a thousand open event streams."""
    upstream, held = stage.holder(), {}
    for server in (
        stage.dockgate("dockgate, streams", upstream),
        stage.haproxy("haproxy, streams", upstream, AS_IT_SHIPS, LOG_ON),
    ):
        clients = []
        try:
            for _ in range(STREAMS):
                client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
                clients.append(client)
                client.sendall(b"GET /v1.41/events HTTP/1.1\r\nHost: docker\r\n\r\n")
            for client in clients:
                received = b""
                while b"{}\r\n" not in received:
                    part = client.recv(4096)
                    if not part:
                        raise Wrong(f"{server.name}: an event stream ended after {received!r}")
                    received += part
                if not received.startswith(b"HTTP/1.1 200 "):
                    raise Wrong(f"{server.name}: GET /v1.41/events answered {received!r}")
            held[server.name] = server.memory("VmRSS")
        finally:
            for client in clients:
                client.close()
        end(server)
    return held


def figures(stage):
    """Measurements that are a single number."""
    start, size = first_answer(stage)
    held = streams(stage)
    ours, others = held.values()
    rows = [
        [f"first answer after exec, ms (median of {STARTS})", f"{start:.1f}", verdict(start, 20)],
        ["binary, MiB", f"{size:.1f}", verdict(size, 5)],
        [f"{STREAMS} open event streams, MiB resident", f"{ours:.1f}", verdict(ours, 30)],
        ["the same, haproxy as Tecnativa ships it", f"{others:.1f}", "-"],
    ]
    table("Dockgate", ["", "value", "goal"], rows)


def main():
    stop_at_signals()
    # A thousand streams need a thousand open files here, and two thousand in a proxy.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        with Stage() as stage:
            compare(stage)
            many_rules(stage)
            inspection(stage)
            figures(stage)
    except Wrong as wrong:
        sys.exit(f"bench: {wrong}")


if __name__ == "__main__":
    main()
