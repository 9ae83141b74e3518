"""Which of several processes is said to have failed: files as torch's launcher reads them, of failures in any order."""

import json
import signal

import pytest
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from semiproto.errors import Interrupted, UserError
from semiproto.process.failures import GRACE, raise_first

LOST = "RuntimeError: [gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:5"
BUG = "IndexError: list index out of range"
FULL = "UserError: data/x.png: damaged; put it right"
STOPPED = "Interrupted: stopped at step 7; the same command goes on from there"


@pytest.fixture
def failed(tmp_path, monkeypatch):
    """Failures by rank: (second, exit code, what was recorded), or (second, exit code) of a process that could not."""

    def make(*ends):
        found = []
        for rank, (second, code, *told) in enumerate(ends):
            file = tmp_path / f"error{rank}.json"
            if told:
                extra = {"py_callstack": f"Traceback of {rank}", "timestamp": str(second)}
                file.write_text(json.dumps({"message": {"message": told[0], "extraInfo": extra}}))
            monkeypatch.setattr("time.time", lambda now=second: now + 0.5)
            found.append((rank, ProcessFailure(local_rank=rank, pid=1, exitcode=code, error_file=str(file))))
        return found

    return make


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([(100 + GRACE, -signal.SIGKILL), (100, 1, FULL)], "data/x.png"),  # blocked in C until it was killed
        ([(101, 1, LOST), (100, 1, FULL)], "data/x.png"),
        ([(100, 1, LOST), (100, 1, FULL)], "data/x.png"),
        ([(100, -signal.SIGTERM), (100, 1, FULL)], "data/x.png"),
        ([(102, 1, "UserError: second; later"), (100, 1, FULL)], "data/x.png"),
        ([(100, 1, "KeyError: 'x'"), (100, 1, FULL)], "data/x.png"),
        ([(100, -signal.SIGKILL), (100, 1, LOST)], "process 1 of 2 was ended by signal 9 (SIGKILL)"),
        ([(100, 1, LOST), (101, -signal.SIGKILL)], "process 2 of 2 was ended by signal 9 (SIGKILL)"),
        ([(100 + GRACE, -signal.SIGKILL), (100, -signal.SIGSEGV)], "process 2 of 2 was ended by signal 11"),
        ([(100, -signal.SIGTERM), (101, 1, LOST)], "process 1 of 2 was ended by signal 15 (SIGTERM)"),
        ([(100, 1, STOPPED), (105, 1, FULL)], "data/x.png"),
    ],
)
def test_the_first_cause_is_one_line(failed, one_line, ends, said):
    with pytest.raises(UserError) as error:
        raise_first(failed(*ends), 2)
    one_line(error, said)


@pytest.mark.parametrize("other", [(100 + GRACE, -signal.SIGKILL), (100, -signal.SIGTERM), (100, 1, LOST)])
def test_a_bug_keeps_its_traceback(failed, other):
    with pytest.raises(RuntimeError, match=r"(?s)process 2 of 2 failed: IndexError: list.*Traceback of 1"):
        raise_first(failed(other, (100, 1, BUG)), 2)


def test_a_stop_is_no_error(failed):
    with pytest.raises(Interrupted, match="stopped at step 7"):
        raise_first(failed((100, 1, STOPPED), (100 + GRACE, -signal.SIGKILL)), 2)


def test_a_process_that_recorded_nothing_is_told_of(failed):
    with pytest.raises(RuntimeError, match="process 1 of 1 failed"):
        raise_first(failed((100, 3)), 1)
