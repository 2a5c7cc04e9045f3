import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.config import resolve
from benchmark.registry import find_variant
from benchmark.time_left import TimeLeft, in_words, makespan


def config(name, seed=0):
    return resolve(find_variant(name), seed=seed)


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class TestTimeLeft:
    def run(self, left, clock, one, seconds, state="done"):
        left.start("a", one)
        clock.now += seconds
        left.finish("a", one, state)

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
        runs = [(config("clip-ft", seed), seed < 2) for seed in range(4)]
        left = TimeLeft(runs, clock)
        for seed in range(2):
            left.finish(str(seed), runs[seed][0], "present")
        self.run(left, clock, runs[2][0], 10)
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


class TestSideBySide:
    def test_what_runs_under_way_have_done_is_not_left(self):
        clock = Clock()
        runs = [(config("clip-ft", seed), False) for seed in range(4)]
        left = TimeLeft(runs, clock, parallel=2)
        left.start("a", runs[0][0])
        clock.now = 6
        left.start("b", runs[1][0])
        clock.now = 10
        left.finish("a", runs[0][0], "done")
        left.start("c", runs[2][0])
        # "b" ends after 6 more seconds, and the fourth run takes 10 from there.
        assert left.seconds == 16
        clock.now = 30  # "b" and "c" take longer than "a" did: nobody knows how much
        assert left.seconds == 10

    def test_a_run_that_never_began_here_is_not_left_either(self):
        clock = Clock()
        runs = [(config("clip-ft", seed), False) for seed in range(3)]
        left = TimeLeft(runs, clock, parallel=2)
        left.start("a", runs[0][0])
        clock.now = 8
        left.finish("a", runs[0][0], "done")
        left.finish("b", runs[1][0], "present")
        assert left.seconds == 8


class TestMakespan:
    @given(seconds=st.lists(st.floats(0, 1e6), min_size=1, max_size=30), parallel=st.integers(1, 8))
    def test_is_within_the_bounds_of_list_scheduling(self, seconds, parallel):
        # Graham 1966: at most (2 − 1/m) times the optimum, which no schedule can be below.
        best = max(sum(seconds) / parallel, *seconds, 0.0)
        found = makespan(seconds, parallel)
        assert best * (1 - 1e-9) <= found <= (2 - 1 / parallel) * best * (1 + 1e-9)

    def test_one_at_a_time_is_the_sum(self):
        assert makespan([3.0, 4.0, 5.0], 1) == 12.0

    def test_each_begins_where_the_first_ends(self):
        assert makespan([5.0, 1.0, 2.0, 4.0], 2) == 7.0
        assert makespan([], 3) == 0.0


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
