# SPDX-License-Identifier: GPL-2.0-only
"""The stages of scripts/test."""

from pathlib import Path

import pytest

from pmu_passthrough.commands import test


def test_a_stage_that_breaks_off_shows_the_last_it_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(test, "_LOGS", tmp_path)
    stage = test._Stage("unit")
    stage.take("ok 1 - one")
    stage.take("file.c:1: error: that")
    stage.close(2)
    assert stage.failed == 1
    assert "   file.c:1: error: that\n" in capsys.readouterr().out
