"""A look-up blocks neither the event loop nor its threads nor the end of the process."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from common.outbound import dns
from common.outbound.dns import addresses_of
from tests.children import python


async def test_a_name_has_its_addresses() -> None:
    assert await addresses_of("127.0.0.1", 80) == ["127.0.0.1"]
    assert set(await addresses_of("localhost", 80)) <= {"127.0.0.1", "::1"}


async def test_a_name_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        await addresses_of("nothing.invalid", 80)
    with pytest.raises(UnicodeError):
        await addresses_of("a" * 64 + ".example", 80)


async def test_ipv6_and_ipv4_addresses_come_in_turn_the_best_first(monkeypatch: pytest.MonkeyPatch) -> None:
    found = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1", "192.0.2.2"]

    def resolver(*_: object, **__: object) -> list[object]:
        return [(0, 1, 6, "", (address, 80)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    expected = ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", "2001:db8::3"]
    assert await addresses_of("both.example", 80) == expected
    found.reverse()
    expected = ["192.0.2.2", "2001:db8::3", "192.0.2.1", "2001:db8::2", "2001:db8::1"]
    assert await addresses_of("both.example", 80) == expected


async def test_look_ups_that_take_long_use_a_few_threads_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        answered.wait(20)
        return [(2, 1, 6, "", ("192.0.2.1", 80))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    lookups = [asyncio.create_task(addresses_of("slow.example", 80)) for _ in range(dns._AT_ONCE)]
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await addresses_of("slow.example", 80)
    lookups[0].cancel()
    assert (
        await asyncio.to_thread(lambda: "the loop's own threads are free")
        == "the loop's own threads are free"
    )
    answered.set()
    assert await lookups[1] == ["192.0.2.1"]
    await asyncio.gather(*lookups, return_exceptions=True)
    assert await addresses_of("slow.example", 80) == ["192.0.2.1"]  # all places are free again


def test_a_process_ends_without_waiting_for_a_look_up() -> None:
    process = python(
        """
        import asyncio, socket, time
        from common.outbound.dns import addresses_of
        socket.getaddrinfo = lambda *_, **__: time.sleep(60)
        async def main():
            try:
                async with asyncio.timeout(0.1):
                    await addresses_of("slow.example", 80)
            except TimeoutError:
                print("gone on", flush=True)
        asyncio.run(main())
        """
    )
    output, _ = process.communicate(timeout=55)
    assert (output.strip(), process.returncode) == ("gone on", 0)
