"""Who speaks when within ten seconds: the segmentation against its reference, and two people at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.speakers.features import Floats
from common.speakers.segmentation import FIRST, FRAME, SECONDS, Segmentation, activity
from common.speakers.weights import SEGMENTATION
from tests.overlap import ENGLISH_SPEAKS, RATE, SPANISH_SPEAKS, two_readers

REFERENCE = np.load(Path(__file__).parent.parent / "data" / "segmentation.npz")
SIZE = int(SECONDS * RATE)


@pytest.fixture(scope="module")
def segmentation() -> Segmentation:
    return Segmentation(SEGMENTATION.read())


@pytest.fixture(scope="module")
def heard(segmentation: Segmentation) -> Floats:
    """Two readers, noise, and silence, in one batch."""
    noise = np.random.default_rng(1).normal(size=SIZE).astype(np.float32) * np.float32(0.1)
    return segmentation.hear(np.stack([two_readers(), noise, np.zeros(SIZE, np.float32)]))


@pytest.mark.parametrize("name", ["readers", "noise"])
def test_logarithms_equal_pytorchs(heard: Floats, name: str) -> None:
    ours = heard[["readers", "noise"].index(name)][::4]
    assert REFERENCE[name].min() < -5
    assert np.abs(ours - REFERENCE[name]).max() < 1e-4


def test_both_readers_are_heard_while_they_speak_and_at_once(heard: Floats) -> None:
    speaks = activity(heard)[0]
    times = FIRST + FRAME * np.arange(len(speaks))
    truth = [(times > start) & (times < end) for start, end in (ENGLISH_SPEAKS, SPANISH_SPEAKS)]
    voices = [speaks[:, person] for person in range(3) if speaks[:, person].any()]
    assert len(voices) == 2
    for voice, spoken in zip(sorted(voices, key=np.argmax), truth, strict=True):
        assert not (voice & ~spoken).any()
        assert voice[spoken].mean() > 0.75


@pytest.mark.parametrize("chunk", [1, 2], ids=["noise", "silence"])
def test_nobody_is_heard_where_nobody_speaks(heard: Floats, chunk: int) -> None:
    assert np.exp(heard[chunk, :, 0]).min() > 0.9
    assert not activity(heard)[chunk].any()


def test_ten_seconds_do_not_depend_on_their_batch(segmentation: Segmentation, heard: Floats) -> None:
    assert np.abs(segmentation.hear(two_readers()[None])[0] - heard[0]).max() < 1e-4
    assert segmentation.hear(np.zeros((0, SIZE), np.float32)).shape == (0, *heard.shape[1:])


def test_each_answer_says_who_speaks() -> None:
    answers = np.log(np.eye(7, dtype=np.float32) * np.float32(0.9) + np.float32(0.01))
    people = ["".join(str(person) for person in np.flatnonzero(row)) for row in activity(answers[None])[0]]
    assert people == ["", "0", "1", "2", "01", "02", "12"]
