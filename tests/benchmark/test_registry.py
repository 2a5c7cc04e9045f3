from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.config import resolve, run_id
from benchmark.errors import FairbenchError
from benchmark.registry import ENTRY_POINT_GROUP, Variant, find_variant, known_variants

VARIANT_FILE = '''"""A stranger's method: eq. (7) of nowhere.

More words.
"""

from variants.group_distance import GroupDistance

VARIANT = GroupDistance(weight={weight}, own_selection="last")
'''


@pytest.fixture(autouse=True)
def fresh_registry() -> Iterator[None]:
    modules = set(sys.modules)
    known_variants.cache_clear()
    yield
    known_variants.cache_clear()
    for name in set(sys.modules) - modules:
        if name.startswith(("stranger", "fairbench_variant_")):
            del sys.modules[name]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a package with one module and entry points, as pip leaves it on disk."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installed(source: str, module: str = "stranger", **points: str) -> Path:
        path = tmp_path / f"{module}.py"
        path.write_text(source)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        lines = [f"{name.replace('_', '-')} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{ENTRY_POINT_GROUP}]", *lines, ""]))
        known_variants.cache_clear()
        return path

    return installed


def id_of(variant: Variant) -> str:
    return run_id(resolve(variant).identity("data", "weights"))


class TestBuiltIn:
    def test_are_found_by_their_file_names(self) -> None:
        files = {p.stem for p in Path("variants").glob("*.py")} if Path("variants").is_dir() else ()
        names = set(known_variants())
        assert {"clip", "clip-ft", "fairclip", "a-fairclip"} <= names
        assert not names & {"objective", "contrastive", "distances", "group-distance"}
        assert all(name.replace("-", "_") in files for name in names) or not files

    def test_have_a_summary_and_no_source_hash(self) -> None:
        variant = find_variant("clip-ft")
        assert variant.origin == "built-in"
        assert variant.source_hash == ""
        assert variant.summary.startswith("CLIP-FT: fine-tuning")

    def test_an_unknown_name_lists_the_known_ones_and_guesses(self) -> None:
        with pytest.raises(FairbenchError) as error:
            find_variant("fair-clip")
        message = str(error.value)
        assert message.startswith("unknown variant 'fair-clip'. Did you mean 'fairclip'?")
        assert "a-fairclip, adversarial, blip2-ft, clip, clip-ft, fairclip" in message

    def test_are_listed_without_torch(self) -> None:
        code = (
            "import sys; from benchmark.registry import known_variants; known_variants(); "
            "print('torch' in sys.modules or 'open_clip' in sys.modules)"
        )
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
        assert run.stdout.strip() == "False"


class TestEntryPoint:
    def test_of_an_installed_package_is_a_variant(self, install: Callable[..., Path]) -> None:
        install(VARIANT_FILE.format(weight=0.5), strange_method="stranger")
        variant = find_variant("strange-method")
        assert variant.origin == "stranger"
        assert variant.summary == "A stranger's method: eq. (7) of nowhere."
        assert variant.objective.keys()["weight"] == 0.5
        assert len(variant.source_hash) == 64
        assert "strange-method" in known_variants()

    def test_names_the_constant_that_it_wants(self, install: Callable[..., Path]) -> None:
        source = VARIANT_FILE.format(weight=0.5) + "HEAVY = GroupDistance(weight=3.0)\n"
        install(source, light="stranger:VARIANT", heavy="stranger:HEAVY")
        assert find_variant("light").objective.keys()["weight"] == 0.5
        assert find_variant("heavy").objective.keys()["weight"] == 3.0

    def test_with_the_name_of_another_variant_is_refused(
        self, install: Callable[..., Path]
    ) -> None:
        install(VARIANT_FILE.format(weight=0.5), fairclip="stranger")
        with pytest.raises(FairbenchError, match=r"'fairclip' of stranger is already .* built-in"):
            find_variant("clip-ft")

    @pytest.mark.parametrize(
        ("source", "what"),
        [
            ("import no_such_package_anywhere\n", "no_such_package_anywhere"),
            ("def broken(:\n", "SyntaxError"),
            ("raise RuntimeError('first line\\nsecond line')\n", "first line second line"),
        ],
    )
    def test_that_cannot_be_imported_is_named_on_one_line(
        self, install: Callable[..., Path], source: str, what: str
    ) -> None:
        install(source, odd="stranger")
        with pytest.raises(FairbenchError) as error:
            known_variants()
        assert "variant 'odd': entry point stranger cannot be imported" in str(error.value)
        assert what in str(error.value)
        assert "\n" not in str(error.value)

    def test_without_a_variant_says_what_is_missing(self, install: Callable[..., Path]) -> None:
        install("X = 1\n", odd="stranger")
        with pytest.raises(FairbenchError, match=r"stranger: needs a constant VARIANT .* NoneType"):
            known_variants()


