"""Results that are in git come back byte for byte, and `semiproto reproduced` says so."""

from __future__ import annotations

import shutil


def test_results_in_git_are_made_again_byte_for_byte(checkout):
    checkout.commit("results")
    assert checkout.run("git", "ls-files", "results").stdout.split()
    for folder in ("results/tables", "results/eval/tiny/8/supervised", "models/semi/tiny/8/supervised"):
        shutil.rmtree(checkout.path / folder)
    checkout.snakemake("--quiet", "rules", "host", "reason")
    assert checkout.run("git", "status", "--porcelain").stdout == ""
    last = checkout.run("semiproto", "reproduced").stdout.splitlines()[-1]
    assert last.endswith(" numbers identical, 0 within the seeds' spread, 0 different")


def test_a_table_that_was_edited_is_refused(checkout):
    checkout.commit("results")
    file = checkout.path / "results/tables/runs.csv"
    file.write_text(file.read_text().replace(",10,", ",11,", 1))
    result = checkout.run("semiproto", "reproduced", check=False)
    assert result.returncode == 1
    assert "results/tables/runs.csv: not what was made here" in result.stdout
