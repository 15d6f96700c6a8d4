"""Which former generations may go: laws over any journal, and an example of each."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mirrorsync.planning.retention import expendable

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
NUMBERS = st.integers(1, 12)
MOMENTS = st.none() | st.integers(-21, 1).map(lambda days: NOW + timedelta(days=days))
GRACES = st.sampled_from([timedelta(0), timedelta(days=1), WEEK, timedelta(days=20), timedelta.max])


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_the_oldest_go_when_more_are_there_than_are_kept_and_their_grace_is_over() -> None:
    published = {1: ago(40), 2: ago(30), 3: ago(20), 4: ago(10)}
    assert expendable((1, 2, 3, 4), published, current=4, keep=1, grace=WEEK, now=NOW) == (1, 2)


def test_the_grace_begins_when_the_next_one_takes_the_place() -> None:
    published = {1: ago(40), 2: ago(7), 3: ago(1)}
    assert expendable((1, 2, 3), published, current=3, keep=0, grace=WEEK, now=NOW) == (1,)
    assert expendable((1, 2, 3), published, current=3, keep=0, grace=WEEK, now=NOW - timedelta(seconds=1)) == ()


def test_of_one_whose_record_is_gone_the_grace_is_over_when_that_of_the_next_recorded_one_is() -> None:
    assert expendable((1, 4), {3: ago(8), 4: ago(7)}, current=4, keep=0, grace=WEEK, now=NOW) == (1,)


def test_nothing_goes_where_the_tree_does_not_say_which_generation_it_is() -> None:
    assert expendable((1, 2), {1: ago(40), 2: ago(30)}, current=None, keep=0, grace=WEEK, now=NOW) == ()


@given(
    present=st.sets(NUMBERS), published=st.dictionaries(NUMBERS, MOMENTS), current=st.none() | NUMBERS, keep=st.integers(0, 5), grace=GRACES
)
def test_never_the_current_one_nor_a_kept_one_nor_one_in_grace(
    present: set[int], published: dict[int, datetime | None], current: int | None, keep: int, grace: timedelta
) -> None:
    gone = expendable(present, published, current=current, keep=keep, grace=grace, now=NOW)
    assert set(gone) <= present
    assert list(gone) == sorted(gone)
    assert all(current is not None and number < current for number in gone)
    former = sorted(number for number in present if current is not None and number < current)
    assert not set(gone) & set(former[len(former) - keep :] if keep else [])
    for number in gone:
        follower = min(later for later in published if later > number)
        ended = published[follower]
        assert ended is not None
        assert NOW - ended >= grace


@given(present=st.sets(NUMBERS), published=st.dictionaries(NUMBERS, MOMENTS), current=NUMBERS, keep=st.integers(0, 5), grace=GRACES)
def test_what_may_go_may_go_later_too_and_all_the_more_where_fewer_are_kept(
    present: set[int], published: dict[int, datetime | None], current: int, keep: int, grace: timedelta
) -> None:
    gone = set(expendable(present, published, current=current, keep=keep, grace=grace, now=NOW))
    later = expendable(present, published, current=current, keep=keep, grace=grace, now=NOW + WEEK)
    fewer = expendable(present, published, current=current, keep=max(0, keep - 1), grace=grace, now=NOW)
    assert gone <= set(later)
    assert gone <= set(fewer)
    assert expendable(present - gone, published, current=current, keep=keep, grace=grace, now=NOW) == ()
