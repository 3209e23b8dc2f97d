"""A receiver that never answers is called less and less often, and at once again when it has answered."""

from __future__ import annotations

from common.delivery import silent_hosts as module
from common.delivery.silent_hosts import SilentHosts

NOW = 1_800_000_000.0


def test_a_host_that_stays_silent_is_called_ever_less_often() -> None:
    hosts, waits = SilentHosts(), []
    for _ in range(12):
        hosts.note_silence("a", NOW)
        waits.append(hosts.wait("a", NOW))
    assert waits[:5] == [0, 0, 20, 40, 80]
    assert waits[-1] == 900
    assert hosts.wait("b", NOW) == 0
    assert hosts.wait("a", NOW + 901) == 0


def test_an_answer_forgets_the_silence() -> None:
    hosts = SilentHosts()
    for _ in range(5):
        hosts.note_silence("a", NOW)
    hosts.note_answer("a")
    hosts.note_silence("a", NOW)
    assert hosts.wait("a", NOW) == 0


def test_a_clock_that_steps_back_makes_nobody_wait_for_long() -> None:
    hosts = SilentHosts()
    for _ in range(5):
        hosts.note_silence("a", NOW)
    assert hosts.wait("a", NOW - 86_400) == 0


def test_a_bounded_number_of_hosts_is_remembered() -> None:
    hosts = SilentHosts()
    for number in range(module._REMEMBERED + 50):
        hosts.note_silence(str(number), NOW)
    assert len(hosts._hosts) == module._REMEMBERED
