"""The container of a test suite through Testcontainers for Python; arguments as for `library_docker_py.py`."""

import sys

from testcontainers.core.container import DockerContainer
from testcontainers.core.network import Network
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"]


def main(name: str) -> None:
    with Network() as network:
        web = DockerContainer("busybox:latest", command=LOOP).with_name(name).with_env("WORD", "first")
        with web.with_network(network).waiting_for(LogMessageWaitStrategy("ready")):
            out, _ = web.get_logs()
            print("log:", out.decode().strip())
            code, output = web.exec(["sh", "-c", "echo $WORD"])
            print("exec:", code, output.decode().strip())
    print("gone")


main(*sys.argv[1:])
