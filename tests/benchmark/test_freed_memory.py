import platform
from typing import Any

import pytest

from benchmark import freed_memory


class TestKeepFreedMemory:
    @pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's mallopt")
    def test_glibc_takes_both_settings(self) -> None:
        assert freed_memory.keep_freed_memory()

    @pytest.mark.parametrize(("refused", "kept"), [((), True), ((-1,), False), ((-3,), False)])
    def test_says_whether_the_library_took_them(
        self, refused: tuple[int, ...], kept: bool, monkeypatch: Any
    ) -> None:
        class Library:
            def mallopt(self, name: int, value: int) -> int:
                return int(name not in refused)

        monkeypatch.setattr(freed_memory.ctypes, "CDLL", lambda name: Library())
        assert freed_memory.keep_freed_memory() is kept

    def test_leaves_other_libraries_alone(self, monkeypatch: Any) -> None:
        monkeypatch.setattr(freed_memory.ctypes, "CDLL", lambda name: object())
        assert not freed_memory.keep_freed_memory()
