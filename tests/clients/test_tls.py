"""Real clients over TLS, with the files that `dockgate certs` makes, unchanged.

Each client does what it does on the engine itself, and prints the same. Then its certificate is revoked, and it is
refused. Streams end over TLS as they do without: a container's input, an attached container, followed logs, a build.

Runs on the main engine, with the docker CLIs of all of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
sys.path.insert(0, str(CLIENTS.parent / "engine"))

from cases import Cases, eventually, must, must_equal
from commands import run, run_well
from compare import mask_text
from programs import CACHE, PROGRAMS, build_go
from support import Engine, engines, main_engine, scratch
from tls_gate import PORT, Tls, tls

JARS = f"{CACHE}/java/jars/*"
CLASSES = PROGRAMS / "tls-java"
PYTHON = ["python3", CLIENTS / "docker_py_steps.py"]
TESTCONTAINERS = ["python3", CLIENTS / "library_testcontainers.py"]
JAVA = ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
DOCKERODE = """
const docker = new (require("dockerode"))();
(async () => {
  console.log(String(await docker.ping()));
  const [, container] = await docker.run("busybox", ["cat", "/etc/hostname"], process.stdout, { Hostname: "node" });
  await container.remove();
})();
"""
HTTP_CLIENT = """
import java.io.*; import java.net.*; import java.net.http.*; import java.security.*; import javax.net.ssl.*;
public class Ask {
    public static void main(String[] words) throws Exception {
        var store = KeyStore.getInstance("PKCS12");
        store.load(new FileInputStream(words[1]), "secret".toCharArray());
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, "secret".toCharArray());
        var trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        var reader = java.security.cert.CertificateFactory.getInstance("X.509");
        trusted.setCertificateEntry("ca", reader.generateCertificate(new FileInputStream(words[2])));
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        var request = HttpRequest.newBuilder(URI.create(words[0] + "/_ping")).build();
        var client = HttpClient.newBuilder().sslContext(context).build();
        System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
"""


def main() -> None:
    chosen = sys.argv[1:]
    cases, engine = Cases(), main_engine()
    with tls(engine) as gate:
        for each in engines() if not chosen else []:
            with cases.case(f"docker CLI {each.name}"):
                command_line(gate, each)
        for each in engines()[1:] if not chosen else []:
            with cases.case(f"compose and buildx {each.name}"):
                plugins(gate, each)
        for name, check in (
            ("docker context", context),
            ("docker-py", docker_py),
            ("dockerode", dockerode),
            ("Testcontainers for Python", testcontainers),
            ("curl", curl),
            ("Java's HttpClient", http_client),
            ("docker-java", docker_java),
            ("Go's client", moby),
        ):
            if not chosen or name in chosen:
                engine.clean_up()
                with cases.case(name):
                    check(gate)
        with cases.case("each client is refused once its certificate is revoked"):
            revoked(gate)
        with cases.case("the docker CLI says that the port needs TLS"):
            done = run(*engine.docker, "version", host=f"tcp://localhost:{PORT}")
            must("this port speaks TLS" in done.err, done.err)
    cases.finish()


def command_line(gate: Tls, each: Engine) -> None:
    env, name = gate.client(f"cli-{each.name}"), f"dockgate-tls-{each.name}"

    def docker(*words: object, **options):
        return run_well(*each.docker, *words, env=env, **options)

    text = "typed\n" * 50_000
    must_equal("piped input", docker("run", "--rm", "-i", "busybox", "cat", typed=text).out, text)
    done = run(*each.docker, "run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7", env=env)
    must_equal("output and code", (done.code, done.out, done.err), (7, "out\n", "err\n"))
    docker("run", "-d", "--name", name, "busybox", "sh", "-c", "seq 5; exec sleep 600")
    try:
        must_equal("exec", docker("exec", "-i", name, "cat", typed=text).out, text)
        with scratch() as folder:
            (folder / "Dockerfile").write_text("FROM busybox\nCOPY big /big\n")
            (folder / "big").write_bytes(os.urandom(3_000_000))
            docker("cp", folder / "big", f"{name}:/big")
            docker("cp", f"{name}:/big", folder / "back")
            must((folder / "big").read_bytes() == (folder / "back").read_bytes(), "cp both ways")
            old_builder = env | {"DOCKER_BUILDKIT": "0"}
            run_well(*each.docker, "build", "-t", name, folder, env=old_builder)
        must_equal("logs", docker("logs", name).out, "1\n2\n3\n4\n5\n")
        following = subprocess.Popen(
            [str(word) for word in (*each.docker, "logs", "-f", name)],
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
        )
        docker("kill", name)
        must_equal("followed logs", following.communicate(timeout=30)[0], b"1\n2\n3\n4\n5\n")
    finally:
        run(*each.docker, "rm", "-f", name, env=env)
        run(*each.docker, "rmi", name, env=env)


def plugins(gate: Tls, each: Engine) -> None:
    env = gate.client(f"plugins-{each.name}")
    with scratch() as folder:
        (folder / "Dockerfile").write_text("FROM busybox\nRUN echo built > /built\n")
        (folder / "compose.yaml").write_text("services: {web: {build: ., command: cat /built}}\n")
        project = ("compose", "--project-name", "dockgate-tls", "--project-directory", folder)
        project += ("--file", folder / "compose.yaml")
        done = run_well(*each.docker, *project, "up", "--build", env=env)
        must("built" in done.out, done.out)
        run_well(*each.docker, *project, "down", "--rmi", "local", env=env)


def context(gate: Tls) -> None:
    files = gate.client("context")["DOCKER_CERT_PATH"]
    with scratch() as folder:
        env = {"DOCKER_CONFIG": str(folder)}
        host = f"host=tcp://localhost:{PORT},ca={files}/ca.pem,cert={files}/cert.pem,key={files}/key.pem"
        run_well(*gate.engine.docker, "context", "create", "far", "--docker", host, env=env)
        run_well(*gate.engine.docker, "--context", "far", "ps", env=env)


def docker_py(gate: Tls) -> None:
    env = gate.client("docker-py")
    with scratch() as folder:
        (folder / "hello.txt").write_text("hello from the archive\n")
        with tarfile.open(folder / "hello.tar", "w") as archive:
            archive.add(folder / "hello.txt", "hello.txt")
        words = [*PYTHON, folder / "hello.tar", "dockgate-tls"]
        direct = run_well(*words, host=gate.engine.address)
        must_equal("printed", mask_text(run_well(*words, env=env).out), mask_text(direct.out))


def dockerode(gate: Tls) -> None:
    done = run_well("node", "-e", DOCKERODE, env=gate.client("dockerode"))
    must_equal("printed", done.out, "OK\nnode\r\n")


def testcontainers(gate: Tls) -> None:
    env = gate.client("testcontainers") | {"TESTCONTAINERS_RYUK_DISABLED": "true"}
    done = run_well(*TESTCONTAINERS, "dockgate-tls-testcontainers", env=env)
    must_equal("printed", done.out, "log: ready\nexec: 0 first\ngone\n")


def curl(gate: Tls) -> None:
    files = gate.client("curl")["DOCKER_CERT_PATH"]
    words = ["curl", "-sS", "--cacert", f"{files}/ca.pem", "--cert", f"{files}/cert.pem", "--key", f"{files}/key.pem"]
    must_equal("ping", run_well(*words, f"https://localhost:{PORT}/_ping").out, "OK")
    for version in ("1.2", "1.3"):
        done = run_well(*words, f"--tlsv{version}", "--tls-max", version, f"https://localhost:{PORT}/_ping")
        must_equal(version, done.out, "OK")


def http_client(gate: Tls) -> None:
    files = gate.client("java")["DOCKER_CERT_PATH"]
    with scratch() as folder:
        (folder / "Ask.java").write_text(HTTP_CLIENT)
        store = ["openssl", "pkcs12", "-export", "-passout", "pass:secret", "-out", folder / "store.p12"]
        run_well(*store, "-in", f"{files}/cert.pem", "-inkey", f"{files}/key.pem")
        words = [*JAVA, folder / "Ask.java", f"https://localhost:{PORT}", folder / "store.p12", f"{files}/ca.pem"]
        must_equal("ping", run_well(*words).out, "OK\n")


def docker_java(gate: Tls) -> None:
    build = ["javac", "-d", CLASSES, "-cp", JARS, CLIENTS / "docker_java" / "Steps.java"]
    subprocess.run(build, check=True)
    env = gate.client("docker-java")
    with scratch() as folder:
        (folder / "hello.txt").write_text("hello from the archive\n")
        words = [*JAVA, "-cp", f"{CLASSES}:{JARS}", "Steps"]
        direct = run_well(*words, gate.engine.address, folder / "hello.txt", "all")
        through = run_well(*words, env["DOCKER_HOST"], folder / "hello.txt", "all", env=env)
        must_equal("printed", mask_text(through.out), mask_text(direct.out))


def moby(gate: Tls) -> None:
    program = build_go(CLIENTS / "moby")
    env = gate.client("moby")
    with scratch() as folder:
        (folder / "hello.txt").write_text("hello from the archive\n")
        with tarfile.open(folder / "hello.tar", "w") as archive:
            archive.add(folder / "hello.txt", "hello.txt")
        words = [program, gate.engine.address, folder / "hello.tar", "dockgate-moby"]
        direct = run_well(*words, host=gate.engine.address)
        through = run_well(*words, env=env)
        # One line names the address.
        printed = [re.sub("(?m)^DaemonHost: .*", "", mask_text(each.out)) for each in (through, direct)]
        must_equal("printed", *printed)


def revoked(gate: Tls) -> None:
    env = gate.client("revoked")
    following = subprocess.Popen(
        [str(word) for word in (*gate.engine.docker, "events")], env={**os.environ, **env}, stderr=subprocess.PIPE
    )
    must(following.poll() is None, "events")
    eventually("the stream", lambda: '"SystemEvents"' in gate.records.read_text())
    gate.certs("revoke", "revoked")
    must(following.wait(30) != 0, "events end with an error")
    eventually("its record", lambda: '"end":"revoked"' in gate.records.read_text())
    done = run(*gate.engine.docker, "ps", env=env)
    must("revoked" in done.err, f"docker CLI: {done.err}")


main()
