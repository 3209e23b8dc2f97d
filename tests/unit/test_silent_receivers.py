"""A receiver that never answers is called less and less often, and at once again when it has answered."""

from __future__ import annotations

from common.delivery import silent_receivers as module
from common.delivery.silent_receivers import SilentReceivers

NOW = 1_800_000_000.0


def test_a_receiver_that_stays_silent_is_called_ever_less_often() -> None:
    receivers, waits = SilentReceivers(), []
    for _ in range(12):
        receivers.note_silence("a", NOW)
        waits.append(receivers.wait("a", NOW))
    assert waits[:5] == [0, 0, 20, 40, 80]
    assert waits[-1] == 900
    assert receivers.wait("b", NOW) == 0
    assert receivers.wait("a", NOW + 901) == 0


def test_an_answer_forgets_the_silence() -> None:
    receivers = SilentReceivers()
    for _ in range(5):
        receivers.note_silence("a", NOW)
    receivers.note_answer("a")
    receivers.note_silence("a", NOW)
    assert receivers.wait("a", NOW) == 0


def test_a_clock_that_steps_back_makes_nobody_wait_for_long() -> None:
    receivers = SilentReceivers()
    for _ in range(5):
        receivers.note_silence("a", NOW)
    assert receivers.wait("a", NOW - 86_400) == 0


def test_a_bounded_number_of_receivers_is_remembered() -> None:
    receivers = SilentReceivers()
    for number in range(module._REMEMBERED + 50):
        receivers.note_silence(str(number), NOW)
    assert len(receivers._receivers) == module._REMEMBERED
