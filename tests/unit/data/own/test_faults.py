"""A fault names its file, what is wrong, and what to do."""

from pathlib import Path

import pytest

from semiproto.data.own.faults import Fault, fault_of, worst_first
from semiproto.errors import UserError


@pytest.mark.parametrize(("line", "where"), [(None, "lists/a.txt"), (3, "lists/a.txt, line 3")])
def test_a_fault_is_the_error_that_it_came_from(line, where):
    error = UserError(f"{where}: 'x; y' cannot be an id; rename the file; then list it again")
    fault = fault_of("list-id", Path("lists/a.txt"), error, line)
    assert (fault.found, fault.remedy) == ("'x; y' cannot be an id; rename the file", "then list it again")
    assert str(fault) == str(error) and fault.line == line and not fault.warning


def test_an_error_of_another_place_is_kept_whole():
    fault = fault_of("list-id", Path("lists/a.txt"), UserError("masks/b.png: cannot be read; replace it"))
    assert fault.file == "lists/a.txt" and fault.found == "masks/b.png: cannot be read"


def test_errors_come_first_then_frequent_kinds_then_files_and_lines():
    rare = Fault("a-rare", "a", "", "")
    frequent = [Fault("z-frequent", file, "", "", line) for file, line in (("a", None), ("a", 2), ("a", 10), ("b", 1))]
    warnings = [Fault("a-rare", file, "", "", warning=True) for file in "abcdef"]
    expected = [*frequent, rare, *warnings]
    assert worst_first(reversed(expected)) == expected
    assert worst_first(expected) == expected


def test_a_kind_counts_as_error_and_as_warning_apart():
    """Five warnings of a kind do not put its one error before two errors of another."""
    warnings = [Fault("a", str(number), "", "", warning=True) for number in range(5)]
    one, two = Fault("a", "x", "", ""), [Fault("b", str(number), "", "") for number in range(2)]
    assert worst_first([one, *warnings, *two])[:3] == [*two, one]
