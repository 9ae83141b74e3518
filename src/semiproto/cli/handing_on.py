"""Commands that hand a trained model on: to other programs and to other people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from semiproto.cli.app import app, say
from semiproto.cli.given import Model, existing_folder, new_file, new_folder
from semiproto.errors import Interrupted, UserError

PANEL = "Hand a model on"


@app.command(rich_help_panel=PANEL)
def export(
    model: Model,
    out: Annotated[
        Path, typer.Option("--out", "-o", callback=new_file, help="ONNX file to write; replaced where it is there.")
    ] = Path("model.onnx"),
    scores: Annotated[bool, typer.Option("--scores", help="Also the classes' scores, before the softmax.")] = False,
    half: Annotated[bool, typer.Option("--half", help="Numbers of 16 bits: half the file.")] = False,
    quantise: Annotated[
        bool, typer.Option("--quantise", help="Whole numbers of 8 bits: a quarter of the file, mostly faster.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            callback=existing_folder,
            help="Folder of images with masks; to measure what --half or --quantise costs where the model's are away.",
        ),
    ] = None,
) -> None:
    """Write the model as one ONNX file, after onnxruntime gave torch's classes. Takes about a minute.

    With --half or --quantise it also says what they cost in mIoU on the model's validation images.

    Example: semiproto export models/semi/digits/30/prototype/seed0 \\
    -o digits.onnx
    """
    from semiproto.deploy import export as exporting

    if half and quantise:
        raise UserError("--half --quantise: one file has one precision; give one of them")
    if data is not None and not (half or quantise):
        raise UserError(f"--data {data}: read for --half or --quantise alone; add one of them, or leave it out")
    reduced = exporting.Reduced("float16" if half else "int8", data) if half or quantise else None
    try:
        found, cost = exporting.write_onnx(model, out, scores=scores, reduced=reduced)
    except KeyboardInterrupt:
        raise Interrupted(f"{out}: stopped; nothing was written") from None
    size = f"{out}: {out.stat().st_size / 1e6:.1f} MB"
    if reduced is None:
        say(f"{size}; {found}")
    else:
        say(f"{size}, {reduced.precision}; {cost}")
        say(f"in float32 {found}")


@app.command(rich_help_panel=PANEL)
def card(
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", callback=new_folder, help="Folder to hand on.")] = Path(
        "shared-model"
    ),
) -> None:
    """Write a folder to hand on: the model, a model card for the Hugging Face hub, and config.json.

    Run it in the checkout that trained the model, so that the card has the score.

    Example: semiproto card models/semi/digits/30/prototype/seed0 -o digits
    """
    from semiproto.deploy import card as cards
    from semiproto.model.folder import MODEL
    from semiproto.report import score

    found = score.of_model(model, MODEL)
    files = cards.write_folder(model, out, found)
    say(f"{out}: {', '.join(path.name for path in files)}")
    say(f"{files[0]}: {'no score, since these weights were not evaluated here' if found is None else 'with the score'}")


@app.command(rich_help_panel=PANEL)
def demo(
    model: Model,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any that is free.")] = 7860,
) -> None:
    """Serve a page on this machine: drop a picture, see mask, confidence, both heads and prototypes. Ctrl-C ends it.

    Example: semiproto demo models/semi/digits/30/prototype/seed0
    """
    from semiproto.deploy.demo.looking import Viewer
    from semiproto.deploy.demo.server import Server

    with Server((host, port), str(model), Viewer(model).look) as server:
        say(f"{model}: {server.address} (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("stopped")
