import platform
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

import benchmark.provenance
from benchmark.provenance import now, provenance


class TestProvenance:
    def test_names_python_packages_device_and_command(self, monkeypatch):
        monkeypatch.setattr(sys, "argv", ["/usr/bin/fairbench", "run", "--variant", "clip"])
        found = provenance("cpu")
        assert found["python"] == platform.python_version()
        assert found["command"] == ["fairbench", "run", "--variant", "clip"]
        assert found["device"] == "cpu"
        assert found["device_name"]
        assert None not in found["packages"].values()

    def test_a_package_that_is_not_installed_has_no_version(self, monkeypatch):
        monkeypatch.setattr(benchmark.provenance, "PACKAGES", ("no-such-package",))
        assert provenance("cpu")["packages"] == {"no-such-package": None}

    @pytest.mark.parametrize("error", [FileNotFoundError("git"), subprocess.TimeoutExpired("g", 1)])
    def test_without_git_there_is_no_commit(self, monkeypatch, error):
        def fail(*_, **__):
            raise error

        monkeypatch.setattr(subprocess, "run", fail)
        assert provenance("cpu")["commit"] is None


class TestNow:
    def test_is_utc_to_the_second(self):
        found = datetime.fromisoformat(now())
        assert found.utcoffset() == timedelta(0)
        assert found.microsecond == 0
        assert abs(datetime.now(UTC) - found) < timedelta(minutes=1)
