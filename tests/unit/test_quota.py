"""The account of the engine's quota: what it lets through, what it refuses, and what it learns."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import AudioOverQuota
from common.quota import BILLED_AT_LEAST, Quota, QuotaNews, Wait
from common.token_bucket import CLOCK_JITTER, Bucket

NOW = 1_790_000_000.0
BUCKETS = ("requests_per_minute", "requests_per_day", "audio_per_hour", "audio_per_day")

seconds = st.floats(0, 7200)
times = st.floats(0, 200_000)
pauses = st.one_of(st.floats(0, 5), st.floats(0, 4000), st.just(0.0))
requests = st.lists(st.tuples(pauses, seconds), min_size=1, max_size=60)
limits = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(BUCKETS, st.floats(BILLED_AT_LEAST, 1e5))
    | {"requests_per_minute": st.integers(1, 50)},
)


def taken(quota: Quota, now: float, amount: float) -> Quota:
    after = quota.reserve(now, amount)
    assert isinstance(after, Quota)
    return after


@st.composite
def quotas(draw: st.DrawFn) -> Quota:
    """An account in any state that use can bring it to, at about NOW."""
    quota = Quota.with_limits(**draw(limits))
    used = {
        name: bucket.model_copy(update={"used": bucket.limit * draw(st.floats(0, 1.5))})
        for name, bucket in ((name, getattr(quota, name)) for name in BUCKETS)
    }
    shut_until = NOW + draw(st.one_of(st.just(0.0), st.floats(-100, 5000)))
    return quota.model_copy(update={**used, "at": NOW, "shut_until": shut_until})


def used(quota: Quota) -> list[float]:
    return [getattr(quota, name).used for name in BUCKETS]


# ── what it never does ────────────────────────────────────────────────────────────────────────────


@given(requests, limits)
def test_no_stretch_of_time_gets_more_than_a_bucket_and_its_refill(
    requested: list[tuple[float, float]], set_limits: dict[str, float]
) -> None:
    quota, now = Quota.with_limits(**set_limits), NOW
    let_through: list[tuple[float, tuple[float, ...]]] = []
    for pause, amount in requested:
        now += pause
        try:
            answer = quota.reserve(now, amount)
        except AudioOverQuota:
            continue
        if isinstance(answer, Quota):
            quota = answer
            billed = max(amount, BILLED_AT_LEAST)
            let_through.append((now, (1, 1, billed, billed)))
    for index, name in enumerate(BUCKETS):
        bucket = getattr(quota, name)
        for first, last in itertools.combinations_with_replacement(range(len(let_through)), 2):
            total = sum(amounts[index] for _, amounts in let_through[first : last + 1])
            stretch = let_through[last][0] - let_through[first][0]
            assert total <= bucket.limit * (1 + stretch / bucket.period) + 1e-3


@given(quotas(), seconds)
def test_what_fits_a_bucket_is_let_through_after_the_wait(quota: Quota, amount: float) -> None:
    try:
        answer = quota.reserve(NOW, amount)
    except AudioOverQuota:
        assert max(amount, BILLED_AT_LEAST) > min(quota.audio_per_hour.limit, quota.audio_per_day.limit)
        return
    if isinstance(answer, Wait):
        assert answer.delay > 0
        assert isinstance(quota.reserve(NOW + answer.delay, amount), Quota)


@given(quotas(), seconds, times)
def test_a_wait_is_not_longer_than_it_must_be(quota: Quota, amount: float, earlier: float) -> None:
    try:
        answer = quota.reserve(NOW, amount)
    except AudioOverQuota:
        return
    if isinstance(answer, Wait) and answer.delay - earlier > 0.01:
        # A request before the wait is over, by more than its rounding, is not let through.
        assert isinstance(quota.reserve(NOW + max(0.0, answer.delay - 0.01 - earlier), amount), Wait)


@given(quotas(), seconds, times)
def test_what_is_let_through_now_is_let_through_later(quota: Quota, amount: float, later: float) -> None:
    try:
        answer = quota.reserve(NOW, amount)
    except AudioOverQuota:
        return
    then = quota.reserve(NOW + later, amount)
    if isinstance(answer, Quota):
        assert isinstance(then, Quota)
    elif isinstance(then, Wait):
        assert then.delay <= max(answer.delay - later, 0) + 0.003


@given(quotas(), seconds, st.floats(0, 1))
def test_less_is_let_through_wherever_more_is(quota: Quota, amount: float, share: float) -> None:
    try:
        answer = quota.reserve(NOW, amount)
    except AudioOverQuota:
        return
    if isinstance(answer, Quota):
        assert isinstance(quota.reserve(NOW, amount * share), Quota)


@given(quotas(), times, seconds)
def test_a_clock_that_steps_back_gives_nothing(quota: Quota, back: float, amount: float) -> None:
    try:
        answer = quota.reserve(NOW, amount)
    except AudioOverQuota:
        return
    then = quota.reserve(NOW - back, amount)
    assert isinstance(then, type(answer))
    if isinstance(then, Quota):
        assert used(then) == used(taken(quota, NOW, amount))


@given(st.lists(st.floats(-CLOCK_JITTER, 0), min_size=50, max_size=80))
def test_machines_whose_clocks_differ_a_little_get_no_more_together(behind: list[float]) -> None:
    quota = Quota()
    for lag in behind:
        answer = quota.reserve(NOW + lag, 7200 / 20)
        quota = answer if isinstance(answer, Quota) else quota
    let_through = quota.requests_per_day.used
    assert let_through <= 20 * (1 + CLOCK_JITTER / 3600)


@given(quotas(), st.floats(0, CLOCK_JITTER), seconds)
def test_a_machine_whose_clock_lags_gets_a_wait_by_its_own_clock(
    quota: Quota, lag: float, amount: float
) -> None:
    try:
        answer = quota.reserve(NOW - lag, amount)
    except AudioOverQuota:
        return
    if isinstance(answer, Wait):
        assert isinstance(quota.reserve(NOW - lag + answer.delay, amount), Quota)


@given(quotas(), st.floats(CLOCK_JITTER + 1, 1e7), seconds)
def test_a_clock_that_was_a_day_ahead_does_not_shut_the_account_for_a_day(
    quota: Quota, back: float, amount: float
) -> None:
    try:
        before = quota.reserve(NOW, amount)
    except AudioOverQuota:
        return
    after = quota.reserve(NOW - back, amount)
    if isinstance(before, Wait):
        assert isinstance(after, Wait)
        assert after.delay <= before.delay + 0.003
        moved = quota.learn(QuotaNews(model="m"), NOW - back)
        assert isinstance(moved.reserve(NOW - back + before.delay + 0.01, amount), Quota)


# ── what is stored and refunded ───────────────────────────────────────────────────────────────────


@given(quotas(), requests)
def test_an_account_is_the_same_after_a_trip_through_json(
    quota: Quota, requested: list[tuple[float, float]]
) -> None:
    copy, now = Quota.model_validate_json(quota.model_dump_json()), NOW
    assert copy == quota
    for pause, amount in requested:
        now += pause
        try:
            first, second = quota.reserve(now, amount), copy.reserve(now, amount)
        except AudioOverQuota:
            continue
        assert first == second
        if isinstance(first, Quota) and isinstance(second, Quota):
            quota, copy = first, Quota.model_validate_json(second.model_dump_json())


@given(st.lists(st.tuples(st.floats(0, 3000), seconds), max_size=20), st.integers(0, 19), seconds)
def test_a_refund_never_gives_more_than_had_it_not_been_taken(
    others: list[tuple[float, float]], refunded_after: int, amount: float
) -> None:
    with_it = Quota.with_limits(**dict.fromkeys(BUCKETS, 1e9))
    scaled = {
        name: Bucket(limit=1e6, period=bucket.period * 1e3)
        for name, bucket in ((name, getattr(with_it, name)) for name in BUCKETS)
    }
    with_it = without = with_it.model_copy(update=scaled)
    with_it, now = taken(with_it, NOW, amount), NOW
    for index, (pause, other) in enumerate([*others, (0.0, 0.0)]):
        now += pause
        if index == min(refunded_after, len(others)):
            with_it = with_it.refund(now, amount, reserved_at=NOW)
        with_it, without = taken(with_it, now, other), taken(without, now, other)
        for mine, theirs in zip(used(with_it), used(without), strict=True):
            assert mine >= theirs - 1e-6


def test_a_refund_at_once_leaves_the_account_as_it_was() -> None:
    before = taken(Quota(), NOW, 600)
    after = taken(before, NOW, 300).refund(NOW, 300, reserved_at=NOW)
    assert used(after) == used(before)


@given(st.integers(0, 40))
def test_ten_seconds_are_counted_for_any_shorter_audio(short_ones: int) -> None:
    quota = Quota.with_limits(requests_per_minute=1000)
    for _ in range(short_ones):
        quota = taken(quota, NOW, 0.5)
    assert quota.audio_per_hour.used == short_ones * 10


# ── in Groq's own numbers ─────────────────────────────────────────────────────────────────────────


def test_it_starts_with_groq_s_free_limits() -> None:
    quota = Quota()
    assert [getattr(quota, name).limit for name in BUCKETS] == [20, 2_000, 7_200, 28_800]


@pytest.mark.parametrize(
    ("used_before", "seconds_requested", "delay"),
    [(7170, 230, 100.0), (5956, 2336, 546.0)],  # as quoted: 1m39.738s (of a Used rounded up), and 9m6s
)
def test_waits_are_those_that_groq_names(used_before: float, seconds_requested: float, delay: float) -> None:
    quota = taken(Quota(), NOW, used_before)
    answer = quota.reserve(NOW, seconds_requested)
    assert isinstance(answer, Wait)
    assert answer.bucket == "audio_per_hour"
    assert answer.delay == pytest.approx(delay, abs=0.01)


def test_a_wait_names_the_bucket_that_is_spent() -> None:
    quota = Quota()
    for _ in range(20):
        quota = taken(quota, NOW, 1)
    answer = quota.reserve(NOW, 1)
    assert isinstance(answer, Wait)
    assert answer.bucket == "requests_per_minute"
    assert answer.delay == pytest.approx(3, abs=0.01)


def test_more_audio_than_a_whole_hour_s_is_refused_for_good() -> None:
    taken(Quota(), NOW, 7200)
    with pytest.raises(AudioOverQuota):
        Quota().reserve(NOW, 7200.5)


def test_a_refusal_shuts_the_account_for_as_long_as_the_engine_says() -> None:
    quota = Quota().shut(NOW, 100).shut(NOW + 1, 5)
    answer = quota.reserve(NOW + 40, 1)
    assert isinstance(answer, Wait)
    assert answer.bucket == "refused"
    assert answer.delay == pytest.approx(60, abs=0.01)
    assert isinstance(quota.reserve(NOW + 100, 1), Quota)


def test_a_refusal_counts_with_both_its_numbers_and_its_wait() -> None:
    news = QuotaNews(model="m", audio_remaining=0)
    spent = Quota().learn(news, NOW).reserve(NOW, 10)
    shut = Quota().learn(news.model_copy(update={"retry_after": 50.0}), NOW).reserve(NOW, 10)
    assert isinstance(spent, Wait)
    assert isinstance(shut, Wait)
    assert (spent.bucket, shut.bucket) == ("audio_per_hour", "refused")


# ── what it learns ────────────────────────────────────────────────────────────────────────────────


def test_the_engine_s_smaller_remainder_is_believed() -> None:
    news = QuotaNews(
        model="m", audio_limit=7200, audio_remaining=100, requests_limit=2000, requests_remaining=0
    )
    quota = Quota().learn(news, NOW)
    assert (quota.audio_per_hour.used, quota.requests_per_day.used) == (7100, 2000)
    answer = quota.reserve(NOW, 10)
    assert isinstance(answer, Wait)
    assert answer.bucket == "requests_per_day"
    assert answer.delay == pytest.approx(43.2, abs=0.01)


def test_the_engine_s_larger_remainder_is_not_believed() -> None:
    quota = taken(Quota(), NOW, 600)
    assert used(
        quota.learn(QuotaNews(model="m", audio_remaining=7199, requests_remaining=2000), NOW)
    ) == used(quota)


def test_a_larger_hour_is_another_tier_and_the_day_grows_with_it() -> None:
    news = QuotaNews(model="m", audio_limit=72_000, audio_remaining=71_000, requests_limit=4_000)
    quota = Quota().learn(news, NOW)
    assert [getattr(quota, name).limit for name in BUCKETS] == [40, 4_000, 72_000, 288_000]
    assert quota.audio_per_hour.used == 1_000


def test_a_smaller_hour_is_believed_and_the_day_stays() -> None:
    quota = Quota().learn(QuotaNews(model="m", audio_limit=3600), NOW)
    assert (quota.audio_per_hour.limit, quota.audio_per_day.limit) == (3600, 28_800)


def test_no_header_changes_a_limit_from_the_settings() -> None:
    pinned = Quota.with_limits(
        audio_per_hour=1000, audio_per_day=2000, requests_per_minute=3, requests_per_day=9
    )
    news = QuotaNews(model="m", audio_limit=72_000, audio_remaining=71_700, requests_limit=1e6)
    quota = pinned.learn(news, NOW)
    assert [getattr(quota, name).limit for name in BUCKETS] == [3, 9, 1000, 2000]


def test_the_engine_s_remainder_counts_where_it_is_less_than_the_settings_leave() -> None:
    pinned = Quota.with_limits(requests_per_day=1000)
    ample = QuotaNews(model="m", requests_limit=14_400, requests_remaining=12_000)
    assert isinstance(pinned.learn(ample, NOW).reserve(NOW, 10), Quota)
    assert pinned.learn(ample, NOW).requests_per_day.used == 0
    scarce = QuotaNews(model="m", requests_limit=14_400, requests_remaining=50)
    assert pinned.learn(scarce, NOW).requests_per_day.used == 950


def test_a_limit_that_shrinks_below_its_use_makes_no_wait_longer_than_its_period() -> None:
    used = Quota.with_limits(requests_per_day=None).learn(QuotaNews(model="m", requests_remaining=0), NOW)
    smaller = used.learn(QuotaNews(model="m", requests_limit=100, requests_remaining=90), NOW)
    wait = smaller.reserve(NOW, 10)
    assert isinstance(wait, Wait)
    assert wait.delay <= 86_400 / 100 + 1


def test_a_larger_day_does_not_change_a_minute_s_limit_from_the_settings() -> None:
    quota = Quota.with_limits(requests_per_minute=3).learn(QuotaNews(model="m", requests_limit=4_000), NOW)
    assert (quota.requests_per_minute.limit, quota.requests_per_day.limit) == (3, 4_000)


@pytest.mark.parametrize("limit", [0.0, 0.5, None])
def test_a_limit_that_would_shut_the_account_for_good_is_not_believed(limit: float | None) -> None:
    quota = Quota().learn(QuotaNews(model="m", audio_limit=limit, requests_limit=limit), NOW)
    assert isinstance(quota.reserve(NOW, 600), Quota)


def test_an_answer_that_says_nothing_is_empty() -> None:
    assert QuotaNews(model="m").is_empty
    assert not QuotaNews(model="m", requests_remaining=0).is_empty
