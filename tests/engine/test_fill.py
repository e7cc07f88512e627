"""What `create.fill` fills in, as the engine then shows it, with the docker CLI's own requests.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

import json
import shlex

from cases import Cases, must, must_equal
from support import Engine, Gate, main_engines, scratch

NAME = "dockgate-filled"
NETWORK = "dockgate-fill"

POLICY = f"""
extends = ["docker-cli-run"]

[create]
networks = ["{NETWORK}", "@own"]
limits = {{ memory = "256m" }}
fill = {{ memory = "64m", cpus = 0.5, pids = 64, no_new_privileges = true, cap_drop = ["ALL"], network = "{NETWORK}" }}
"""

FILLED = {
    "Memory": 64 << 20,
    "NanoCpus": 500_000_000,
    "PidsLimit": 64,
    "SecurityOpt": ["no-new-privileges:true"],
    "CapDrop": ["ALL"],
    "NetworkMode": NETWORK,
}

EVERYTHING = ["cap_drop", "cpus", "memory", "network", "no_new_privileges", "pids"]

# Options of `docker run`, what becomes of them, and what is filled in besides.
GIVEN = [
    ("", {}, EVERYTHING),
    (
        "--memory 32m --pids-limit 5 --cpus 1",
        {"Memory": 32 << 20, "PidsLimit": 5, "NanoCpus": 1_000_000_000},
        ["cap_drop", "network", "no_new_privileges"],
    ),
    (
        "--cpu-period 50000",
        {"CpuPeriod": 50_000, "CpuQuota": 25_000, "NanoCpus": 0},
        EVERYTHING,
    ),
    (
        "--security-opt no-new-privileges --cap-drop CAP_MKNOD --cap-add CHOWN",
        {"SecurityOpt": ["no-new-privileges"], "CapDrop": ["CAP_MKNOD", "ALL"]},
        ["cap_drop", "cpus", "memory", "network", "pids"],
    ),
    ("--network none", {"NetworkMode": "none"}, ["cap_drop", "cpus", "memory", "no_new_privileges", "pids"]),
]

# Options that give more than the policy allows, and the key in the denial.
DENIED = [
    ("--memory 512m", "create.limits"),
    ("--network bridge", "create.networks"),
    ("--security-opt no-new-privileges=false", "create.security_opt"),
]


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        engine.clean_up()
        engine.cli(engine.address)("network", "create", NETWORK)
        try:
            with scratch() as folder:
                (folder / "policy.toml").write_text(POLICY)
                with Gate(engine.address, str(folder / "policy.toml")) as gate:
                    given(cases, engine, gate)
                    denied(cases, engine, gate)
        finally:
            engine.clean_up()
    cases.finish()


def given(cases: Cases, engine: Engine, gate: Gate) -> None:
    direct, through = engine.cli(engine.address), engine.cli(gate.host)
    for options, own, filled in GIVEN:
        with cases.case(f"{engine.name}: docker run {options or 'without options'}"):
            words = ("sh", "-c", "grep -E '^(CapEff|NoNewPrivs)' /proc/self/status")
            said = through("run", "--name", NAME, *shlex.split(options), "busybox", *words).out
            shown = json.loads(direct("inspect", NAME).out)[0]["HostConfig"]
            direct("rm", "-f", NAME)
            want = FILLED | own
            must_equal("what the engine has", {key: shown[key] for key in want}, want)
            must("NoNewPrivs:\t1" in said, f"in the container: {said}")
            must("CapEff:\t0000000000000000" in said or "CHOWN" in options, f"in the container: {said}")
            record = [it for it in gate.records() if it.get("operation") == "ContainerCreate"][-1]
            must_equal("the record's `filled`", record.get("filled"), filled)


def denied(cases: Cases, engine: Engine, gate: Gate) -> None:
    through = engine.cli(gate.host)
    for options, key in DENIED:
        with cases.case(f"{engine.name}: denied, docker run {options}"):
            done = through.may_fail("run", "--rm", "--name", NAME, *shlex.split(options), "busybox", "true")
            must(done.code == 125 and key in done.err, f"{done.code}: {done.err}")


main()
