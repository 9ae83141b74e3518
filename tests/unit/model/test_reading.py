"""A model folder that changes while it is read is refused."""

import pytest

from semiproto.errors import UserError
from semiproto.model.folder import CARD, MODEL, STUDENT, Card, save_student, save_weights, write_card
from semiproto.model.reading import files_of, unchanged


@pytest.fixture
def model(tmp_path, tiny, make_net):
    write_card(tmp_path, Card([f"c{n}" for n in range(7)], tiny.model, {}))
    save_weights(tmp_path / MODEL, make_net())
    return tmp_path


def test_its_digests_change_with_its_files(model, make_net):
    with unchanged(model, *files_of(model)) as first, unchanged(model, *files_of(model)) as same:
        assert first == same and len(first.split()) == 2
    save_student(model, make_net(), None)
    assert files_of(model) == [CARD, MODEL, STUDENT]
    with unchanged(model, *files_of(model)) as more:
        assert more.startswith(f"{first} ")


@pytest.mark.parametrize("name", [CARD, MODEL])
def test_a_change_meanwhile_is_refused(model, one_line, make_net, name):
    with pytest.raises(UserError) as error, unchanged(model, CARD, MODEL):
        if name == CARD:
            (model / CARD).write_text((model / CARD).read_text() + "\n")
        else:
            save_weights(model / MODEL, make_net(seed=1))
    one_line(error, model, "changed while it was read", "the same command")


def test_what_is_missing_is_named(model, one_line):
    (model / CARD).unlink()
    with pytest.raises(UserError) as error, unchanged(model, CARD, MODEL):
        pass
    one_line(error, model / CARD, "no such file")
