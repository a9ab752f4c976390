"""Settings: the seed's keys and defaults, and who overrides whom."""

import re

import pytest

from encore import recipes
from encore.config import TrainConfig, resolve
from encore.errors import InputError


def test_the_seeds_keys_and_defaults_stand():
    config = TrainConfig()
    assert config.embedding_dim == 64
    assert config.hidden_layers == (256, 128, 64)
    assert config.dropout == 0.2
    assert config.learning_rate == 0.001
    assert config.weight_decay == 1e-5
    assert config.early_stopping_patience == 10
    assert config.max_grad_norm == 1.0
    assert config.scheduler_patience == 5
    assert config.scheduler_factor == 0.5


def test_flag_over_environment_over_file_over_recipe(tmp_path):
    file = tmp_path / "encore.toml"
    file.write_text("[train]\nbatch_size = 300\ndropout = 0.5\nseed = 1\n")
    environment = {"ENCORE_BATCH_SIZE": "400", "ENCORE_SEED": "2", "ENCORE_OPTIMIZER": "dense"}
    config = resolve(recipes.quick(), file, environment, {"seed": 3, "device": None})
    assert (config.batch_size, config.dropout, config.seed) == (400, 0.5, 3)
    assert config.optimizer == "dense"
    assert config.device == "auto"
    assert config.max_epochs == recipes.quick().max_epochs


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dropuot = 0.1", "dropuot = 0.1: no such setting"),
        ("dropout = 1.5", "dropout = 1.5: input should be less than 1"),
        ("batch_size = 'many'", "batch_size = 'many'"),
        ("dropout = ", "cannot be read as TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path, text, told):
    file = tmp_path / "encore.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=re.escape(told)) as raised:
        resolve(TrainConfig(), file)
    assert str(file) in str(raised.value)


def test_a_wrong_environment_variable_is_named():
    with pytest.raises(InputError, match="ENCORE_DROPOUT: dropout = 'high'"):
        resolve(TrainConfig(), None, {"ENCORE_DROPOUT": "high"})
