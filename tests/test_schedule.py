"""When the times of crontab(5) come: its grammar, days, time zones that change their clocks, and how runs are spread."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mirrorsync.errors import PlanError
from mirrorsync.model.schedule import CronTime, Task, Timing
from mirrorsync.planning.crontab import read_cron
from mirrorsync.planning.schedule import last_run, next_run

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # half an hour
MINUTE = timedelta(minutes=1)
NEVER = timedelta()


def next_time(cron: CronTime, after: datetime) -> datetime:
    return next_run(Timing(Task.UPDATE, "redhat73", cron, NEVER, NEVER), "a", after)


def last_time(cron: CronTime, until: datetime) -> datetime:
    return last_run(Timing(Task.UPDATE, "redhat73", cron, NEVER, NEVER), "a", until)


def times(text: str, begin: str, count: int, zone: ZoneInfo | None = None) -> list[str]:
    """The next `count` times after `begin`, as the zone's clocks show them."""
    cron, moment, found = read_cron(text), datetime.fromisoformat(begin).replace(tzinfo=zone or UTC), []
    for _ in range(count):
        moment = next_time(cron, moment)
        found.append(f"{moment:%a %Y-%m-%d %H:%M}{f'{moment:%z}' if zone else ''}")
    return found


class TestGrammar:
    @pytest.mark.parametrize(
        ("text", "field", "numbers"),
        [
            ("1,5,3-4 * * * *", "minutes", (1, 3, 4, 5)),
            ("*/20 * * * *", "minutes", (0, 20, 40)),
            ("10-30/10 * * * *", "minutes", (10, 20, 30)),
            ("0 0-23/6 * * *", "hours", (0, 6, 12, 18)),
            ("0 0 1,15 * *", "days", (1, 15)),
            ("0 0 1 jan,JUN-aug *", "months", (1, 6, 7, 8)),
            ("0 0 * * 7", "weekdays", (0,)),
            ("0 0 * * 5-7", "weekdays", (0, 5, 6)),
            ("0 0 * * Mon-Fri", "weekdays", (1, 2, 3, 4, 5)),
            ("0 0 * * */2", "weekdays", (0, 2, 4, 6)),
            ("07 09 * * *", "minutes", (7,)),
            ("@weekly", "weekdays", (0,)),
            (" @Daily ", "hours", (0,)),
            ("@hourly", "minutes", (0,)),
            ("@monthly", "days", (1,)),
            ("@yearly", "months", (1,)),
        ],
    )
    def test_lists_ranges_steps_names_and_nicknames_are_read(self, text: str, field: str, numbers: tuple[int, ...]) -> None:
        assert getattr(read_cron(text), field) == numbers

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "it has 0 fields; write minute, hour"),
            ("* * * *", "it has 4 fields; write minute, hour"),
            ("17 4 * * * root", "it has 6 fields; write minute, hour"),
            ("@reboot", "'@reboot' is no time of the clock; write"),
            ("@nightly", "'@nightly' is no time of the clock; write"),
            ("60 * * * *", "minute '60' is no minute there is; write 0 to 59"),
            ("0 24 * * *", "hour '24' is no hour there is; write 0 to 23"),
            ("0 0 0 * *", "day of month '0' is no day of month there is; write 1 to 31"),
            ("0 0 1 13 *", "month '13' is no month there is; write 1 to 12"),
            ("0 0 * * 8", "weekday '8' is no weekday there is; write 0 to 7"),
            ("0 0 * * monday", "weekday 'monday' is not a weekday; write 0 to 7, or sun to sat"),
            ("0 0 mon * *", "day of month 'mon' is not a day of month; write 1 to 31"),
            ("5/15 * * * *", "minute '5/15' steps from one number, which crons take differently; write 5-59/15"),
            ("30-10 * * * *", "minute '30-10' ends before it begins; write two ranges, with a comma"),
            ("0 0 * * fri-sun", "weekday 'fri-sun' ends before it begins; write two ranges, with a comma"),
            ("*/0 * * * *", "minute '*/0' makes no step; write 1 or more after the '/'"),
            ("1,,2 * * * *", "minute '' is not a minute; write a number, '*', a range or a list of these"),
            ("-1 * * * *", "minute '-1' is not a minute; write"),
            ("*-5 * * * *", "minute '*-5' is not a minute; write"),
            ("H * * * *", "minute 'H' is not a minute; write 0 to 59"),
            ("0 0 L * *", "day of month 'L' is not a day of month; write 1 to 31"),
            ("0 0 * * 5#3", "weekday '5#3' is not a weekday; write"),
            ("٣ * * * *", "minute '٣' is not a minute; write"),
            ("0 0 30 2 *", "'0 0 30 2 *' never comes: no such month has such a day"),
            ("0 0 31 4,6,9,11 *", "never comes"),
        ],
    )
    def test_what_is_no_time_is_refused_with_what_to_write(self, text: str, said: str) -> None:
        with pytest.raises(PlanError) as caught:
            read_cron(text)
        assert said in str(caught.value)

    def test_a_time_is_shown_as_it_was_written(self) -> None:
        assert str(read_cron(" 17  4 * *\tmon-fri ")) == "17 4 * * mon-fri"
        assert str(read_cron("@daily")) == "@daily"


