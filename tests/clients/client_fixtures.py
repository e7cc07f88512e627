"""The bytes that a client sends, as readable text.

A fixture has all requests of one run, in order. Before each is a line `###`, then come its head as it was sent and
its body. Ids are replaced by others of the same length, so lengths stay true; an archive is described instead of
shown, chunks are joined, and bytes after an upgrade follow a line `# then, raw:`.
"""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

from compare import is_tar
from exchanges import Exchange

FIXTURES = Path(__file__).resolve().parent / "fixtures"

ID = re.compile(r"[0-9a-f]{64}")


def render(exchanges: list[Exchange]) -> str:
    numbers: dict[str, int] = {}

    def numbered(found: re.Match) -> str:
        return f"{numbers.setdefault(found[0], len(numbers) + 1):064x}"

    text = "".join(f"###\n{request(exchange)}" for exchange in exchanges)
    return ID.sub(numbered, text)


def request(exchange: Exchange) -> str:
    head = exchange.request_bytes[: exchange.request.size].decode("latin-1")
    head = re.sub(r"127\.0\.0\.1:\d+", "localhost", head.replace("\r\n", "\n"))
    lines = [head + body(exchange.request_body.content)]
    if exchange.piped_out:
        lines.append(f"# then, raw: {exchange.piped_out!r}")
    return "\n".join(line.rstrip("\n") for line in lines) + "\n"


def body(content: bytes) -> str:
    if not is_tar(content):
        return content.decode()
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return f"# an archive: {', '.join(sorted(ID.sub('<id>', name) for name in archive.getnames()))}"
