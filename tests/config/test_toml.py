"""What a TOML file says, however often it is asked for."""

from __future__ import annotations

from pathlib import Path

from tinyexp.config.toml import read_toml


def test_what_a_reader_changes_is_not_what_the_next_one_reads(tmp_path: Path) -> None:
    path = tmp_path / "one.toml"
    path.write_text("[settings]\nrates = [1, 2]\n")
    first = read_toml(path)
    first["settings"]["rates"].append(3)
    assert read_toml(path) == {"settings": {"rates": [1, 2]}}
    path.write_text("[settings]\nrates = [4]\n")
    assert read_toml(path) == {"settings": {"rates": [4]}}