class TestDays:
    def test_where_day_and_weekday_are_restricted_one_of_them_is_enough(self) -> None:
        """The example of crontab(5): the 1st and 15th of each month, plus every Friday."""
        assert times("30 4 1,15 * 5", "2026-10-28", 5) == [
            "Fri 2026-10-30 04:30",
            "Sun 2026-11-01 04:30",
            "Fri 2026-11-06 04:30",
            "Fri 2026-11-13 04:30",
            "Sun 2026-11-15 04:30",
        ]

    def test_where_one_of_them_begins_with_a_star_both_must_hold(self) -> None:
        assert times("0 0 */10 * sun", "2026-01-01", 3) == ["Sun 2026-01-11 00:00", "Sun 2026-02-01 00:00", "Sun 2026-03-01 00:00"]
        assert times("0 0 1-7 * */7", "2026-01-05", 2) == ["Sun 2026-02-01 00:00", "Sun 2026-03-01 00:00"]

    def test_sunday_is_both_0_and_7(self) -> None:
        sundays = ["Sun 2026-11-29 06:00", "Sun 2026-12-06 06:00"]
        assert times("0 6 * * 0", "2026-11-23", 2) == times("0 6 * * 7", "2026-11-23", 2) == sundays

    def test_months_that_lack_a_day_are_passed_over(self) -> None:
        assert times("0 0 31 * *", "2026-01-31", 2) == ["Tue 2026-03-31 00:00", "Sun 2026-05-31 00:00"]
        assert times("0 0 29 2 *", "2096-03-01", 1) == ["Fri 2104-02-29 00:00"]
        assert times("0 0 29 2 */7", "2088-03-01", 1) == ["Sun 2128-02-29 00:00"]

    def test_a_time_that_comes_just_now_comes_next_time_again(self) -> None:
        assert times("17 4 * * *", "2026-11-23T04:17:00", 1) == ["Tue 2026-11-24 04:17"]
        assert times("17 4 * * *", "2026-11-23T04:16:59.999999", 1) == ["Mon 2026-11-23 04:17"]


