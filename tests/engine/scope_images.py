"""What a client sees of images if its scope has `images = "scoped"`. They are checks of `scope_own.CHECKS`."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from api import Api
from cases import eventually, must, must_equal
from scope_events import opened
from scope_own import check, gone, make, ok
from scope_play import Clients
from scope_wire import Client
from scope_world import IMAGE
from support import TESTS, Engine

SECRET = "mk-the-secret-of-another"


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Registry(BaseHTTPRequestHandler):
    """A registry with the image `app`, which consists of one file."""

    protocol_version = "HTTP/1.1"
    layer = tar({"given": b"by the registry"})
    packed = gzip.compress(layer, mtime=0)
    rootfs = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/given"]}, "rootfs": rootfs}).encode()

    @classmethod
    def blobs(cls) -> dict[str, bytes]:
        return {"sha256:" + hashlib.sha256(blob).hexdigest(): blob for blob in (cls.packed, cls.config)}

    @classmethod
    def manifest(cls) -> bytes:
        kind = "application/vnd.docker.container.image.v1+json", "application/vnd.docker.image.rootfs.diff.tar.gzip"
        layer, config = (
            {"mediaType": media, "size": len(blob), "digest": "sha256:" + hashlib.sha256(blob).hexdigest()}
            for media, blob in zip(reversed(kind), (cls.packed, cls.config), strict=True)
        )
        media = "application/vnd.docker.distribution.manifest.v2+json"
        return json.dumps({"schemaVersion": 2, "mediaType": media, "config": config, "layers": [layer]}).encode()

    def do_GET(self) -> None:
        last = self.path.rsplit("/", 1)[-1]
        content, media = None, "application/octet-stream"
        if self.path == "/v2/":
            content = b"{}"
        elif "/app/manifests/" in self.path and (last in ("1", "2") or last.startswith("sha256:")):
            content, media = self.manifest(), "application/vnd.docker.distribution.manifest.v2+json"
        elif "/app/blobs/" in self.path:
            content = self.blobs().get(last)
        self.send_response(200 if content is not None else 404)
        content = content or b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(content).hexdigest())
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def registry(engine: Engine) -> Iterator[str]:
    """The registry, where the engine reaches it: each one has a loopback of its own. Yields the image's name."""
    command = [TESTS / "engine" / "engines.sh", "enter", engine.name, "--net", sys.executable, "-B", __file__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"127.0.0.1:{int(server.stdout.readline())}/app"
        finally:
            server.kill()


def serve() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    print(server.server_port, flush=True)
    server.serve_forever()


def tags(client: Client, **query: object) -> list[str]:
    """The names in the list of images, and in disk usage."""
    listed = ok(client, "GET", "/images/json", **query)
    found = sorted(tag for image in listed for tag in image["RepoTags"] or [])
    used = ok(client, "GET", "/system/df")["Images"] or []
    used = sorted(tag for image in used for tag in image["RepoTags"] or [])
    if not query:
        must_equal("the images in disk usage", used, found)
    return found


def foreign_image(direct: Api, name: str) -> str:
    """An image of nobody, whose id it returns."""
    made = make(direct, "maker", Labels={SECRET: SECRET})
    identity = direct.done("POST", f"/commit?container={made}&repo={name}&tag=1&comment={SECRET}", {})["Id"]
    direct.done("DELETE", f"/containers/{made}?force=1")
    return identity


def same_as_missing(a: Client, identity: str) -> None:
    """A foreign image is answered like one that does not exist."""
    bare = identity.removeprefix("sha256:")
    for name, missing in [
        ("ci-foreign:1", "ci-missing:1"),
        (identity, "sha256:" + "1" * 64),
        (bare, "1" * 64),
        (bare[:12], "1" * 12),
        ("ci-foreign", "ci-missing"),
    ]:
        repo = name.partition(":")[0] if name.startswith("ci-") else name
        other = missing.partition(":")[0] if name.startswith("ci-") else missing
        for method, path, query in [
            ("GET", "/images/NAME/json", {}),
            ("GET", "/images/NAME/history", {}),
            ("GET", "/images/NAME/get", {}),
            ("GET", "/images/get", {"names": "NAME"}),
            ("DELETE", "/images/NAME", {}),
            ("POST", "/images/NAME/tag", {"repo": "ci-stolen", "tag": "1"}),
            ("POST", "/images/REPO/push", {"tag": "1"}),
            ("POST", "/containers/create", {"name": "ci-x"}),
            ("GET", "/images/json", {"filters": {"before": ["NAME"]}}),
            ("GET", "/images/json", {"filters": {"since": ["NAME"]}}),
            ("GET", "/images/json", {"filters": {"reference": ["REPO"]}}),
            ("GET", "/containers/json", {"all": "1", "filters": {"ancestor": ["NAME"]}}),
        ]:
            answers = []
            for of, repository in ((name, repo), (missing, other)):
                put = lambda text, of=of, repository=repository: text.replace("NAME", of).replace("REPO", repository)
                asked = {key: json.loads(put(json.dumps(value))) for key, value in query.items()}
                body = {"Image": of} if path == "/containers/create" else None
                status, answer = a.ask(method, put(path), body, **asked)
                text = json.dumps(answer).replace(of, "X").replace(repository, "X")
                answers.append((status, text.replace(of.removeprefix("sha256:"), "X")))
            must_equal(f"{method} {path} {query} of {name}", answers[0], answers[1])
            must(SECRET not in answers[0][1], f"{method} {path} {query}: {answers[0]}")


@check("images of others do not exist", images="scoped", on_all=True)
def others(direct: Api, clients: Clients) -> None:
    a, b = clients.a, clients.b
    identity = foreign_image(direct, "ci-foreign")
    streams = [opened(client) for client in (a, b)]
    make(a, "ci-source")
    own = ok(a, "POST", "/commit", {}, container="ci-source", repo="ci-made", tag="1")["Id"]
    direct.done("POST", "/images/ci-made:1/tag?repo=ci-other&tag=1")
    ok(a, "POST", "/images/ci-made:1/tag", repo="ci-made", tag="2")
    mine = ["ci-made:1", "ci-made:2"]
    must_equal("client A's images", tags(a), sorted(["busybox:latest", *mine]))
    must_equal("client B's images", tags(b), ["busybox:latest"])
    must_equal("with a filter", tags(a, filters={"reference": ["ci-*"]}), mine)
    for shown in (ok(a, "GET", "/images/ci-made:1/json"), ok(a, "GET", f"/images/{own}/json")):
        must_equal("the names in an inspection", sorted(shown["RepoTags"]), mine)
    history = json.dumps(ok(a, "GET", "/images/ci-made:1/history"))
    must("ci-other" not in history and "ci-made:1" in history, f"the history: {history}")
    same_as_missing(a, identity)
    for client, name in ((a, "ci-other:1"), (b, "ci-made:1"), (b, own)):
        gone(client, "GET", f"/images/{name}/json")
        gone(client, "DELETE", f"/images/{name}")
        gone(client, "POST", "/containers/create", {"Image": name})
    status, answer = a.ask("DELETE", f"/images/{IMAGE}")
    must_equal(f"DELETE of an image that may be seen: {answer}", status, 403)
    make(a, "ci-own", Image="ci-made:2")
    ok(a, "GET", "/images/ci-made:1/get")
    ok(a, "GET", "/images/get", names="ci-made:1")
    ok(a, "DELETE", "/containers/ci-own", force="1")
    for tag in ("ci-made:2", "ci-made:1"):
        ok(a, "DELETE", f"/images/{tag}")
    must_equal("what is left", {tag for image in direct.get("/images/json") for tag in image["RepoTags"] or []} & {"ci-other:1", "ci-foreign:1"}, {"ci-other:1", "ci-foreign:1"})
    make(a, "ci-last")
    eventually("the last event", lambda: streams[0].has('"name":"ci-last"'))
    make(b, "b-last")
    eventually("the last event", lambda: streams[1].has('"name":"b-last"'))
    for stream in streams:
        stream.close()
    seen = [[event for event in stream.events() if event["Type"] == "image"] for stream in streams]
    must("ci-made:2" in json.dumps(seen[0]), f"client A's events of images: {seen[0]}")
    must("ci-other" not in json.dumps(seen[0]), f"client A's events of images: {seen[0]}")
    must_equal("client B's events of images", seen[1], [])


@check("what a client pulls is its own to use", images="scoped", on_all=True)
def pulled(direct: Api, clients: Clients) -> None:
    a, b = clients.a, clients.b
    with registry(clients.engine) as app:
        try:
            direct.ask("POST", f"/images/create?fromImage={app}&tag=1")
            must(direct.ask("GET", f"/images/{app}:1/json").status == 200, "the engine cannot pull")
            gone(a, "GET", f"/images/{app}:1/json")
            gone(a, "POST", "/containers/create", {"Image": f"{app}:1"}, name="ci-x")
            a.ask("POST", "/images/create", fromImage=app, tag="missing")
            gone(a, "GET", f"/images/{app}:1/json")
            ok(a, "POST", "/images/create", fromImage=app, tag="1")
            ok(a, "GET", f"/images/{app}:1/json")
            ok(a, "POST", "/containers/create", {"Image": f"{app}:1"}, name="ci-x")
            must(f"{app}:1" in tags(a), "client A's list lacks what it has pulled")
            status, answer = a.ask("DELETE", f"/images/{app}:1", force="1")
            must_equal(f"DELETE of a pulled image: {answer}", status, 403)
            gone(b, "GET", f"/images/{app}:1/json")
            must(f"{app}:1" not in tags(b), "client B's list has what client A has pulled")
            ok(b, "POST", "/images/create", fromImage=app, tag="1")
            ok(b, "GET", f"/images/{app}:1/json")
            builds(direct, a, app)
        finally:
            a.ask("DELETE", "/containers/ci-x", force="1")
            for tag in ("1", "2"):
                direct.ask("DELETE", f"/images/{app}:{tag}?force=1")


def builds(direct: Api, a: Client, app: str) -> None:
    """A build begins with what the registry gives, and with nothing else."""
    identity = foreign_image(direct, "ci-base")

    def build(steps: str) -> object:
        context = tar({"Dockerfile": f"FROM {steps}\nLABEL a=b\n".encode(), "x": b"x"})
        return ok(a, "POST", "/build", context, t="ci-built:1", pull="0")

    copied = f"{app}:2\nCOPY --from=NAME /etc/passwd /x"
    for steps in ("NAME", copied):
        for name in ("ci-base:1", identity, identity.removeprefix("sha256:"), "ci-missing:1"):
            said = json.dumps(build(steps.replace("NAME", name)))
            must("Successfully built" not in said and SECRET not in said, f"a build with {name}: {said}")
    said = json.dumps(build(f"{app}:2"))
    must("Successfully built" in said, f"a build from {app}:2: {said}")
    ok(a, "GET", "/images/ci-built:1/json")
    status, answer = a.ask("POST", "/build", tar({"Dockerfile": b"FROM scratch\n"}), t="ci-built:2", version="2")
    must_equal(f"a build by BuildKit: {answer}", status, 403)


if __name__ == "__main__":
    serve()
