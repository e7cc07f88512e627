"""The container of a test suite through docker-py; `DOCKER_HOST` is the engine, the argument the container."""

import io
import sys
import tarfile

from docker.errors import APIError

import docker

LOOP = ["sh", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done"]


def main(name: str) -> None:
    client = docker.from_env(timeout=30)
    client.ping()
    client.info()
    try:
        client.images.pull("dockgate-none", tag="1")
    except APIError as error:
        # There is no registry.
        print("pull:", "dial " in str(error))
    network = client.networks.create(f"{name}-net", labels={"made-by": name})
    web = client.containers.run(
        "busybox:latest", LOOP, detach=True, name=name, environment={"WORD": "first"}, labels={"made-by": name}
    )
    print("log:", next(web.logs(stream=True, follow=True)).decode().strip())
    code, output = web.exec_run(["sh", "-c", "echo $WORD"])
    print("exec:", code, output.decode().strip())
    web.put_archive("/tmp", archive())
    print("file:", web.exec_run(["cat", "/tmp/hello.txt"]).output.decode().strip())
    network.connect(web)
    print("networks:", len(client.networks.list(filters={"label": f"made-by={name}"})))
    client.networks.get("bridge")
    client.images.list()
    web.kill()
    web.remove(force=True)
    network.remove()
    assert not client.containers.list(all=True, filters={"label": f"made-by={name}"})
    print("gone")


def archive() -> bytes:
    text = b"hello from the archive\n"
    member = tarfile.TarInfo("hello.txt")
    member.size = len(text)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(member, io.BytesIO(text))
    return packed.getvalue()


main(*sys.argv[1:])
