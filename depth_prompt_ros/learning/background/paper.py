"""The schedule that 2306.05428 learns prompts with, and fine-tunes the networks with that they are compared with."""

from __future__ import annotations

from depth_prompt_ros.learning.trainer import Schedule

STEPS, BATCH, RATE, EPOCH = 150_000, 8, 5e-4, 3000


def paper_schedule(
    steps: int = STEPS, batch: int = BATCH, learning_rate: float = RATE, seed: int = 0, validate_every: int = EPOCH
) -> Schedule:
    """SGD with momentum 0.9, a tenth of the rate for the last fifth, everything in float32.

    Whoever learns by it takes pictures as they are, clips no gradient and decays no weight. The defaults are the
    paper's; it looks at its validation set after each of 50 epochs.
    """
    return Schedule(steps, batch, learning_rate, seed, bfloat16=False, recipe="paper", validate_every=validate_every)


def as_published(schedule: Schedule) -> bool:
    """Whether a schedule is that of the paper, of any length."""
    return schedule.recipe == "paper"


def not_the_papers(schedule: Schedule, decorrelate: bool = False) -> list[str]:
    """What a run by this recipe does otherwise than the paper, a line each."""
    published = paper_schedule()
    found = [
        f"{name.replace('_', ' ')} {getattr(schedule, name):g}, the paper's {getattr(published, name):g}"
        for name in ("steps", "batch", "learning_rate", "validate_every")
        if getattr(schedule, name) != getattr(published, name)
    ]
    if decorrelate:
        found.append("decorrelated colours, the paper's are plain")
    return [f"not as in the paper, as you asked: {line}" for line in found]
