"""Numbers, days and lengths of time as the site says them; dates are ISO's, times are UTC."""

from datetime import date, datetime

_WEEK, _MONTHS, _YEAR = 14, 60, 730  # days until which days, and then weeks and months, are said
_MINUTE, _HOUR = 60, 3600


def count_text(number: int, noun: str, plural: str = "") -> str:
    """ "1 finding", "1,448 errata"."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def time_text(at: datetime) -> str:
    """To the minute: "2026-11-22 04:17"."""
    return f"{at:%Y-%m-%d %H:%M}"


def days_text(days: int) -> str:
    """A length in days for a person, in two characters and a unit at the most: "9 d", "5 wk", "7 mo", "3 y"."""
    if days < _WEEK:
        return f"{days} d"
    if days < _MONTHS:
        return f"{days // 7} wk"
    return f"{days // 30} mo" if days < _YEAR else f"{days // 365} y"


def seconds_text(seconds: float) -> str:
    """How long a run took: "8.4 s", "3 min", "2 h 5 min"."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if seconds < _HOUR else f"{minutes // 60} h {minutes % 60} min"


def due_text(due: date, today: date) -> str:
    """When that is, seen from today: "in 3 days", "today", "4 days ago"."""
    days = (due - today).days
    if days == 0:
        return "today"
    return f"in {count_text(days, 'day')}" if days > 0 else f"{count_text(-days, 'day')} ago"
