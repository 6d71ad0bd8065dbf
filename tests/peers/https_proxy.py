"""An HTTPS proxy on loopback behind which api.hubapi.com is a sandbox: for clients whose host cannot be set.

Such a client runs as it was published; all that it is told is HTTPS_PROXY in its environment. Every other host is refused, so
that nothing leaves the machine.

Usage: stand_in.py SANDBOX_PORT; a line of standard output says the port of the proxy.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from certificate_authority import create_authority

HOST, LOOPBACK = "api.hubapi.com", "127.0.0.1"
CHUNK_BYTES = 1 << 16  # bytes


async def serve(sandbox_port: int) -> None:
    """Serve until the process is ended."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    create_authority().issue_cert(HOST).configure_cert(context)

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):  # either side may leave at any time
            await _tunnel(reader, writer, context, sandbox_port)
        writer.close()

    server = await asyncio.start_server(connected, LOOPBACK, 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


async def _tunnel(reader: StreamReader, writer: StreamWriter, context: ssl.SSLContext, sandbox_port: int) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(f"CONNECT {HOST}:443 ".encode()):
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await writer.drain()
    await writer.start_tls(context)
    from_sandbox, to_sandbox = await asyncio.open_connection(LOOPBACK, sandbox_port)
    await asyncio.gather(_copy(reader, to_sandbox), _copy(from_sandbox, writer))


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    finally:
        writer.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
