"""Settings of an arm: names, combinations that are refused, and defaults that depend on others."""

import dataclasses
import pathlib

import pytest

from bg_interp.config import training as settings
from bg_interp.config.training import ArmConfig, check_names, in_keras_cache
from bg_interp.config.treatment import BACKGROUNDS
from bg_interp.data import treatments
from bg_interp.errors import UserError


def test_applications_are_those_of_the_installed_keras():
    import inspect

    import keras

    found = {
        name
        for name, value in vars(keras.applications).items()
        if inspect.isfunction(value)
        and "classifier_activation" in inspect.signature(value).parameters
    }
    assert set(settings.APPLICATIONS) == found


def test_every_background_is_a_treatment():
    for name in BACKGROUNDS:
        assert callable(treatments.make(name))


def resolved(config: ArmConfig, train_examples: int) -> settings.CountedConfig:
    return settings.counted(settings.resolved(config), train_examples)


def test_defaults_on_habitats():
    config = resolved(ArmConfig(), train_examples=2400)
    assert (config.steps, config.image_size, config.learning_rate) == (120, 64, 2e-3)
    assert (config.adversarial_epsilon, config.adversarial_replays) == (6.0, 4)
    assert (config.checkpoint_every, config.freeze_batch_norm) == (20, False)
    assert config.workdir == "runs/habitats-small-black-0"


def test_defaults_elsewhere_are_the_recipe_of_photographs():
    config = resolved(ArmConfig(dataset="tfds:oxford_iiit_pet"), train_examples=640)
    assert config.recipe == "photographs"
    assert (config.network, config.weights, config.image_size) == ("MobileNetV2", "imagenet", 96)
    assert (config.steps, config.batch_size, config.learning_rate) == (100, 32, 5e-4)
    assert (config.adversarial_epsilon, config.adversarial_replays) == (4.0, 4)
    assert config.adversarial_guard and config.freeze_batch_norm
    # Larger data get four epochs.
    assert resolved(ArmConfig(dataset="tfds:x"), train_examples=3200).steps == 4 * 3200 / 32


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(ArmConfig)])
def test_a_flag_overrides_its_value_of_a_recipe(name):
    given = {
        "network": "ResNet50",
        "weights": "none",
        "image_size": 48,
        "batch_size": 7,
        "learning_rate": 0.1,
        "freeze_batch_norm": False,
        "adversarial_epsilon": 1.0,
        "adversarial_ramp": 0.1,
        "adversarial_ramp_power": 3.0,
        "adversarial_guard": False,
        "adversarial_replays": 2,
        "steps": 3,
        "recipe": "drawings",
    }
    if name in given:
        config = ArmConfig(dataset="tfds:x", **{name: given[name]})
        assert getattr(resolved(config, 640), name) == given[name]


def test_the_small_network_and_one_without_weights_start_from_nothing():
    for given in ({"network": "small"}, {"weights": "none"}, {"recipe": "drawings"}):
        config = resolved(ArmConfig(dataset="tfds:x", **given), train_examples=640)
        assert (config.weights, config.learning_rate) == ("none", 2e-3)
        assert not config.freeze_batch_norm
    assert resolved(ArmConfig(dataset="tfds:x", weights="none"), 640).steps == 30 * 640 / 32


def test_imagenet_weights_are_fetched_only_when_asked_or_there(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError, match=r"fetch_weights.*weights=.FILE..*weights=.none"):
        check_names(ArmConfig(dataset="tfds:x"))
    check_names(ArmConfig(dataset="tfds:x", fetch_weights=True))
    models = tmp_path / "models"
    models.mkdir()
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{}_no_top.h5"
    (models / name.format(96)).touch()
    check_names(ArmConfig(dataset="tfds:x"))
    with pytest.raises(UserError, match="no imagenet weights of MobileNetV2"):
        check_names(ArmConfig(dataset="tfds:x", image_size=64))


@pytest.mark.parametrize(
    ("there", "network", "found"),
    [
        ("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_96_no_top.h5", "MobileNet", False),
        ("mobilenet_1_0_96_tf_no_top.h5", "MobileNet", True),
        ("resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5", "ResNet50", False),
        ("resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5", "ResNet50", True),
        ("resnet50_weights_tf_dim_ordering_tf_kernels.h5", "ResNet50", False),
        ("weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5", "MobileNetV3Large", True),
        ("efficientnetv2-b0_notop.h5", "EfficientNetV2B0", True),
    ],
)
def test_cached_weights_are_those_of_the_network(tmp_path, monkeypatch, there, network, found):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / there).touch()
    assert in_keras_cache(network, 96) is found


def test_another_network_than_the_recipes_has_a_size_of_its_own():
    config = ArmConfig(network="ResNet50", weights="imagenet", dataset="tfds:x")
    config = resolved(config, train_examples=64)
    assert (config.image_size, config.learning_rate, config.freeze_batch_norm) == (160, 5e-4, True)


