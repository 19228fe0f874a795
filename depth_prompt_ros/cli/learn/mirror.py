"""depth-prompt learn mirror: metric depth from a frozen CLIP by one learned prompt (arXiv 2402.03251)."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Optional

import typer

from depth_prompt_ros.cli.learn.options import Seed, Steps, WeightsOut
from depth_prompt_ros.cli.progress import print_figures, progress


class Conditions(str, Enum):
    """What conditions the decoder."""

    MIRROR = "mirror"
    VECTOR = "vector"
    SENTENCE = "sentence"
    NONE = "none"
    IMAGE = "image"


def mirror(
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="SET", help="Sets with metric depth: of depth-prompt prepare, or of render --kind scenes or tables."
        ),
    ],
    out: WeightsOut,
    validation: Annotated[Path, typer.Option("--validation", help="Set to validate on.")],
    clip: Annotated[str, typer.Option("--clip", help="The frozen CLIP, as depth-prompt models list calls it.")] = (
        "clip-vit-b-16"
    ),
    weights: Annotated[
        Optional[Path],  # noqa: UP045 (typer evaluates it)
        typer.Option("--weights", help="The CLIP's weights; the installed ones if not given."),
    ] = None,
    condition: Annotated[Conditions, typer.Option("--condition", help="What conditions the decoder.")] = (
        Conditions.MIRROR
    ),
    rows: Annotated[int, typer.Option("--rows", min=1, max=77, help="Of the mirror.")] = 64,
    sentence: Annotated[str, typer.Option("--sentence", help="For --condition sentence.")] = (
        "How far is this location from the camera?"
    ),
    vocabulary: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--vocabulary", help="CLIP's vocabulary, bpe_simple_vocab_16e6.txt.gz; open_clip's if not given."),
    ] = None,
    start: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--start", help="What this command wrote, to go on from: at a larger size, for example."),
    ] = None,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="Start from CLIPSeg's decoder (--clip clipseg-rd64).")
    ] = False,
    cap: Annotated[float, typer.Option("--cap", min=0.1, help="Farthest depth, metres: NYU 10, KITTI 80.")] = 10.0,
    height: Annotated[int, typer.Option("--height", min=16, help="Of the pictures that are learned on.")] = 352,
    width: Annotated[int, typer.Option("--width", min=16, help="Of the pictures that are learned on.")] = 352,
    steps: Steps = 10000,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Pictures a step.")] = 8,
    learning_rate: Annotated[
        float, typer.Option("--learning-rate", min=0.0, help="Of the decoder, at most; the mirror's is ten times it.")
    ] = 1e-4,
    seed: Seed = 0,
    validate_every: Annotated[int, typer.Option(min=1, help="Steps between validations; the best one is kept.")] = 500,
    float32: Annotated[bool, typer.Option("--float32", help="No bfloat16 in the network.")] = False,
) -> None:
    """Learn a mirror prompt and a decoder through a frozen CLIP: metric depth of whole pictures.

    Interrupted, the same command goes on where it stopped.
    """
    from depth_prompt_ros.data.sets.metric_set import MetricSet
    from depth_prompt_ros.errors import BadInput
    from depth_prompt_ros.learning.clip.mirror import Plan, learn_mirror
    from depth_prompt_ros.learning.trainer import Schedule
    from depth_prompt_ros.networks.catalogue import find_clip
    from depth_prompt_ros.stages.text.phrases import Tokeniser, find_vocabulary

    tokeniser = None
    if condition is Conditions.SENTENCE:
        if find_clip(clip).sizes.vocabulary < 1000:
            tokeniser = Tokeniser.of_pairs([])
        elif (path := vocabulary or find_vocabulary()) is None:
            raise BadInput("a sentence needs CLIP's vocabulary: give --vocabulary bpe_simple_vocab_16e6.txt.gz")
        else:
            tokeniser = Tokeniser.read(path)
    plan = Plan(condition.value, rows, sentence if tokeniser else "", pretrained, cap, (height, width))
    train, held_out = [MetricSet.open(folder) for folder in data], [MetricSet.open(validation)]
    schedule = Schedule(steps, batch, learning_rate, seed, not float32, "cosine", validate_every)
    with progress("learning", "steps") as report:
        figures = learn_mirror(train, held_out, out, schedule, plan, clip, weights, tokeniser, start, report)
    print_figures(out, figures)
