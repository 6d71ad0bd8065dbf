"""An HTTPS proxy on loopback that redirects api.hubapi.com to a sandbox, for clients without a setting for the host.

Such a client runs unmodified, with HTTPS_PROXY in its environment. The proxy rejects every other host, so no request leaves the machine.

Usage: https_proxy.py SANDBOX_PORT; the first line on standard output is the port of the proxy.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from asyncio import StreamReader, StreamWriter
from contextlib import suppress

from certificate_authority import load_authority

HOST, LOOPBACK = "api.hubapi.com", "127.0.0.1"
CHUNK_BYTES = 1 << 16


async def serve(sandbox_port: int) -> None:
    """Serve until the process is terminated."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    load_authority().issue_cert(HOST).configure_cert(context)

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):  # either side may close the connection at any time
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
