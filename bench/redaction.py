"""What `redact` costs: CPU of an inspection, a list of 1,000 containers and a stream of events, with it and without.

    DOCKGATE_BIN=target/release/dockgate python3 -B bench/redaction.py

Prints the CPU time of Dockgate for each, the median of some rounds, and their ratio; and how much memory it took.
"""

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from stage import CLOCK_TICKS, Wrong, containers

BINARY = os.environ.get("DOCKGATE_BIN", "target/release/dockgate")
ROUNDS = 5
EVENTS = 20_000
ALLOW = '["ContainerInspect", "ContainerList", "SystemEvents"]'
# What is asked, how often, and the most that redaction may cost.
KINDS = {
    "inspect": ("/v1.45/containers/web/json", 4000, 1.5),
    "list": ("/v1.45/containers/json", 60, 2.0),
    "events": ("/v1.45/events", 1, 1.3),
}


def inspection():
    """An inspection with the fields and the length that are usual."""
    labels = {f"com.example.label-{number}": "a value of usual length" for number in range(20)}
    host = {f"Field{number}": number for number in range(60)}
    return {
        "Id": "0" * 64,
        "Path": "/docker-entrypoint.sh",
        "Args": ["service", "--port", "8080"],
        "State": {"Status": "running", "Running": True, "Pid": 1, "Error": "", "StartedAt": "2026-01-01T00:00:00Z"},
        "Image": "sha256:" + "0" * 64,
        "HostConfig": host | {"Binds": ["/srv/data:/data"], "LogConfig": {"Type": "json-file", "Config": {}}},
        "Mounts": [{"Type": "bind", "Source": "/srv/data", "Destination": "/data", "Mode": "", "RW": True}] * 4,
        "Config": {
            "Env": [f"VARIABLE_{number}=a value of usual length" for number in range(24)],
            "Cmd": ["service", "--port", "8080"],
            "Labels": labels,
        },
        "NetworkSettings": {"Networks": {"shop": {"IPAddress": "172.18.0.2", "GlobalIPv6Address": ""}}},
    }


def event(number):
    labels = {f"com.example.label-{label}": "a value of usual length" for label in range(6)}
    action = f"exec_create: sh -c 'check --number {number}'" if number % 4 == 0 else "start"
    return {
        "status": action,
        "id": "0" * 64,
        "from": "registry.example/shop/service:1.2.3",
        "Type": "container",
        "Action": action,
        "Actor": {"ID": "0" * 64, "Attributes": {"image": "registry.example/shop/service:1.2.3", "name": "web"} | labels},
        "scope": "local",
        "time": 1700000000,
        "timeNano": 1700000000000000000 + number,
    }


def replies():
    def whole(document):
        body = json.dumps(document).encode() + b"\n"
        return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    chunks = [json.dumps(event(number)).encode() + b"\n" for number in range(EVENTS)]
    chunks = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    thousand = json.loads(containers())
    return {
        KINDS["inspect"][0]: whole(inspection()),
        KINDS["list"][0]: whole(thousand * 100),
        KINDS["events"][0]: head + b"".join(chunks) + b"0\r\n\r\n",
    }


def serve(path, answers):
    """A daemon that sends each answer as it is."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def handle(connection):
        head = b""
        while part := connection.recv(65536):
            head += part
            while b"\r\n\r\n" in head:
                line, _, head = head.partition(b"\r\n\r\n")
                target = line.split(b" ")[1].decode()
                connection.sendall(answers.get(target, b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"))

    def accept():
        while True:
            threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def cpu(process):
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS


def ask(path, target, times):
    """Sends a request this often on one connection, and returns the bytes of the bodies."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        stream = connection.makefile("rb")
        count = 0
        for _ in range(times):
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: docker\r\n\r\n".encode())
            headers = {}
            status = stream.readline()
            if b" 200 " not in status:
                raise Wrong(f"{target}: {status}")
            while (line := stream.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                headers[name.lower()] = value.strip()
            if b"content-length" in headers:
                count += len(stream.read(int(headers[b"content-length"])))
                continue
            while size := int(stream.readline(), 16):
                count += len(stream.read(size))
                stream.readline()
            stream.readline()
        return count


def measured(folder, redact):
    """Seconds of CPU for each kind, and the peak of memory in MiB, of one Dockgate."""
    policy, path = folder / f"{'with' if redact else 'without'}.toml", str(folder / f"gate{bool(redact)}.sock")
    policy.write_text(f"allow = {ALLOW}\n{redact}\n")
    policy.chmod(0o644)
    command = [BINARY, "serve", "--policy", policy, "--upstream", f"unix://{folder}/daemon", "--listen", f"unix://{path}"]
    environment = {"PATH": os.environ["PATH"], "DOCKGATE_AUDIT__OUTPUT": "none"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        while "listening on" not in (line := process.stderr.readline()):
            if not line:
                raise Wrong("dockgate does not start")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        took = {kind: [] for kind in KINDS}
        for _ in range(ROUNDS):
            for kind, (target, times, _) in KINDS.items():
                before = cpu(process)
                ask(path, target, times)
                time.sleep(0.05)
                took[kind].append(cpu(process) - before)
        peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
        return {kind: statistics.median(all_of) for kind, all_of in took.items()}, int(peak[1]) / 1024
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        serve(f"{folder}/daemon", replies())
        without, passing = measured(folder, "")
        hiding, peak = measured(folder, 'redact = ["env", "commands"]')
        for kind, (_, times, most) in KINDS.items():
            ratio = hiding[kind] / without[kind]
            per = (f"{seconds / times * 1e6:,.0f} us" for seconds in (without[kind], hiding[kind]))
            print(f"{kind}: {' without, '.join(per)} with redaction: {ratio:.2f} x (goal {most})")
        print(f"peak of memory: {passing:.1f} MiB without, {peak:.1f} MiB with redaction")


if __name__ == "__main__":
    main()
