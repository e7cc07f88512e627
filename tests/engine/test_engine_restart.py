"""The engine restarts between two requests of one client connection: the second one is still answered.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

import http.client
from urllib.parse import urlsplit

from cases import Cases, must_equal
from commands import run_well
from support import EVERYTHING, TESTS, Engine, Gate, at_once, main_engines

VOLUME = "dockgate-restart"
REQUESTS = [
    ("GET", "/version", None, 200),
    ("POST", "/volumes/create", f'{{"Name":"{VOLUME}"}}', 201),
    ("POST", "/containers/prune", None, 200),
    ("DELETE", f"/volumes/{VOLUME}?force=1", None, 204),
]


def main() -> None:
    at_once(restarts, main_engines())


def restarts(cases: Cases, engine: Engine) -> None:
    with cases.case(f"{engine.name}: requests before and after a restart"), Gate(engine.address, EVERYTHING) as gate:
        address = urlsplit(gate.host)
        client = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        client.connect()
        client.auto_open = 0  # It is this one connection that must go on.
        must_equal("GET /_ping", ask(client, "GET", "/_ping", None), 200)
        for method, target, body, status in REQUESTS:
            run_well(TESTS / "engine" / "engines.sh", "restart", engine.name)
            must_equal(f"{method} {target} after a restart", ask(client, method, target, body), status)
        client.close()


def ask(client: http.client.HTTPConnection, method: str, target: str, body: str | None) -> int:
    client.request(method, target, body, {"Content-Type": "application/json"} if body else {})
    reply = client.getresponse()
    reply.read()
    return reply.status


main()
