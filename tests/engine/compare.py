"""Compares two runs of one script, request by request: directly on the engine, and through Dockgate.

Equal means: the same requests were sent, and each got the same status, the same headers with the same spelling,
except Date and the hop-by-hop headers, and the same body bytes. Values that an engine never gives twice (ids, times,
addresses, counters) are masked first, in the same way on both sides.
"""

from __future__ import annotations

import difflib
import gzip
import hashlib
import io
import re
import tarfile
from collections import Counter, defaultdict
from urllib.parse import unquote

from exchanges import Exchange, Head

# RFC 9110 section 7.6.1, and Date, which each server sets by its own clock.
NOT_COMPARED = frozenset(
    "connection date keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer"
    " transfer-encoding upgrade".split()
)

# Fields that differ between two runs on one engine.
MASKS = [
    (rb"[0-9a-f]{64}", b"<id>"),
    # Podman: networks of containers, and X-Reference-Id, which is an address in its memory.
    (rb"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", b"<uuid>"),
    (rb"\b0x[0-9a-f]{9,12}\b", b"<pointer>"),
    (rb"\b[0-9a-f]{12}\b", b"<short id>"),
    # Objects of the swarm, their versions, and its own state.
    (rb"SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}\b", b"<token>"),
    (rb"\b[0-9a-z]{25}\b", b"<swarm id>"),
    (rb'("Version":\{"Index":|\bversion=)\d+', rb"\1<number>"),
    (rb'"(TrustRoot|CertIssuerSubject|CertIssuerPublicKey)":"[^"]*"', rb'"\1":"<certificate>"'),
    (rb"\b(since|until)=\d+\.\d+", rb"\1=<time>"),
    (rb"\btcp://127\.0\.0\.1:\d+", b"tcp://<address>"),
    (rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?[+-]\d\d:?\d\d| UTC|Z)?( UTC)?", b"<time>"),
    (rb'"(time|timeNano|Created|Pid|PID|NGoroutines|NFd|NEventsListener)":\d+', rb'"\1":<number>'),
    # Packing the same archive twice can give different sizes.
    (rb'"(\w*Size|Reclaimable|size)":\d+', rb'"\1":<number>'),
    (rb'"execDuration":"\d+"', rb'"execDuration":"<duration>"'),
    # Those that have ended are dropped some time later.
    (rb'"ExecIDs":(null|\[[^]]*\])', rb'"ExecIDs":<ids>'),
    (rb"([0-9a-f]{2}:){5}[0-9a-f]{2}", b"<mac>"),
    (rb"\b(10|172|192)\.\d+\.\d+\.\d+(/\d+)?\b", b"<address>"),
    (rb"((Up|About|Less than|Exited \(\d+\)) )*(an?|\d+) (second|minute|hour)s?( ago)?", b"<ago>"),
    (rb"\b\d+(\.\d+)?m?s\b", b"<duration>"),
]
MASKS = [(re.compile(pattern), mask) for pattern, mask in MASKS]

NUMBER = re.compile(rb"\d+")
GZIP = b"\x1f\x8b"
# Load and build report their progress as often as they like.
PROGRESS = re.compile(rb'\{[^\n]*("progressDetail":\{"current"|"moby.buildkit.trace")[^\n]*\r?\n')
# Counters, in a list whose length the kernel chooses, and processes by their numbers.
MEASURED = re.compile(r"/containers/[^/]+/(stats|top)(\?|$)")
# Their lists have no order.
UNORDERED = re.compile(r"(/v[\d.]+)?/(system/df|networks/?|images/json|info|containers/[^/]+/changes)(\?|$)")
# Podman keeps environments without an order.
UNORDERED_BY_PODMAN = re.compile(r"(/v[\d.]+)?/containers/[^/]+/json(\?|$)")
# These pipes carry HTTP/2, whose frames come in any order.
OPAQUE = re.compile(r"(/v[\d.]+)?/(session|grpc)$")


def mask(data: bytes) -> bytes:
    for pattern, replacement in MASKS:
        data = pattern.sub(replacement, data)
    return data


def mask_text(text: str) -> str:
    return mask(text.encode()).decode()


def label(exchange: Exchange) -> str:
    """What identifies the same request in two runs."""
    content = exchange.request_body.content
    body = "" if is_tar(content) or content.startswith(GZIP) else mask_text(content.decode("latin-1"))
    return f"{exchange.method} {mask_text(unquote(exchange.target))} {body}".strip()


def differences(direct: list[Exchange], through: list[Exchange]) -> list[str]:
    """All differences, one per line; none if the two runs are equal."""
    first, second = by_label(direct), by_label(through)
    found = []
    for name in list(first) + [name for name in second if name not in first]:
        counts = len(first[name]), len(second[name])
        if counts[0] != counts[1]:
            found.append(f"{name}: sent {counts[0]} times direct, {counts[1]} times through")
        # Paired by their results: clients ask for several things at once.
        twins = zip(sorted(first[name], key=reply_order), sorted(second[name], key=reply_order), strict=False)
        for one, other in twins:
            found += [f"{name}: {difference}" for difference in compare(one, other)]
    return found


def by_label(exchanges: list[Exchange]) -> dict[str, list[Exchange]]:
    """Grouped, because a client's parallel requests come in any order."""
    grouped = defaultdict(list)
    for exchange in exchanges:
        grouped[label(exchange)].append(exchange)
    return grouped


