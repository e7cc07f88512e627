"""The life of a container through docker-py, with a line of output for each step.

`DOCKER_HOST` is the engine; arguments: a tar archive that contains `hello.txt`, and a name prefix for everything that
is created.
"""

import io
import socket
import sys

import docker
from docker.errors import APIError

# Without traps, the first process of a container ignores signals, so it reports when they are set.
LIFE = "trap 'exit 7' USR1; trap 'exit 0' TERM; echo >> /tmp/starts; while :; do sleep 0.1; done"
STARTED = "until [ $(wc -l < /tmp/starts) = {} ]; do sleep 0.1; done"


def main(archive_path: str, prefix: str) -> None:
    with open(archive_path, "rb") as file:
        archive = file.read()
    client = docker.from_env(timeout=30)
    label, labels = f"made-by={prefix}", {"made-by": prefix}
    report("version", client.version()["ApiVersion"])

    network = client.networks.create(f"{prefix}-net", labels=labels)
    web = client.containers.create(
        "busybox:latest",
        ["sh", "-c", LIFE],
        name=f"{prefix}-web",
        network=network.name,
        environment={"WORD": "from the environment"},
        labels=labels,
        tty=True,
    )
    report("create", web.name)
    report("start", web.start())
    run(client, web, archive)
    images(client, web, prefix, archive)

    client.containers.create("busybox:latest", name=f"{prefix}-web", labels=labels)
    report("remove", web.remove(force=True, v=True))
    report("prune containers", len(client.containers.prune({"label": label})["ContainersDeleted"]))
    report("prune networks", client.networks.prune({"label": label}))
    for tag in ("tagged", "commit", "import"):
        report("remove image", client.images.remove(f"{prefix}-image:{tag}"))
    report("remove what is gone", failure(web.remove))


def run(client, web, archive: bytes) -> None:
    wait_for_start(web, 1)
    report("exec", web.exec_run(["sh", "-c", "echo $WORD; echo aside >&2"], demux=True))
    report("exec with stdin", typed(client, web, b"typed\n"))
    report("exec detached", web.exec_run("sleep 60", detach=True).output)
    report("resize", web.resize(30, 100))
    report("put archive", web.put_archive("/tmp", archive))
    report("exec after put", web.exec_run("cat /tmp/hello.txt"))
    report("attach", len(web.attach(stream=False, logs=True)))
    report("rename", web.rename(f"{web.name.removesuffix('-web')}-renamed"))
    report("restart", web.restart(timeout=1))
    wait_for_start(web, 2)
    report("stop", web.stop(timeout=1))
    report("stop again", web.stop())
    web.start()
    wait_for_start(web, 3)
    report("kill", web.kill(signal="SIGUSR1"))
    report("wait", web.wait())
    report("logs", web.logs())


def wait_for_start(web, number: int) -> None:
    web.exec_run(["sh", "-c", STARTED.format(number)])


def typed(client, web, text: bytes) -> bytes:
    """The output of `cat` for `text`; its stdin ends with a half-close of the connection.

    Over TLS Python cannot half-close a connection and read on, so there the command ends after a line.
    """
    has_tls = client.api.base_url.startswith("https:")
    created = client.api.exec_create(web.id, "head -n 1" if has_tls else "cat", stdin=True)["Id"]
    stream = client.api.exec_start(created, socket=True)
    connection = stream if has_tls else stream._sock
    connection.sendall(text)
    if not has_tls:
        connection.shutdown(socket.SHUT_WR)
    answer = b""
    while part := connection.recv(4096):
        answer += part
    stream.close()
    return answer


def images(client, web, prefix: str, archive: bytes) -> None:
    report("commit", web.commit(f"{prefix}-image", "commit").tags)
    report("tag", client.images.get(f"{prefix}-image:commit").tag(f"{prefix}-image", "tagged"))
    report("import", client.api.import_image_from_data(archive, f"{prefix}-image", "import").count("status"))
    saved = b"".join(client.images.get(f"{prefix}-image:import").save(named=True))
    report("load", [image.tags for image in client.images.load(io.BytesIO(saved))])


def failure(call) -> str:
    try:
        return f"no error: {call()}"
    except APIError as error:
        return f"{error.status_code}: {error.explanation}"


def report(step: str, result) -> None:
    print(f"{step}: {result!r}", flush=True)


main(*sys.argv[1:])
