"""The engine does the same with a body whether it comes directly, or was checked and rendered again.

The bodies are those that real clients sent, and one for each field that has a meaning. Each is sent both directly and
through Dockgate, under a policy with unrestricted blocks. The inspections must be equal except for ids and times, and
if the engine rejects a body, so must its answers.

Runs on the main engine, or on all with DOCKGATE_SLOW=1.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from api import Answer, Api
from cases import Cases, must, must_equal
from compare import mask_text
from support import EVERYTHING, TESTS, Engine, Gate, main_engines

WEB, DB = "dockgate-web", "db"
# The objects that the recorded bodies name.
NETWORKS = ("net1", "n", "n2", "net3", "prj_back", "prj_front")
VOLUME, NETWORK = "data", "dockgate-network"

# One field each, of the settings that mean the same on any host.
CONFIG: list[dict] = [
    {"Hostname": "inside"},
    {"Domainname": "example.org"},
    {"User": "1000:1000"},
    {"AttachStdin": True, "OpenStdin": True, "StdinOnce": True},
    {"AttachStdout": False, "AttachStderr": False},
    {"Tty": True},
    {"ExposedPorts": {"80/tcp": {}, "53/udp": {}}},
    {"Env": ["A=b", 'B=\u00fc "quoted" \\ \u2028 </script>', "EMPTY="]},
    {"Cmd": ["sh", "-c", "echo '\u00e9\U0001f600' & true"]},
    {"Cmd": "true"},
    {"Entrypoint": ["sh", "-c"]},
    {"Entrypoint": "sh"},
    {"Entrypoint": []},
    {
        "Healthcheck": {
            "Test": ["CMD", "true"],
            "Interval": 1000000000,
            "Timeout": 2000000000,
            "Retries": 3,
            "StartPeriod": 4000000000,
        }
    },
    {"Healthcheck": {"Test": ["NONE"]}},
    {"Healthcheck": {"Test": ["CMD", "true"], "StartInterval": 1000000000}},
    {"Volumes": {"/data": {}, "/other": {}}},
    {"WorkingDir": "/tmp"},
    {"NetworkDisabled": True},
    {"MacAddress": "02:42:ac:11:00:09"},
    {"OnBuild": ["RUN true"]},
    {"Labels": {"a": "b", "\u00fc": "", "c.d/e": "1"}},
    {"StopSignal": "SIGUSR1"},
    {"StopTimeout": 7},
    {"Shell": ["sh", "-c"]},
]

# The same for those that depend on the host.
HOST: list[dict] = [
    {"Binds": ["/tmp:/host:ro", "data:/data:nocopy", "/var/tmp:/other:rw,rslave"]},
    {
        "Mounts": [
            {
                "Type": "bind",
                "Source": "/tmp",
                "Target": "/host",
                "ReadOnly": True,
                "BindOptions": {"Propagation": "rprivate"},
            }
        ]
    },
    {
        "Mounts": [
            {
                "Type": "volume",
                "Source": "data",
                "Target": "/data",
                "VolumeOptions": {"NoCopy": True, "Labels": {"a": "b"}},
            }
        ]
    },
    {"Mounts": [{"Type": "tmpfs", "Target": "/memory", "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 448}}]},
    {
        "Mounts": [
            {
                "Type": "volume",
                "Target": "/data",
                "VolumeOptions": {"DriverConfig": {"Name": "local", "Options": {"type": "tmpfs", "device": "tmpfs"}}},
            }
        ]
    },
    {"Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/host", "BindOptions": {"NonRecursive": True}}]},
    {"Mounts": [{"Type": "image", "Source": "busybox", "Target": "/image"}]},
    {"VolumesFrom": ["db:ro"]},
    {"ContainerIDFile": "/tmp/id"},
    {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}},
    {"LogConfig": {"Type": "", "Config": {"max-size": "1m"}}},
    {"LogConfig": {"Type": "none"}},
    {"NetworkMode": "none"},
    {"NetworkMode": "host"},
    {"NetworkMode": "n"},
    {"NetworkMode": "container:db"},
    {
        "PortBindings": {
            "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostPort": "9000-9002"}],
            "53/udp": None,
        }
    },
    {"PublishAllPorts": True},
    {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 4}},
    {"AutoRemove": True},
    {"CapAdd": ["NET_ADMIN", "CAP_SYS_TIME"], "CapDrop": ["ALL"]},
    {"CgroupnsMode": "host"},
    {"CgroupParent": "/elsewhere"},
    {"Dns": ["192.0.2.1"], "DnsOptions": ["ndots:2"], "DnsSearch": ["example.org"]},
    {"ExtraHosts": ["a:192.0.2.1", "b:host-gateway"]},
    {"GroupAdd": ["10", "audio"]},
    {"IpcMode": "shareable"},
    {"IpcMode": "host"},
    {"Links": ["db:alias"]},
    {"OomScoreAdj": 500},
    {"PidMode": "host"},
    {"Privileged": True},
    {"ReadonlyRootfs": True},
    {"SecurityOpt": ["no-new-privileges", "seccomp=unconfined", "label=disable"]},
    {"StorageOpt": {"size": "1g"}},
    {"Tmpfs": {"/memory": "size=1m,exec"}},
    {"UTSMode": "host"},
    {"UsernsMode": "host"},
    {"ShmSize": 16777216},
    {"Sysctls": {"net.core.somaxconn": "10"}},
    {"Runtime": "runc"},
    {"Runtime": "no-such-runtime"},
    {"Isolation": "default"},
    {"ConsoleSize": [24, 80]},
    {"Init": True},
    {"Init": False},
    {"Annotations": {"a": "b"}},
    {"MaskedPaths": []},
    {"MaskedPaths": ["/proc/kcore"]},
    {"ReadonlyPaths": []},
    {"Memory": 67108864, "MemorySwap": 134217728, "MemoryReservation": 33554432, "MemorySwappiness": 10},
    {"NanoCpus": 500000000},
    {"CpuShares": 512, "CpuPeriod": 100000, "CpuQuota": 50000, "CpusetCpus": "0", "CpusetMems": "0"},
    {"PidsLimit": 64},
    {"PidsLimit": -1},
    {"BlkioWeight": 300},
    {"OomKillDisable": True},
    {"Ulimits": [{"Name": "nofile", "Hard": 200, "Soft": 100}]},
    {"Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/given", "CgroupPermissions": "r"}]},
    {"DeviceCgroupRules": ["c 1:3 r"]},
    {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]},
    {"VolumeDriver": "local"},
]

ENDPOINTS: list[dict] = [
    {"n": {"Aliases": ["www", "web"]}},
    {"n": {"IPAMConfig": {"IPv4Address": "10.77.0.9"}}},
    {"n": {"Links": ["db:database"]}},
    {"n": {"MacAddress": "02:42:0a:4d:00:09"}},
    {"n": {"DriverOpts": {"a": "b"}}},
    {"n": {}, "n2": {}},
]

EXECS: list[dict] = [
    {"Cmd": ["true"]},
    {"Cmd": ["echo", '\u00fc "quoted" \\ \u2028'], "AttachStdout": True, "AttachStderr": True, "AttachStdin": True},
    {"Cmd": ["true"], "Tty": True, "ConsoleSize": [24, 80]},
    {"Cmd": ["true"], "Privileged": True},
    {"Cmd": ["true"], "User": "1000:1000"},
    {"Cmd": ["true"], "Env": ["A=b"], "WorkingDir": "/tmp"},
    {"Cmd": ["true"], "DetachKeys": "ctrl-x"},
    {"Cmd": []},
]

UPDATES: list[dict] = [
    {"Memory": 67108864, "MemorySwap": 134217728},
    {"Memory": 67108864, "MemorySwap": -1, "MemoryReservation": 33554432},
    {"NanoCpus": 500000000},
    {"CpuShares": 512, "CpusetCpus": "0"},
    {"PidsLimit": 64},
    {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 4}},
    {"BlkioWeight": 300},
]

VOLUMES: list[dict] = [
    {"Name": "dockgate-volume"},
    {"Name": "dockgate-volume", "Labels": {"a": "b", "\u00fc": ""}},
    {
        "Name": "dockgate-volume",
        "Driver": "local",
        "DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": "size=1m,uid=1000"},
    },
    {"Name": "dockgate-volume", "Driver": "no-such-driver"},
]

NEW_NETWORKS: list[dict] = [
    {"Name": NETWORK},
    {"Name": NETWORK, "Driver": "bridge", "Internal": True, "Labels": {"a": "b"}, "CheckDuplicate": True},
    {
        "Name": NETWORK,
        "IPAM": {
            "Config": [
                {
                    "Subnet": "10.78.0.0/16",
                    "IPRange": "10.78.1.0/24",
                    "Gateway": "10.78.0.1",
                    "AuxiliaryAddresses": {"a": "10.78.0.5"},
                }
            ]
        },
    },
    {
        "Name": NETWORK,
        "Options": {"com.docker.network.bridge.enable_icc": "false", "com.docker.network.driver.mtu": "1400"},
    },
    {"Name": NETWORK, "EnableIPv6": True, "IPAM": {"Config": [{"Subnet": "fd00:78::/64"}]}},
    {"Name": NETWORK, "ConfigOnly": True},
    {"Name": NETWORK, "Driver": "macvlan", "Options": {"parent": "no-such-interface"}},
    {"Name": NETWORK, "Attachable": True, "Scope": "local"},
]

CONNECTS: list[dict] = [
    {"Container": DB},
    {"Container": DB, "EndpointConfig": {"Aliases": ["database"], "IPAMConfig": {"IPv4Address": "10.79.0.9"}}},
    {"Container": DB, "EndpointConfig": {"DriverOpts": {"a": "b"}, "Links": ["db:x"]}},
]


class Both:
    """The two connections to an engine, and the result of a body on each."""

    def __init__(self, cases: Cases, engine: Engine, direct: Api, through: Api) -> None:
        self.cases, self.engine, self.direct, self.through = cases, engine, direct, through
        self.made = 0

    def compare(self, what: str, body: object, send: Callable[[Api], Answer], seen: Callable[[Answer], object]) -> None:
        """Sends a body both ways; `seen` returns what the engine then has, and removes it."""
        with self.cases.case(f"{self.engine.name}: {what} {shortened(body)}"):
            outcomes = []
            for api in (self.direct, self.through):
                answer = send(api)
                must(answer.reason is None, f"Dockgate refused: {answer}")
                outcome = seen(answer) if answer.status < 400 else None
                # Networks are listed in any order.
                words = sorted(re.findall(r"[\w<>./-]+", masked(answer.body)))
                outcomes.append((answer.status, words, masked(outcome)))
            self.made += outcomes[0][0] < 400
            must_equal("through Dockgate", outcomes[1], outcomes[0])


def shortened(body: object) -> str:
    text = json.dumps(body)
    return text if len(text) <= 150 else text[:150] + "..."


def masked(value: object) -> str:
    return mask_text(json.dumps(value, sort_keys=True, ensure_ascii=False))


def main() -> None:
    cases = Cases()
    for engine in main_engines():
        engine.clean_up()
        direct = Api(engine.address)
        prepare(direct)
        try:
            with Gate(engine.address, EVERYTHING) as gate:
                both = Both(cases, engine, direct, Api(gate.host))
                for kind in (containers, recorded, execs, updates, volumes, networks, connects):
                    both.made = 0
                    kind(both)
                    with cases.case(f"{engine.name}: most bodies of {kind.__name__} were taken by the engine"):
                        must(both.made >= LEAST[kind.__name__], f"{both.made} were")
        finally:
            tidy(direct)
            engine.clean_up()
    cases.finish()


# If an engine rejected everything, the comparison would find no differences.
LEAST = {"containers": 70, "recorded": 12, "execs": 6, "updates": 6, "volumes": 3, "networks": 4, "connects": 2}


def prepare(direct: Api) -> None:
    for place, network in enumerate(NETWORKS):
        subnet = {"Config": [{"Subnet": f"10.{77 + 10 * place}.0.0/16"}]}
        direct.done("POST", "/networks/create", {"Name": network, "IPAM": subnet})
    direct.done("POST", "/volumes/create", {"Name": VOLUME})
    loop = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]
    body = {"Image": "busybox", "Cmd": loop, "HostConfig": {"NetworkMode": "n", "IpcMode": "shareable"}}
    direct.done("POST", f"/containers/create?name={DB}", body)
    direct.done("POST", f"/containers/{DB}/start")


def tidy(direct: Api) -> None:
    for name in (DB, WEB):
        direct.ask("DELETE", f"/containers/{name}?force=1&v=1")
    for network in NETWORKS:
        direct.ask("DELETE", f"/networks/{network}")
    for volume in (VOLUME, "v2", "prj_data"):
        direct.ask("DELETE", f"/volumes/{volume}")


def containers(both: Both) -> None:
    # Dockgate always sends a HostConfig, because without one, engines up to 26.1 read its fields from elsewhere; the
    # inspection of 20.10 then has the runtime.
    base = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {}}
    bodies = [{**base, **fields} for fields in CONFIG]
    bodies += [{**base, "HostConfig": fields} for fields in HOST]
    bodies += [
        {**base, "HostConfig": {"NetworkMode": "n"}, "NetworkingConfig": {"EndpointsConfig": fields}}
        for fields in ENDPOINTS
    ]
    for body in bodies:
        container(both, "ContainerCreate", body)


ORDINARY = [("Image", "busybox"), ("Cmd", ["true"]), ("HostConfig", {})]


def steady(inspection: dict) -> dict:
    """An inspection without differences that do not matter: the order of mounts, and an absent list of bindings
    instead of an empty one."""
    inspection["Mounts"] = sorted(inspection["Mounts"], key=lambda mount: mount["Destination"])
    bindings = inspection["HostConfig"]["PortBindings"] or {}
    inspection["HostConfig"]["PortBindings"] = {port: hosts or [] for port, hosts in bindings.items()}
    return inspection


def container(both: Both, what: str, body: dict) -> None:
    def send(api: Api) -> Answer:
        return api.ask("POST", f"/containers/create?name={WEB}", body)

    def seen(answer: Answer) -> object:
        made = steady(both.direct.inspect(answer.body["Id"]))
        both.direct.done("DELETE", f"/containers/{WEB}?force=1&v=1")
        return made

    shown = {key: value for key, value in body.items() if (key, value) not in ORDINARY}
    both.compare(what, shown, send, seen)


def recorded(both: Both) -> None:
    """The bodies of real clients, as they sent them."""
    lines = (TESTS / "data" / "bodies.txt").read_text().splitlines()
    for line in lines:
        operation, _, text = line.partition(" ")
        if operation == "ContainerCreate":
            body = json.loads(text)
            # From another engine's disk, and with a path that does not exist here.
            container(both, "recorded", body)
            host = body.get("HostConfig") or {}
            plain = {key: value for key, value in host.items() if key not in NOT_HERE}
            container(both, "recorded, except for what does not exist here,", {**body, "HostConfig": plain})
        elif operation == "VolumeCreate":
            volume(both, json.loads(text))


NOT_HERE = (
    *(
        "Binds",
        "Mounts",
        "Devices",
        "DeviceRequests",
        "BlkioWeightDevice",
        "BlkioDeviceReadBps",
        "StorageOpt",
        "Sysctls",
    ),
    *(
        "CPURealtimePeriod",
        "CPURealtimeRuntime",
        "Links",
        "CgroupnsMode",
        "UTSMode",
        "PidMode",
        "IpcMode",
        "UsernsMode",
    ),
)


def execs(both: Both) -> None:
    def seen(answer: Answer) -> object:
        made = both.direct.get(f"/exec/{answer.body['Id']}/json")
        # A privileged one does not start on every machine.
        return made, both.direct.ask("POST", f"/exec/{answer.body['Id']}/start", {"Detach": True}).status

    for body in EXECS:
        both.compare(
            "ContainerExec", body, lambda api, body=body: api.ask("POST", f"/containers/{DB}/exec", body), seen
        )


def updates(both: Both) -> None:
    def send(api: Api, body: dict) -> Answer:
        both.direct.done("POST", f"/containers/create?name={WEB}", {"Image": "busybox", "Cmd": ["true"]})
        answer = api.ask("POST", f"/containers/{WEB}/update", body)
        if answer.status >= 400:
            both.direct.done("DELETE", f"/containers/{WEB}?force=1")
        return answer

    def seen(_answer: Answer) -> object:
        made = both.direct.inspect(WEB)
        both.direct.done("DELETE", f"/containers/{WEB}?force=1")
        return made

    for body in UPDATES:
        both.compare("ContainerUpdate", body, lambda api, body=body: send(api, body), seen)


def volumes(both: Both) -> None:
    for body in VOLUMES:
        volume(both, body)


def volume(both: Both, body: dict) -> None:
    def seen(answer: Answer) -> object:
        name = answer.body["Name"]
        made = both.direct.get(f"/volumes/{name}")
        if name != VOLUME:
            both.direct.done("DELETE", f"/volumes/{name}")
        return made

    # An existing one is returned as it is.
    if body["Name"] != VOLUME:
        both.direct.ask("DELETE", f"/volumes/{body['Name']}")
    both.compare("VolumeCreate", body, lambda api: api.ask("POST", "/volumes/create", body), seen)


def networks(both: Both) -> None:
    def seen(answer: Answer) -> object:
        made = both.direct.get(f"/networks/{answer.body['Id']}")
        both.direct.done("DELETE", f"/networks/{answer.body['Id']}")
        return made

    for body in NEW_NETWORKS:
        both.compare("NetworkCreate", body, lambda api, body=body: api.ask("POST", "/networks/create", body), seen)


def connects(both: Both) -> None:
    subnet = {"Config": [{"Subnet": "10.79.0.0/16"}]}
    both.direct.done("POST", "/networks/create", {"Name": NETWORK, "IPAM": subnet})

    def seen(_answer: Answer) -> object:
        made = both.direct.inspect(DB)["NetworkSettings"]["Networks"][NETWORK]
        both.direct.done("POST", f"/networks/{NETWORK}/disconnect", {"Container": DB, "Force": True})
        return made

    for body in CONNECTS:
        both.compare(
            "NetworkConnect", body, lambda api, body=body: api.ask("POST", f"/networks/{NETWORK}/connect", body), seen
        )
    both.direct.done("POST", f"/networks/{NETWORK}/connect", {"Container": DB})
    both.direct.done("POST", f"/networks/{NETWORK}/disconnect", {"Container": DB})


main()
