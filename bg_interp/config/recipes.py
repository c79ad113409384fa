"""Recipes: defaults that belong together, for drawings, for photographs, and as in the paper.

A flag that is given overrides its value, and nothing else of the recipe.
"""

from typing import Any

SMALL = "small"
PAPER = "paper"
RECIPES = ("auto", "drawings", "photographs", PAPER)

# Values of `ArmConfig`; `steps` is the least, and `epochs` asks for more of them on larger data.
_VALUES: dict[str, dict[str, Any]] = {
    "drawings": {
        "network": SMALL,
        "weights": "none",
        "image_size": 64,
        "steps": 120,
        "epochs": 0,
        "batch_size": 64,
        "adversarial_epsilon": 6.0,
        "adversarial_ramp": 0.5,
        "adversarial_ramp_power": 1.0,
        "adversarial_guard": False,
        "hard_masks": False,
    },
    # The ramp and the guard are what keeps frozen batch normalisation alive; the epsilon is the
    # smallest that made class images of the untreated network show backgrounds.
    "photographs": {
        "network": "MobileNetV2",
        "weights": "imagenet",
        "image_size": 96,
        "steps": 100,
        "epochs": 4,
        "batch_size": 32,
        "adversarial_epsilon": 4.0,
        "adversarial_ramp": 0.75,
        "adversarial_ramp_power": 2.0,
        "adversarial_guard": True,
        "hard_masks": False,
    },
}
# As near to Nielsen et al. 2023 as what is known of their training allows, over the recipe that
# suits the data: no adversarial step, masks that are 0 or 1.
_AS_IN_PAPER = {"adversarial_epsilon": 0.0, "hard_masks": True}
# Without replays, so many times the minibatches make as many updates.
_REPLAYS = 4
# What a network needs that starts from nothing, and one that starts from weights.
_FRESH = {"learning_rate": 2e-3, "freeze_batch_norm": False}
_PRETRAINED = {"learning_rate": 5e-4, "freeze_batch_norm": True}
# A network from nothing learns photographs slowly.
_FRESH_EPOCHS = 30


def choose(recipe: str, dataset: str) -> str:
    """Returns the recipe's name: for "auto", that of drawings on habitats alone."""
    if recipe != "auto":
        return recipe
    return "drawings" if dataset == "habitats" else "photographs"


def defaults(recipe: str, dataset: str, network: str | None, weights: str | None) -> dict[str, Any]:
    """Returns a recipe's values as they stand beside a network and weights that were given.

    Args:
      recipe: "drawings", "photographs" or "paper".
      dataset: decides on the network of the recipe "paper".
      network: None for the recipe's own.
      weights: None for the recipe's own; the small network has none.
    """
    values = dict(_VALUES[choose("auto", dataset) if recipe == PAPER else recipe])
    if recipe == PAPER:
        longer = {name: values[name] * _REPLAYS for name in ("steps", "epochs")}
        values |= _AS_IN_PAPER | longer
    if network == SMALL:
        values["weights"] = "none"
    if network not in (None, values["network"]):
        # The size that keras.applications and the small network take well.
        values["image_size"] = 64 if network == SMALL else 160
    if (weights or values["weights"]) != "none":
        return values | _PRETRAINED
    if values["epochs"]:
        values["epochs"] = _FRESH_EPOCHS
    return values | _FRESH
