"""Paths that a table names: relative, inside the data folder, and there."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from pathlib import Path

_DRIVE = re.compile(r"[A-Za-z]:|\\")
_SLASH = re.compile(r"[\\/]")


class DataFolder:
    """A folder that the paths of a table may not leave.

    Attributes:
        root: The folder; it may itself be reached through a link.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real = os.path.realpath(root)
        self._holds: dict[str, bool] = {}  # folder → whether it lies inside; most files share few

    def locate(self, name: str) -> str:
        """Return the tidy name of a file, relative to the folder.

        Args:
            name: A path as the user's table or description writes it.

        Raises:
            ValueError: why the path is not used; the caller says where it stands.
        """
        if not name:
            raise ValueError("is empty")
        if "\0" in name:
            raise ValueError("holds a character that no path has")
        if name.startswith("/") or _DRIVE.match(name):
            raise ValueError("is absolute; write it relative to the data folder")
        if ".." in _SLASH.split(name):
            raise ValueError("holds '..'; a path may not leave the data folder")
        tidy = posixpath.normpath(name)
        path = os.path.join(self.root, tidy)  # noqa: PTH118 - tables have 100,000s of rows
        parent = posixpath.dirname(tidy)
        if parent not in self._holds:
            self._holds[parent] = self._is_inside(self.root / parent)
        try:
            mode = os.lstat(path).st_mode
            is_link = stat.S_ISLNK(mode)
            if not self._holds[parent] or (is_link and not self._is_inside(path)):
                raise ValueError("is a link that leaves the data folder; put the images into it")
            mode = os.stat(path).st_mode if is_link else mode  # noqa: PTH116
        except OSError:
            raise ValueError("does not exist") from None
        if not stat.S_ISREG(mode):
            raise ValueError("is a folder" if stat.S_ISDIR(mode) else "is no file")
        return tidy

    def _is_inside(self, path: str | Path) -> bool:
        return os.path.commonpath([self._real, os.path.realpath(path)]) == self._real
