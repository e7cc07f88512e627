"""What TLS costs: CPU per request on kept connections, as a ratio to Dockgate without it, and CPU per handshake, as ratios to
HAProxy and nginx with the same certificate. The daemon is a stand-in. Run by itself."""

import os
import re
import socket
import ssl
import statistics
import subprocess
import sys
from http.client import HTTPConnection, HTTPSConnection

from stage import LIST, LIST_BYTES, Stage, Wrong, accepts, free_port, stop_at_signals, wait_for

ROUNDS = int(os.environ.get("ROUNDS", "5"))
CONNECTIONS, REQUESTS = 8, 10_000
SECONDS = os.environ.get("SECONDS_PER_RUN", "3")
HAPROXY = """
global
    nbthread 1
defaults
    mode http
    timeout client 1m
    timeout server 1m
    timeout connect 5s
frontend tls
    bind 127.0.0.1:{port} ssl crt {folder}/both.pem ca-file {folder}/ca.pem verify required ssl-min-ver TLSv1.2 no-tls-tickets
    http-request return status 200
"""
NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx-tls.pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/server-cert.pem;
        ssl_certificate_key {folder}/server-key.pem;
        ssl_client_certificate {folder}/ca.pem;
        ssl_verify_client on;
        ssl_session_tickets off;
        location / {{ return 200; }}
    }}
}}
"""


def requests(server, context):
    """CPU seconds for a list on kept connections."""
    kept = []
    for _ in range(CONNECTIONS):
        address = ("localhost", server.port)
        kept.append(HTTPSConnection(*address, context=context) if context else HTTPConnection(*address))
        kept[-1].connect()
    before = server.cpu()
    for number in range(REQUESTS):
        connection = kept[number % CONNECTIONS]
        connection.request("GET", LIST)
        reply = connection.getresponse()
        if (reply.status, len(reply.read())) != (200, LIST_BYTES):
            raise Wrong(f"{server.name} answered {reply.status}")
    spent = server.cpu() - before
    for connection in kept:
        connection.close()
    return spent / REQUESTS


def handshakes(server, folder):
    """CPU seconds for a handshake with a client's certificate and one request."""
    before = server.cpu()
    files = [folder / "clients" / "bench" / name for name in ("cert.pem", "key.pem")]
    command = ["openssl", "s_time", "-new", "-time", SECONDS, "-connect", f"localhost:{server.port}", "-www", "/_ping"]
    done = subprocess.run([*command, "-cert", files[0], "-key", files[1]], capture_output=True, text=True, check=True)
    return (server.cpu() - before) / int(re.search(r"(\d+) connections in", done.stdout)[1])


def other(stage, name, command, text, folder):
    """HAProxy or nginx with TLS."""
    port = free_port()
    file = stage.folder / f"{name}-tls.cfg"
    file.write_text(text.format(port=port, folder=folder))
    server, log = stage.start(name, [*command, file])
    server.port = port
    wait_for(name, lambda: accepts(socket.AF_INET, ("127.0.0.1", port)), server.process.poll, log)
    return server


def tls(stage):
    """Prints the ratios."""
    folder = stage.folder / "certs"
    binary = os.environ.get("DOCKGATE_BIN", "target/release/dockgate")
    for words in (["init", "--host", "localhost,127.0.0.1"], ["client", "bench"]):
        subprocess.run([binary, "certs", *words, "--dir", folder], stdout=subprocess.DEVNULL, check=True)
    (folder / "both.pem").write_text((folder / "server-cert.pem").read_text() + (folder / "server-key.pem").read_text())
    upstream = stage.daemon("")
    allowed = {"DOCKGATE_ALLOW": "SystemPing,ContainerList"}
    certificates = {"DOCKGATE_CERT_PATH": str(folder)}
    plain = stage.dockgate("plain", upstream, environment=allowed)
    mutual = stage.dockgate("mutual", upstream, environment=allowed | certificates)
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "clients" / "bench" / "cert.pem", folder / "clients" / "bench" / "key.pem")
    others = {
        "haproxy": other(stage, "haproxy", ["haproxy", "-q", "-f"], HAPROXY, folder),
        "nginx": other(stage, "nginx", ["nginx", "-c"], NGINX, folder),
    }
    ratios = {"a list on a kept connection, over plain": []} | {f"a handshake, over {name}": [] for name in others}
    for _ in range(ROUNDS):
        base, over = requests(plain, None), requests(mutual, context)
        ratios["a list on a kept connection, over plain"].append(over / base)
        own = handshakes(mutual, folder)
        for name, server in others.items():
            ratios[f"a handshake, over {name}"].append(own / handshakes(server, folder))
    for name, found in ratios.items():
        print(f"{name:42} {statistics.median(found):5.2f} [{min(found):.2f} .. {max(found):.2f}]")


def main():
    stop_at_signals()
    try:
        with Stage() as stage:
            tls(stage)
    except Wrong as wrong:
        sys.exit(f"bench: {wrong}")


if __name__ == "__main__":
    main()
