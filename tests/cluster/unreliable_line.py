"""A line to a broker that breaks, and delays what goes over it. It knows Kafka's frames, so that a
test can say what of a request has got through.

    size 4 | api key 2 | version 2 | correlation id 4 | client id: length 2, bytes | ...

Answers come in the order of the requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cluster.local_server import local_server


class Mishap(enum.Enum):
    """What can befall a request. Those behind it on a line that breaks share its fate."""

    REQUEST_LOST = "the line breaks while it is on its way to the broker"
    ANSWER_LOST = "the broker has carried it out, and the line breaks before the client hears so"
    ANSWER_LATE = "it is answered when the client may have given up"


Fate = Callable[[int], Mishap | None]
"""What befalls the next request of an API; asked in the line's own thread."""


def calm(_api_key: int) -> Mishap | None:
    return None


def once(api_key: int, mishap: Mishap) -> Fate:
    """Only the first request of this API."""
    left = [mishap]

    def fate(of: int) -> Mishap | None:
        return left.pop() if left and of == api_key else None

    return fate


def at_random(rng: random.Random, share: float) -> Fate:
    """Such a share of all requests, whatever they are."""
    mishaps = list(Mishap)

    def fate(_api_key: int) -> Mishap | None:
        return rng.choice(mishaps) if rng.random() < share else None

    return fate


@contextlib.contextmanager
def unreliable_line(target: str, late_seconds: float) -> Iterator[UnreliableLine]:
    """Leads to `target` (`host:port`) while the block lasts."""
    line = UnreliableLine(target, late_seconds)
    with local_server(line.answer) as line.address:
        yield line


class UnreliableLine:
    """Calm at first."""

    def __init__(self, target: str, late_seconds: float) -> None:
        self._host, port = target.rsplit(":", 1)
        self._port = int(port)
        self.late_seconds = late_seconds
        self.address = ""
        self.fate: Fate = calm
        self.asked: Counter[int] = Counter()
        """Requests by API."""
        self.under_way_max: Counter[int] = Counter()
        """The most requests of an API without an answer that there were on a connection."""
        self.befallen: Counter[tuple[Mishap, int]] = Counter()
        """Mishaps by API."""
        self.victims: Counter[tuple[str, int]] = Counter()
        """Mishaps by client id and API."""

    async def answer(
        self, from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter
    ) -> None:
        """Carries one connection until it ends on either side, or breaks."""
        ends = [to_client]
        under_way: deque[_Asked] = deque()
        try:
            from_broker, to_broker = await asyncio.open_connection(self._host, self._port)
            ends.append(to_broker)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._carry_requests(from_client, to_broker, under_way))
                both.create_task(self._carry_answers(from_broker, to_client, under_way))
        # A broker that is not there, and an end of the connection: neither is the line's failure.
        except* (OSError, EOFError, _Broken):
            pass
        finally:
            for end in ends:
                end.transport.abort()

    async def _carry_requests(
        self,
        client: asyncio.StreamReader,
        broker: asyncio.StreamWriter,
        under_way: deque[_Asked],
    ) -> None:
        while True:
            frame = await _next_frame(client)
            api_key = int.from_bytes(frame[4:6])
            asked = _Asked(api_key, _client_id(frame), self.fate(api_key))
            self.asked[api_key] += 1
            if asked.mishap is Mishap.REQUEST_LOST:
                self._befall(asked)
                broker.write(frame[: len(frame) // 2])
                raise _Broken
            under_way.append(asked)
            count = sum(1 for other in under_way if other.api_key == api_key)
            self.under_way_max[api_key] = max(self.under_way_max[api_key], count)
            broker.write(frame)
            await broker.drain()

    async def _carry_answers(
        self,
        broker: asyncio.StreamReader,
        client: asyncio.StreamWriter,
        under_way: deque[_Asked],
    ) -> None:
        while True:
            frame = await _next_frame(broker)
            asked = under_way.popleft()
            if asked.mishap is not None:
                self._befall(asked)
            if asked.mishap is Mishap.ANSWER_LOST:
                client.write(frame[: len(frame) // 2])
                raise _Broken
            if asked.mishap is Mishap.ANSWER_LATE:
                await asyncio.sleep(self.late_seconds)
            client.write(frame)
            await client.drain()

    def _befall(self, asked: _Asked) -> None:
        assert asked.mishap is not None
        self.befallen[asked.mishap, asked.api_key] += 1
        self.victims[asked.client_id, asked.api_key] += 1


@dataclass(frozen=True)
class _Asked:
    """A request on its way, and what is to befall it."""

    api_key: int
    client_id: str
    mishap: Mishap | None


class _Broken(Exception):
    """The line breaks now."""


async def _next_frame(stream: asyncio.StreamReader) -> bytes:
    size = await stream.readexactly(4)
    return size + await stream.readexactly(int.from_bytes(size))


def _client_id(frame: bytes) -> str:
    length = int.from_bytes(frame[12:14], signed=True)
    return frame[14 : 14 + max(length, 0)].decode()
