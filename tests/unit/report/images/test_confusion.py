"""The matrix of confusions: summed over seeds, row by row, the smallest classes together."""

import numpy as np
import pytest

from semiproto.errors import UserError
from semiproto.report.evaluations import read_evaluations
from semiproto.report.images import confusion as confusions
from semiproto.report.images.confusion import confusion


def runs_with(results, *counts):
    folders = [results.run("prototype", seed, 50.0) for seed in range(len(counts))]
    for folder, own in zip(folders, counts, strict=True):
        lines = [",".join(results.classes), *(",".join(map(str, row)) for row in own)]
        (folder / "confusion.csv").write_text("\n".join(lines) + "\n")
    return read_evaluations(folders)


def test_rows_are_the_truth_in_percent_over_all_seeds(results):
    results.classes = ["background", "class", "None"]  # `class` is a column of text in other tables
    found = confusion(
        runs_with(results, [[300, 100, 0], [1, 999, 0], [0, 0, 0]], [[500, 100, 0], [0, 0, 0], [0, 0, 0]])
    )
    assert found.names == results.classes
    assert found.cells == [[("80", 8), ("20", 2), ("", 0)], [("<1", 0), ("100", 10), ("", 0)], [("", 0)] * 3]
    assert "prototype, all images, sum over 2 seeds" in found.caption and "together" not in found.caption


def test_of_many_classes_the_smallest_stand_together(results, monkeypatch):
    monkeypatch.setattr(confusions, "LARGEST", 2)
    results.classes = ["a", "b", "c", "d"]
    counts = np.diag([10, 400, 30, 500])
    counts[0, 2], counts[2, 1], counts[3, 0] = 20, 40, 500
    found = confusion(runs_with(results, counts.tolist()))
    assert found.names == ["b", "d", "2 others"]
    assert [[text for text, _ in row] for row in found.cells] == [["100", "", ""], ["", "50", "50"], ["40", "", "60"]]
    assert found.caption.endswith("The 2 classes with most true pixels, and the other 2 together")


@pytest.mark.parametrize("table", ["a,b\n1,2\n3,4\n", "a,b,c\n1,2,x\n1,2,3\n1,2,3\n", "a,b,c\n1,2,-3\n1,2,3\n1,2,3\n"])
def test_what_is_no_square_of_counts_is_named(results, table):
    (run,) = runs_with(results, np.eye(3, dtype=int).tolist())
    (run.folder / "confusion.csv").write_text(table)
    with pytest.raises(UserError, match=r"confusion\.csv: (not a square of 3 classes|damaged)"):
        confusion([run])
