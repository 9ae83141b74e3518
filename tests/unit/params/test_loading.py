"""Reading parameters: a file, a tree or a text is right, or one line says what is wrong."""

import os

import pytest

from semiproto import params as parameters
from semiproto.errors import UserError


@pytest.fixture
def written(tmp_path):
    """Writes a parameter file."""

    def write(text):
        path = tmp_path / "params.yaml"
        path.write_text(text)
        return path

    return write


def test_the_shipped_parameters_are_valid(edited, shipped):
    assert parameters.validate(edited({}), "params.yaml") == shipped


def test_a_key_given_twice(written, shipped_file, one_line):
    text = shipped_file.read_text().replace("  tau: 0.8\n", "  tau: 0.8\n  tau: 0.9\n")
    assert text != shipped_file.read_text()
    path = written(text)
    with pytest.raises(UserError) as error:
        parameters.load(path)
    one_line(error, path, "'tau'", "twice")


@pytest.mark.parametrize("text", ["a: [1", "a: b: c", "\t- x", "!!python/object:os.system {}"])
def test_text_that_is_not_yaml(written, one_line, text):
    path = written(text)
    with pytest.raises(UserError) as error:
        parameters.load(path)
    one_line(error, path, "not valid YAML")


def test_a_missing_file(tmp_path, one_line):
    with pytest.raises(UserError) as error:
        parameters.load(tmp_path / "absent.yaml")
    one_line(error, tmp_path / "absent.yaml")


def test_numbers_in_scientific_notation(written, shipped_file):
    path = written(shipped_file.read_text().replace("1.0e-4", "1e-4"))
    assert parameters.load(path).optimizer.weight_decay == 1e-4


@pytest.mark.parametrize("text", ["", "{", '{"features": {"pixels_per_class": 0, "seed": 0}}', "{}"])
def test_a_bad_config_text(one_line, text):
    with pytest.raises(UserError) as error:
        parameters.parse(text, parameters.FeaturesConfig)
    one_line(error, "--config")


def test_an_anchor_is_merged_and_its_keys_may_be_replaced(written, shipped_file):
    text = shipped_file.read_text()
    variants = "variants:\n  mine: {method: consistency, semi: &mine {tau: 0.9, loss_scale: 0.5}}\n"
    variants += "  twice: {method: consistency, semi: {<<: *mine, loss_scale: 1.0}}\n"
    found = parameters.load(written(text.replace("variants:\n", variants, 1)))
    assert (found.semi_of("twice").tau, found.semi_of("twice").loss_scale) == (0.9, 1.0)
    path = written(text.replace("variants:\n", variants.replace("1.0", "1.0, loss_scale: 2.0"), 1))
    with pytest.raises(UserError, match="'loss_scale' is given twice"):
        parameters.load(path)


@pytest.fixture
def with_steps(written, shipped_file):
    """The shipped parameters with other words behind `steps:` of pretraining."""
    lines = shipped_file.read_text().splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("  steps:"))
    return lambda text: written("\n".join([*lines[:place], f"  steps: {text}", *lines[place + 1 :]]))


@pytest.mark.parametrize("text", ["010", "1:30", "1_0", "0x10", "0b1", "1:30.5", "yes", "On", "off", "true"])
def test_what_yaml_reads_as_another_number_is_refused(with_steps, one_line, text):
    path = with_steps(text)
    with pytest.raises(UserError) as error:
        parameters.load(path)
    one_line(error, path, text)


@pytest.mark.parametrize("text", ["10", "+10", "10.0"])
def test_plain_numbers_are_read(with_steps, text):
    assert parameters.load(with_steps(text)).pretrain.steps == 10


@pytest.mark.parametrize("line", ["? [a, b]\n: 1", "x: " + "1" * 5000, "x: " + "[" * 5000, "x: &a [*a]"])
def test_yaml_that_python_trips_over_is_one_line(tmp_path, one_line, line):
    path = tmp_path / "params.yaml"
    path.write_text(line)
    with pytest.raises(UserError) as error:
        parameters.load(path)
    one_line(error, path, "not valid YAML")


def test_a_pipe_in_place_of_the_file_does_not_block(tmp_path, one_line):
    os.mkfifo(tmp_path / "params.yaml")
    with pytest.raises(UserError) as error:
        parameters.load(tmp_path / "params.yaml")
    one_line(error, tmp_path / "params.yaml", "not a regular file")
