"""A stand-in daemon that answers every request with an endless stream, like `GET /events` on an idle engine.

Usage: held_streams.py SOCKET
"""

import asyncio
import resource
import sys

HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n"
    b"\r\n"
)
FIRST_EVENT = b"2\r\n{}\r\n"


async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + FIRST_EVENT)
        await writer.drain()
        await reader.read()  # until the proxy hangs up
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    server = await asyncio.start_unix_server(hold, sys.argv[1], backlog=1024)
    await server.serve_forever()


asyncio.run(main())