def test_epochs_count_passes_through_the_data():
    assert resolved(ArmConfig(epochs=3, batch_size=50), train_examples=100).steps == 6
    assert resolved(ArmConfig(epochs=1, batch_size=64), train_examples=10).steps == 1


def test_an_epsilon_brings_its_replays():
    config = resolved(ArmConfig(dataset="tfds:x", adversarial_epsilon=4.0), train_examples=64)
    assert config.adversarial_replays == 4
    assert resolved(ArmConfig(adversarial_epsilon=0.0), 64).adversarial_replays == 1


def test_checkpoints_are_at_most_500_steps_apart():
    assert resolved(ArmConfig(steps=10_000), 64).checkpoint_every == 500
    assert resolved(ArmConfig(steps=3), 64).checkpoint_every == 1


def test_nothing_stays_open_once_resolved():
    config = resolved(ArmConfig(), 64)
    left = {f.name for f in dataclasses.fields(config) if getattr(config, f.name) is None}
    of_masks = {"mask_store", "invert_masks", "mask_values"}
    of_data = {"data_dir", "only_classes", "objects", "object_masks", "places"}
    assert left == {"epochs", *of_masks, *of_data}
    assert resolved(config, 64) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"network": "resnet50"}, "did you mean 'ResNet50'"),
        ({"masks": "objct"}, "did you mean 'object'"),
        ({"dataset": "tfds:"}, "dataset must be habitats"),
        ({"dataset": "habitats", "image_size": 600}, "must be from 16 to 512"),
        ({"network": "small", "image_size": 16}, "image_size must be at least 32"),
        ({"weights": "model.pt"}, "must be none, imagenet, or a .keras or .h5 file"),
        ({"weights": "nowhere.keras"}, "does not exist: nowhere.keras"),
        ({"network": "small", "weights": "imagenet"}, "needs a network of keras.applications"),
        ({"steps": 5, "epochs": 5}, "steps and epochs exclude each other"),
        ({"masks": "none"}, "background must be none. Received: 'black'"),
        ({"jit_compile": "true", "deterministic": True}, "with deterministic"),
        ({"jit_compile": "true", "strategy": "mirrored"}, "with strategy='mirrored'"),
        ({"mixed_precision": "float16", "strategy": "multi_worker"}, "bfloat16 can"),
        ({"adversarial_epsilon": 0.0, "adversarial_replays": 2}, "needs an adversarial_epsilon"),
    ],
)
def test_what_cannot_be_trained_is_refused(change, message):
    with pytest.raises(UserError) as raised:
        check_names(ArmConfig(**change))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"masks": "none", "background": "none"},
        {"jit_compile": "true"},
        {"network": "MobileNetV2", "weights": "none", "dataset": "tfds:x", "image_size": 32},
        {"adversarial_epsilon": 0.0},
    ],
)
def test_what_can_be_trained_is_accepted(change):
    check_names(ArmConfig(**change))


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("habitats", "habitats-small-black-0"),
        ("folder:/data/my photos/", "my photos-MobileNetV2-black-0"),
        ("voc:/data/VOC2012", "VOC2012-MobileNetV2-black-0"),
        ("tfds:oxford_iiit_pet", "tfds-oxford_iiit_pet-MobileNetV2-black-0"),
        ("tfds:cifar10_corrupted/fog_1", "tfds-cifar10_corrupted-fog_1-MobileNetV2-black-0"),
    ],
)
def test_the_workdir_is_named_after_the_data(dataset, name):
    assert settings.workdir(ArmConfig(dataset=dataset)) == pathlib.Path("runs", name)


def test_the_workdir_of_the_current_folder_has_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = settings.workdir(ArmConfig(dataset="folder:."))
    assert found == pathlib.Path("runs", f"{tmp_path.name}-MobileNetV2-black-0")


def test_a_given_workdir_is_taken():
    assert settings.workdir(ArmConfig(workdir="~/x")) == pathlib.Path("~/x").expanduser()


def test_weights_may_stand_in_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.keras").write_text("")
    check_names(ArmConfig(weights="~/a.keras", network="MobileNetV2"))


def test_the_recipe_of_the_paper_takes_the_network_of_the_data_and_nothing_of_ours():
    drawn = settings.resolved(ArmConfig(recipe="paper"))
    assert (drawn.network, drawn.adversarial_epsilon, drawn.adversarial_replays) == ("small", 0, 1)
    assert drawn.hard_masks and not settings.resolved(ArmConfig()).hard_masks
    photographs = settings.resolved(ArmConfig(recipe="paper", dataset="folder:photos"))
    assert (photographs.network, photographs.adversarial_epsilon) == ("MobileNetV2", 0)
    assert settings.resolved(ArmConfig(recipe="paper", hard_masks=False)).hard_masks is False
    # As many updates as four replays make.
    assert settings.counted(drawn, 2400).steps == 480
