"""Traefik's own provider for Docker, directly and under the policy `traefik`: the same configurations while
containers come and go."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from cases import eventually
from commands import Background, Docker
from compare import mask_text
from programs import build_go
from suite import CACHE, Result, Side

HERE = Path(__file__).resolve().parent
WEB, OTHER = "dockgate-web", "dockgate-other"
LABELS = [
    "traefik.http.routers.web.rule=Host(`web.example`)",
    "traefik.http.routers.web.middlewares=slim",
    "traefik.http.middlewares.slim.compress=true",
    "traefik.http.services.web.loadbalancer.server.port=8080",
]


def run(name: str, *labels: str) -> Callable[[Docker], object]:
    options = [word for label in labels for word in ("--label", label)]
    return lambda docker: docker("run", "-d", "--init", "--name", name, *options, "busybox", "sleep", "86400")


# Each step: what is done, and the names of the services that Traefik has afterwards.
STEPS: dict[str, tuple[Callable[[Docker], object], set[str]]] = {
    "nothing runs": (lambda docker: docker("version"), set()),
    "a container with labels": (run(WEB, *LABELS), {"web"}),
    "another, that is not to be shown": (run(OTHER, "traefik.enable=false"), {"web"}),
    "which is replaced": (
        lambda docker: (docker("rm", "-f", OTHER), run(OTHER, "traefik.http.services.other.loadbalancer.server.port=81")(docker)),
        {"web", "other"},
    ),
    "the first stops": (lambda docker: docker("stop", "--time", "1", WEB), {"other"}),
    "it starts again": (lambda docker: docker("start", WEB), {"web", "other"}),
    "it is renamed": (lambda docker: (docker("rename", WEB, f"{WEB}-renamed"), docker("restart", "-t", "1", OTHER)), {"web", "other"}),
    "all is removed": (lambda docker: docker("rm", "-f", f"{WEB}-renamed", OTHER), set()),
}  # fmt: skip


def traefik(side: Side) -> set[Result]:
    """The configuration after each step."""
    program = build_go(HERE / "traefik", CACHE / "go")
    docker = side.engine.cli(side.engine.address)
    results = set()
    with Background(program, side.host) as provider:
        for name, (change, services) in STEPS.items():
            change(docker)
            made = eventually(f"the configuration when {name}", lambda services=services: configuration(provider, services))
            results.add((name, mask_text(json.dumps(made, sort_keys=True))))
    side.log().write_text("\n".join(f"{name}: {made}" for name, made in sorted(results)))
    return results


def configuration(provider: Background, services: set[str]) -> dict | None:
    """The last of the next configurations, if it has exactly these services."""
    lines = [line for line in provider.prints_within(0.5).splitlines() if line.startswith("{")]
    made = {"services": {}} | json.loads(lines[-1]) if lines else None
    return made if made and set(made["services"]) == services else None