class TestClocksThatChange:
    def test_a_time_that_clocks_skip_comes_as_much_later_as_they_were_put_forward(self) -> None:
        assert times("30 2 * * *", "2026-03-28T12:00", 2, BERLIN) == ["Sun 2026-03-29 03:30+0200", "Mon 2026-03-30 02:30+0200"]

    def test_a_time_that_clocks_repeat_comes_once(self) -> None:
        assert times("30 2 * * *", "2026-10-24T12:00", 2, BERLIN) == ["Sun 2026-10-25 02:30+0200", "Mon 2026-10-26 02:30+0100"]

    def test_what_goes_by_the_clock_alone_skips_and_repeats_with_it(self) -> None:
        assert times("*/30 * * * *", "2026-03-29T01:00", 3, BERLIN) == [
            "Sun 2026-03-29 01:30+0100",
            "Sun 2026-03-29 03:00+0200",
            "Sun 2026-03-29 03:30+0200",
        ]
        assert times("0 * * * *", "2026-10-25T01:00", 3, BERLIN) == [
            "Sun 2026-10-25 02:00+0200",
            "Sun 2026-10-25 02:00+0100",
            "Sun 2026-10-25 03:00+0100",
        ]


@st.composite
def fields(draw: st.DrawFn, first: int, last: int) -> str:
    """A field of crontab(5), most often one that restricts little."""

    def element() -> str:
        kind = draw(st.sampled_from(["*", "*/", "number", "range", "range/"]))
        low = draw(st.integers(first, last))
        high, step = draw(st.integers(low, last)), draw(st.integers(1, last))
        return {"*": "*", "*/": f"*/{step}", "number": f"{low}", "range": f"{low}-{high}", "range/": f"{low}-{high}/{step}"}[kind]

    return ",".join(element() for _ in range(draw(st.integers(1, 2))))


CRONS = st.builds(
    lambda *words: " ".join(words), fields(0, 59), fields(0, 23), st.just("*") | fields(1, 31), st.just("*"), st.just("*") | fields(0, 7)
)
ZONES = st.sampled_from([ZoneInfo("UTC"), BERLIN, LORD_HOWE, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")])
CHANGES = st.sampled_from([datetime(2026, *words, tzinfo=UTC) for words in ((3, 8, 7), (3, 29, 1), (4, 4, 15), (10, 25, 1), (11, 1, 6))])
MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC)),
    st.builds(lambda change, minutes: change + minutes * MINUTE, CHANGES, st.integers(-200, 200)),
)


def let_in(word: str, number: int, last: int) -> bool:
    """Whether a field lets a number in, by its text alone."""
    for element in word.split(","):
        span, _, step = element.partition("/")
        low, _, high = span.partition("-")
        begin, end = (0 if last in (59, 23, 7) else 1, last) if low == "*" else (int(low), int(high or low))
        if begin <= number <= end and (number - begin) % int(step or 1) == 0:
            return True
    return False


def on_the_wall(text: str, wall: datetime) -> bool:
    """Whether cron, which looks at the clock once a minute, would begin the job."""
    minute, hour, day, _, weekday = text.split()
    sunday = wall.isoweekday() % 7 == 0 and let_in(weekday, 7, 7)
    by_day, by_weekday = let_in(day, wall.day, 31), let_in(weekday, wall.isoweekday() % 7, 7) or sunday
    starred = day.startswith("*") or weekday.startswith("*")
    on = by_day and by_weekday if starred else by_day or by_weekday
    return on and let_in(minute, wall.minute, 59) and let_in(hour, wall.hour, 23)


def by_looking_at_every_minute(text: str, after: datetime, zone: ZoneInfo, limit: timedelta) -> datetime | None:
    """The next time, found as cron finds it: minute for minute, with an eye on what the clock skipped or shows again."""
    wild = text.startswith("*") or text.split()[1].startswith("*")
    moment = after.replace(second=0, microsecond=0) - timedelta(hours=4)
    owed: list[datetime] = []
    shown: set[datetime] = set()
    while (moment := moment + MINUTE) <= after + limit:
        wall = moment.astimezone(zone).replace(tzinfo=None)
        before = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
        skipped = [before + number * MINUTE for number in range(1, int((wall - before) / MINUTE))]
        owed += [] if wild else [moment + number * MINUTE for number, missing in enumerate(skipped) if on_the_wall(text, missing)]
        comes = on_the_wall(text, wall) and (wild or wall not in shown)
        shown.add(wall)
        if moment > after and (comes or moment in owed):
            return moment
    return None