class TestFile:
    def test_is_a_variant_named_after_it(self, tmp_path: Path) -> None:
        path = tmp_path / "my_method.py"
        path.write_text(VARIANT_FILE.format(weight=0.5))
        variant = find_variant(str(path))
        assert variant.name == "my-method"
        assert variant.origin == str(path)
        assert variant.objective.keys()["weight"] == 0.5

    def test_may_define_an_objective_of_its_own(self, tmp_path: Path) -> None:
        path = tmp_path / "own.py"
        path.write_text(
            "from __future__ import annotations\n"
            "from typing import ClassVar, Literal\n"
            "from variants.objective import Objective, key\n"
            "class Own(Objective):\n"
            "    kind: ClassVar[str] = 'own'\n"
            "    how: Literal['a', 'b'] = key('a', 'which')\n"
            "VARIANT = Own()\n"
        )
        assert find_variant(str(path)).objective.identity() == {"kind": "own"}

    def test_changes_the_run_id_with_every_byte(self, tmp_path: Path) -> None:
        path = tmp_path / "my_method.py"
        ids = []
        for tail in ("", "# a comment\n", ""):
            path.write_text(VARIANT_FILE.format(weight=0.5) + tail)
            ids.append(id_of(find_variant(str(path))))
        assert ids[0] == ids[2] != ids[1]

    def test_has_another_run_id_than_equal_keys_of_a_built_in(self, tmp_path: Path) -> None:
        path = tmp_path / "my_method.py"
        path.write_text("from variants.clip_ft import VARIANT\n")
        assert id_of(find_variant(str(path))) != id_of(find_variant("clip-ft"))

    def test_with_the_name_of_a_known_variant_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "clip_ft.py"
        path.write_text(VARIANT_FILE.format(weight=0.5))
        with pytest.raises(FairbenchError, match=r"'clip-ft' is the name of a known variant"):
            find_variant(str(path))

    @pytest.mark.parametrize(
        ("source", "what"),
        [
            ("import no_such_package_anywhere\n", "no_such_package_anywhere"),
            ("x = (\n", "SyntaxError"),
            (VARIANT_FILE.format(weight=-1), "must be a finite number"),
            ("VARIANT = 3\n", "needs a constant VARIANT that is an Objective, got int"),
            ("", "needs a constant VARIANT that is an Objective, got NoneType"),
        ],
    )
    def test_that_is_broken_is_named_on_one_line(
        self, tmp_path: Path, source: str, what: str
    ) -> None:
        path = tmp_path / "broken.py"
        path.write_text(source)
        with pytest.raises(FairbenchError) as error:
            find_variant(str(path))
        assert str(error.value).startswith(f"{path}: ")
        assert what in str(error.value)
        assert "\n" not in str(error.value)

    def test_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(FairbenchError, match=r"none\.py: no such variant file"):
            find_variant(str(tmp_path / "none.py"))
