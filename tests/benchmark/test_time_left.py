import pytest

from benchmark.config import resolve
from benchmark.registry import find_variant
from benchmark.time_left import TimeLeft, in_words


def config(name, seed=0):
    return resolve(find_variant(name), seed=seed)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class TestTimeLeft:
    def run(self, left, clock, one, seconds, state="done"):
        left.start()
        clock.now += seconds
        left.finish(one, state)

    def test_is_unknown_before_a_run_is_done(self):
        assert TimeLeft([(config("clip-ft"), False)]).seconds is None

    def test_each_kind_takes_as_long_as_its_runs_did(self):
        clock = Clock()
        fast = [(config("clip-ft", seed), False) for seed in range(3)]
        slow = [(config("fairclip", seed), False) for seed in range(3)]
        left = TimeLeft([*fast, *slow], clock)
        self.run(left, clock, fast[0][0], 10)
        assert left.seconds == 2 * 10 + 3 * 10  # of the slow ones nothing is known
        self.run(left, clock, slow[0][0], 100)
        assert left.seconds == 2 * 10 + 2 * 100
        self.run(left, clock, slow[1][0], 200)
        assert left.seconds == 2 * 10 + 1 * 150

    def test_runs_that_are_there_take_no_time(self):
        clock = Clock()
        runs = [(config("clip-ft", seed), seed == 0) for seed in range(3)]
        left = TimeLeft(runs, clock)
        self.run(left, clock, runs[1][0], 10)
        assert left.seconds == 10

    @pytest.mark.parametrize("state", ["failed", "diverged"])
    def test_a_run_that_ended_early_teaches_nothing(self, state):
        clock = Clock()
        runs = [(config("clip-ft", seed), False) for seed in range(3)]
        left = TimeLeft(runs, clock)
        self.run(left, clock, runs[0][0], 1, state)
        assert left.seconds is None
        self.run(left, clock, runs[1][0], 10)
        assert left.seconds == 10

    def test_nothing_left_is_nothing_to_say(self):
        clock = Clock()
        left = TimeLeft([(config("clip-ft"), False)], clock)
        self.run(left, clock, config("clip-ft"), 10)
        assert left.seconds is None


class TestInWords:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (0.2, "1 s"),
            (59.4, "59 s"),
            (60, "1 min"),
            (725, "12 min 5 s"),
            (12_000, "3 h 20 min"),
            (7_259, "2 h"),
            (187_300, "2 d 4 h"),
        ],
    )
    def test_has_the_two_largest_units(self, seconds, text):
        assert in_words(seconds) == text
