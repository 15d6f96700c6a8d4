"""What a fresh master runs beside its own services: the test's commands, by the calls of `tests.guests`. The standard library only."""

from tests.guests.calls import serve
from tests.guests.master import run

if __name__ == "__main__":
    serve({"run": run})