def reply_order(exchange: Exchange) -> tuple[int, bytes]:
    return exchange.status or 0, mask(reply_body(exchange))


def compare(direct: Exchange, through: Exchange) -> list[str]:
    """The differences between an exchange and its counterpart."""
    if direct.status != through.status:
        return [f"status {direct.status} direct, {through.status} through: {through.reply_body.content[:200]!r}"]
    if direct.reply is None or through.reply is None:
        return []
    found = [f"through: {fault}" for fault in faults(through)]
    if direct.informational != through.informational:
        found.append(f"informational {direct.informational} direct, {through.informational} through")
    found += compare_headers(direct, through)
    if (direct.piped_in is None) != (through.piped_in is None):
        found.append("a raw pipe in one of the runs only")
    elif direct.piped_in is not None and not OPAQUE.match(direct.target):
        found += compare_bytes("piped bytes", direct.piped_in, through.piped_in)
    if MEASURED.search(direct.target) or direct.abandoned or through.abandoned:
        return found
    bodies = reply_body(direct), reply_body(through)
    if is_unordered(direct):
        bodies = tuple(b",".join(sorted(re.split(rb"[][{},]", mask(body)))) for body in bodies)
    return found + compare_bytes("body", *bodies)


def is_unordered(exchange: Exchange) -> bool:
    server = exchange.reply.value("Server") or ""
    by_podman = server.startswith("Libpod/") and UNORDERED_BY_PODMAN.match(exchange.target)
    return bool(by_podman or UNORDERED.match(exchange.target))


def faults(exchange: Exchange) -> list[str]:
    """Problems of a single reply."""
    found = []
    if not exchange.reply_body.complete and not exchange.abandoned:
        found.append("the body is cut short")
    if len(exchange.reply.values("Content-Length")) > 1:
        found.append("two Content-Length lines")
    return found


# Up to this length, Go's server sends a reply that it need not flush with its length, and a longer one in chunks.
WITH_LENGTH = 2048


def compare_headers(direct: Exchange, through: Exchange, *, masked: bool = True) -> list[str]:
    shorter, longer = sorted(len(each.reply_body.content) for each in (direct, through))
    same_size = not masked or shorter == longer
    first, second = (headers(each.reply, masked=masked, with_length=same_size) for each in (direct, through))
    if masked and shorter <= WITH_LENGTH < longer:
        for found in (first, second):
            found.pop(("Content-Length", "<length>"), None)
    missing = [f"header {name}: {value!r} direct only" for name, value in (first - second).elements()]
    return missing + [f"header {name}: {value!r} through only" for name, value in (second - first).elements()]


def headers(reply: Head, *, masked: bool, with_length: bool) -> Counter[tuple[str, str]]:
    """The compared headers, with their names as spelled. Masked bodies may differ in length, but both must have a
    length."""
    found = Counter()
    for name, value in reply.headers:
        if name.lower() in NOT_COMPARED:
            continue
        shown = mask_text(value) if masked else value
        if name.lower() == "content-length" and not with_length:
            shown = "<length>"
        if name.lower() == "x-docker-container-path-stat" and masked:
            shown = "<stat>"  # base64 with a time in it
        found[name, shown] += 1
    return found


def reply_body(exchange: Exchange) -> bytes:
    content = exchange.reply_body.content
    if exchange.reply and exchange.reply.value("Content-Encoding") == "gzip" and exchange.reply_body.complete:
        content = gzip.decompress(content)
    if is_tar(content):
        return tar_listing(content)
    return PROGRESS.sub(b"", content)


def without_frames(data: bytes) -> bytes:
    """Output of a container without a tty, its two streams apart: where frames end differs between runs.

    Format: `stream 0 0 0 length(4, big endian)`, then that many bytes; anything else stays as it is.
    """
    streams, at = {1: b"", 2: b""}, 0
    while at < len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if kind not in (b"\1\0\0\0", b"\2\0\0\0") or at + 8 + size > len(data):
            return data
        streams[kind[0]] += data[at + 8 : at + 8 + size]
        at += 8 + size
    return streams[1] + streams[2]


def compare_bytes(what: str, direct: bytes, through: bytes) -> list[str]:
    direct, through = (mask(without_frames(data)) for data in (direct, through))
    if direct == through:
        return []
    lines = [part.decode("latin-1").replace(",", ",\n").splitlines() for part in (direct, through)]
    changed = [line for line in difflib.unified_diff(*lines, lineterm="", n=0) if not line.startswith(("---", "+++"))]
    return [f"{what} differs, - direct + through: " + " | ".join(changed)[:600]]


def is_tar(content: bytes) -> bool:
    return content[257:262] == b"ustar"


def tar_listing(content: bytes) -> bytes:
    """The same archive from two runs differs only in times, and in ids in its names and texts."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        lines = [
            mask(f"{member.name} {member.type} {member.mode} {member.linkname} ".encode()) + inside(archive, member)
            for member in archive
        ]
    return b"\n".join(sorted(lines))


def inside(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if not member.isreg():
        return b""
    content = archive.extractfile(member).read()
    if is_tar(content):
        return tar_listing(content)
    if b"\0" in content:
        return hashlib.sha256(content).hexdigest().encode()
    return NUMBER.sub(b"<number>", mask(content))
