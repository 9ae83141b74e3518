"""The method's picture names what the report's caption speaks of."""

from semiproto.report.figures import method


def test_student_teacher_heads_and_losses_are_named(texts_of):
    texts = " ".join(texts_of(method.draw())).replace("\n", " ")
    for name in ("student", "teacher", "linear head", "prototype head", "K prototypes a class", "confidence > tau"):
        assert name in texts, name
    for loss in ("labelled linear", "unlabelled linear", "labelled prototype", "unlabelled prototype"):
        assert f"{loss} against" in texts, loss
