"""`make mutants` says how far it is: the map alone takes minutes."""

import pytest

from tests.mutants.__main__ import _told


def test_the_map_says_once_in_five_per_cent_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [f"{'.' * 72} [{percent:3d}%]\n" for percent in (1, 3, 6, 7, 12, 40, 41, 100)]
    last = _told(["collected\n", *lines, "8 passed in 60 s\n"])
    said = capsys.readouterr().out.split("\n")
    assert said == [f"the map: {percent} %" for percent in (6, 12, 40, 100)] + [""]
    assert last[-1] == "8 passed in 60 s\n"
