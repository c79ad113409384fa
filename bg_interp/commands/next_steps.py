"""The commands of the steps after an audit, filled in for its model and images."""

import dataclasses
from typing import Any

from bg_interp.config.classifier import NO_FLAGS
from bg_interp.config.evaluation import EvaluateConfig
from bg_interp.config.repair import RepairConfig
from bg_interp.config.segmentation import SegmentConfig
from bg_interp.config.training import ArmConfig
from bg_interp.report import page
from bg_interp.report.advice import Ways

# What belongs to this audit alone.
_OWN = (*NO_FLAGS, "output", "junit", "must", "fail_if", "baseline", "seed")


def ways(config: EvaluateConfig) -> Ways:
    """Returns how the next steps are taken on a command line.

    Args:
      config: as it was given, so that the commands name what the user named.
    """
    flags = page.given_flags(config, _OWN)

    def command(tool: str, settings: type[Any], *names: str, **more: str) -> str:
        taken = _names(settings) | set(names)
        return page.command(tool, {n: v for n, v in flags.items() if n in taken} | more)

    return Ways(
        repair=command("repair", RepairConfig),
        train=command("train", ArmConfig, background="mix"),
        gate=command("evaluate", EvaluateConfig, must="reliance<0.1"),
        masks=command("segment", SegmentConfig, "masks", check="true"),
        conventions=command("evaluate", EvaluateConfig, preprocess="...", class_names="..."),
    )


def repaired_ways(config: RepairConfig, model: str) -> Ways:
    """Returns how the next steps are taken after a repair.

    Args:
      config: of the repair, as it was given.
      model: what the repaired model is called.
    """
    flags = page.given_flags(config, (*_OWN, "copies", "max_loss", "class_images"))
    cheaper = {"max_loss": f"{config.max_loss / 2:g}"}
    audit = {n: v for n, v in flags.items() if n in _names(EvaluateConfig)} | {"model": model}
    train = {n: v for n, v in flags.items() if n in _names(ArmConfig)} | {"background": "mix"}
    return Ways(
        repair=page.command("repair", flags | cheaper),
        train=page.command("train", train),
        gate=page.command("evaluate", audit | {"must": "reliance<0.1"}),
    )


def _names(settings: type[Any]) -> set[str]:
    return {field.name for field in dataclasses.fields(settings)}
