"""A port forward, as of a container or a tunnel: another address, and nothing of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from cluster.local_server import local_server

CHUNK_BYTES = 64 * 1024


@contextlib.contextmanager
def port_forward(target: str) -> Iterator[str]:
    """Gives the address that leads to `target` (`host:port`) while the block lasts."""
    host, port = target.rsplit(":", 1)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_pump(reader, target_writer), _pump(target_reader, writer))

    with local_server(forward) as address:
        yield address


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # A client that leaves is no failure of the forward.
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()
