"""Proof that a change leaves the maths alone: the fixed steps of two commits on this machine, equal to the last bit.

    python tests/proof.py REV        # or: make proof REV=<commit>

Runs tests/fixed_steps.py of the working tree and of REV (its own sources, in a worktree of its own) and compares what
they print. Exits with 1 at the first difference.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main() -> int:
    if len(sys.argv) != 2 or not sys.argv[1]:
        print("say which commit to compare with: make proof REV=<commit>", file=sys.stderr)
        return 1
    rev = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder) / "tree"
        added = git("worktree", "add", "--quiet", "--detach", str(other), rev)
        if added.returncode:
            print(f"{rev}: {added.stderr.strip()}", file=sys.stderr)
            return 1
        try:
            mine, theirs = steps(ROOT), steps(other)
        finally:
            git("worktree", "remove", "--force", str(other))
    lines, same = compare(mine, theirs)
    print("\n".join(lines))
    print(f"identical to {rev}, to the last bit" if same else f"NOT identical to {rev}")
    return 0 if same else 1


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True)


def steps(tree: Path) -> list[str]:
    """What the fixed steps of a source tree print, run on its own sources."""
    script = tree / "tests/fixed_steps.py"
    if not script.exists():
        raise SystemExit(f"{script.name}: that commit is older than the fixed steps; take a newer one")
    environment = os.environ | {"PYTHONPATH": str(tree / "src")}
    result = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    return [line for line in result.stdout.splitlines() if line[:2].strip().isdigit() or line.startswith("weights")]


def compare(mine: list[str], theirs: list[str]) -> tuple[list[str], bool]:
    """The lines side by side, the different ones marked, and whether all are equal."""
    lines = [one if one == other else f"{one}   <-   {other}" for one, other in zip(mine, theirs, strict=False)]
    return lines, mine == theirs


if __name__ == "__main__":
    sys.exit(main())
