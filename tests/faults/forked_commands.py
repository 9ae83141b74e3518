"""Commands without their seconds of imports: forked from a process that has loaded the libraries, but not semiproto.

`with commands() as folder:` gives a folder of stand-ins for `python`, `snakemake` and `dvc`, to be put first in PATH.
Each has the server fork a process in its own process group and waits for it. This repository is imported again in
that process, from the checkout that it works in. Signals to the group reach it; when its stand-in is killed, so is it.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAMES = ("python", "snakemake", "dvc")
SESSION = "session"
"""The file beside the stand-ins with the id of the server's session."""
LIBRARIES = (
    *("torch", "torch.utils.data", "torchvision.transforms.v2", "timm", "safetensors.torch", "pandas", "scipy.ndimage"),
    *("scipy.stats", "sklearn.cluster", "sklearn.datasets", "sklearn.manifold", "sklearn.metrics", "PIL.Image"),
    *("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.TiffImagePlugin", "fontTools.subset", "matplotlib.figure"),
    *("matplotlib.backends.backend_agg", "matplotlib.backends.backend_pdf", "pandas.io.formats.style", "jinja2"),
    *("pydantic", "pydantic.dataclasses", "typer", "yaml", "snakemake.cli", "snakemake.workflow", "snakemake.storage"),
    *("snakemake.assets", "snakemake.report.html_reporter", "docutils.core", "smart_open", "dvc.cli", "dvc.cli.parser"),
    *("dvc.repo", "dvc.repo.index", "dvc.repo.stage", "dvc.scm", "dvc.data_cloud", "dvc.utils.strictyaml", "networkx"),
    *("dvc_data.index.checkout", "dvc_data.hashfile.status"),
)


@contextmanager
def commands() -> Iterator[Path]:
    """The folder of stand-ins, while a server is there for them."""
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--serve", folder]
        one = os.environ | {"OMP_NUM_THREADS": "1"}  # OpenMP asks but once, when it is loaded
        with subprocess.Popen(command, env=one, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None and server.stdout.readline() == b"ready\n"
            try:
                yield Path(folder)
            finally:
                server.kill()


# ------------------------------------------------------------------------------------------------ stand-ins


def stand_in(arguments: list[str]) -> None:
    """Has the server run the command on this process's files, and ends as the command does.

    In another session, such as that of a job of Slurm or of a training's further processes, it runs the command: no
    process of the server may join a process group there.
    """
    if os.getsid(0) != int(Path(arguments[0]).with_name(SESSION).read_text()):
        real = Path(sys.executable).with_name(Path(arguments[0]).name)
        os.execv(real, [str(real), *arguments[1:]])
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(str(Path(arguments[0]).with_name("socket")))
        for number in (signal.SIGINT, signal.SIGHUP):  # they go to the whole group: the command decides
            signal.signal(number, lambda *_: None)
        command = {"argv": arguments, "cwd": str(Path.cwd()), "env": dict(os.environ), "group": os.getpgrp()}
        socket.send_fds(server, [json.dumps(command).encode() + b"\n"], [0, 1, 2])
        with server.makefile("rb") as answers:
            pid = int(answers.readline())
            signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
            status = answers.readline()
    if not status:
        os.kill(os.getpid(), signal.SIGKILL)
    os._exit(int(status))


# --------------------------------------------------------------------------------------------------- server


def serve(folder: Path) -> None:
    """Makes the stand-ins in `folder` and forks commands until its standard input ends."""
    import gc
    import importlib
    import threading
    import weakref

    for name in LIBRARIES:
        importlib.import_module(name)
    for undo in list(weakref.finalize._registry):
        undo.atexit = False  # what libraries would undo one by one ends with a process anyway
    gc.freeze()  # or each command would look through all of them, and copy their pages, at every full collection
    (folder / SESSION).write_text(str(os.getsid(0)))
    for name in NAMES:
        (folder / name).write_text(f"#!{sys.executable} -ISE\n{Path(__file__).read_text()}")
        (folder / name).chmod(0o755)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # Not sys.stdin.read(), which holds a lock that processes forked meanwhile could never take.
    threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket"))
        listener.listen(64)
        print("ready", flush=True)
        while True:
            client, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _become(client)
            client.close()


def _become(client: socket.socket) -> None:
    """Runs the command that the stand-in asks for in this process, tells it the exit status and ends."""
    import threading
    import traceback

    data, files = b"", []
    while not data.endswith(b"\n"):
        part, more, _, _ = socket.recv_fds(client, 1 << 20, 3)
        data, files = data + part, files + more
    command = json.loads(data)
    os.setpgid(0, command["group"])
    for target, file in enumerate(files):
        os.dup2(file, target)
        os.close(file)
    os.environ.clear()
    os.environ.update(command["env"])
    os.chdir(command["cwd"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    client.sendall(f"{os.getpid()}\n".encode())

    def die_with_the_stand_in() -> None:
        client.recv(1)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=die_with_the_stand_in, daemon=True).start()
    try:
        status = _run(command["argv"])
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    client.sendall(f"{status}\n".encode())
    os._exit(status)


def _run(argv: list[str]) -> int:
    """The exit status of `snakemake ...`, `dvc ...` or `python -m module ...`."""
    import importlib
    import runpy

    called = Path(argv[0])
    sys.executable = str(called.with_name("python"))
    sys.path[:0] = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    sys.dont_write_bytecode = True  # or code that was edited twice within a second would be taken for unchanged
    sys.orig_argv, sys.argv = argv, argv if called.name != "python" else argv[2:]
    sys.modules.pop("sitecustomize", None)
    try:
        with suppress(ImportError):  # as Python does at its start
            importlib.import_module("sitecustomize")
        if called.name == "dvc":
            from dvc.cli import main

            return int(main(argv[1:]) or 0)
        if called.name == "python":
            assert argv[1] == "-m", argv
        runpy.run_module("snakemake" if called.name == "snakemake" else argv[2], run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == "__main__":
    serve(Path(sys.argv[2])) if sys.argv[1:2] == ["--serve"] else stand_in(sys.argv)