@settings(deadline=None, max_examples=300)
@given(CRONS, MOMENTS, ZONES)
def test_the_next_time_is_the_one_that_looking_at_every_minute_finds(text: str, after: datetime, zone: ZoneInfo) -> None:
    found = next_time(read_cron(text), after.astimezone(zone)).astimezone(UTC)
    expected = by_looking_at_every_minute(text, after, zone, timedelta(days=3))
    assert found == expected or (expected is None and found > after + timedelta(days=3))


@settings(deadline=None)
@given(CRONS, MOMENTS, ZONES)
def test_the_last_time_is_the_one_whose_next_is_still_to_come(text: str, until: datetime, zone: ZoneInfo) -> None:
    cron, here = read_cron(text), until.astimezone(zone)
    last = last_time(cron, here)
    assert last.astimezone(UTC) <= until < next_time(cron, last).astimezone(UTC)


@pytest.mark.skipif(shutil.which("crontab") is None, reason="this machine lacks cron's crontab; install cron")
@settings(deadline=None, max_examples=25)
@given(st.lists(CRONS, min_size=10, max_size=10))
def test_cron_takes_every_time_that_is_taken_here(texts: list[str]) -> None:
    lines = "".join(f"{text} true\n" for text in texts if read_cron(text))
    done = subprocess.run(["crontab", "-n", "-"], input=lines, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{lines}{done.stderr}"


def timing(text: str, jitter: timedelta = NEVER) -> Timing:
    return Timing(Task.UPDATE, "redhat73", read_cron(text), jitter, timedelta(hours=6))


class TestSpreading:
    def test_the_same_machine_is_told_the_same_time_and_others_another(self) -> None:
        spread, now = timing("17 4 * * *", timedelta(hours=1)), datetime(2026, 11, 23, tzinfo=UTC)
        seeds = [f"master{number}" for number in range(50)]
        begun = [next_run(spread, seed, now) for seed in seeds]
        assert begun == [next_run(spread, seed, now) for seed in seeds]
        assert all(now.replace(hour=4, minute=17) <= moment < now.replace(hour=5, minute=17) for moment in begun)
        assert len(set(begun)) > 45

    def test_it_is_another_one_every_day(self) -> None:
        spread = timing("17 4 * * *", timedelta(hours=1))
        days = [datetime(2026, 11, number, tzinfo=UTC) for number in range(1, 29)]
        assert len({next_run(spread, "a", day) - day for day in days}) > 20

    def test_a_daemon_that_begins_anew_meanwhile_still_has_it_before_it(self) -> None:
        spread, night = timing("17 4 * * *", timedelta(hours=1)), datetime(2026, 11, 23, tzinfo=UTC)
        begun = next_run(spread, "a", night)
        assert next_run(spread, "a", begun - timedelta(seconds=1)) == begun
        assert next_run(spread, "a", begun).date() == datetime(2026, 11, 24).date()
        assert last_run(spread, "a", begun) == begun
        assert last_run(spread, "a", begun - timedelta(seconds=1)).date() == datetime(2026, 11, 22).date()

    @settings(deadline=None)
    @given(CRONS, st.timedeltas(NEVER, timedelta(hours=3)), MOMENTS, ZONES)
    def test_runs_keep_their_order_and_none_is_as_late_as_the_next_is_due(
        self, text: str, jitter: timedelta, after: datetime, zone: ZoneInfo
    ) -> None:
        spread, here = timing(text, jitter), after.astimezone(zone)
        first = next_run(spread, "a", here)
        begun, second = first.astimezone(UTC), next_run(spread, "a", first).astimezone(UTC)
        assert after < begun < second
        assert last_run(spread, "a", first).astimezone(UTC) == begun
        assert begun - last_time(spread.cron, first).astimezone(UTC) <= jitter
