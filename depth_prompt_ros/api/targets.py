"""What to grasp, said in one of the ways in which people say it, as parameters of the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from depth_prompt_ros.errors import BadInput, WrongType, WrongValue
from depth_prompt_ros.parameters import Parameters


def with_targets(
    parameters: Parameters,
    box: Sequence[float] | None = None,
    point: Sequence[float] | None = None,
    labels: bool = False,
    text: str = "",
    tom: bool = False,
) -> Parameters:
    """The parameters with these targets; as they are where nothing is said.

    Args:
        parameters: everything else.
        box: pixel x, y, width and height around one target.
        point: pixel x, y on one target.
        labels: a label image comes with each picture.
        text: names of what to grasp, commas between them; needs ``segmentation.text_network``.
        tom: a mask of transparent and mirror pixels comes with each picture.

    Raises:
        WrongType, WrongValue: two ways at once, other than so many numbers, or no network for names.
    """
    given = {"box": box is not None, "point": point is not None, "labels": labels, "text": bool(text)}
    chosen = [name for name, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise WrongValue(f"targets are given by {' and '.join(chosen)}: give one of box, point, labels and text")
    segmentation: dict[str, Any] = {"method": chosen[0]} if chosen else {}
    if box is not None:
        segmentation["target_box"] = _numbers(box, "box", ("x", "y", "width", "height"))
    if point is not None:
        segmentation["target_point"] = _numbers(point, "point", ("x", "y"))
    if text:
        segmentation["text"] = text
        if not parameters.segmentation.text_network:
            raise WrongValue(
                "targets named in words need segmentation.text_network, a file that depth-prompt export text writes"
            )
    changed: dict[str, Any] = {}
    if segmentation:
        changed["segmentation"] = parameters.segmentation.model_copy(update=segmentation)
    if tom:
        changed["tom"] = parameters.tom.model_copy(update={"method": "labels"})
    return parameters.model_copy(update=changed)


def numbers_of(text: str, what: str) -> tuple[float, ...]:
    """The numbers of a text such as ``262,138,90,120``.

    Raises:
        BadInput: something in it is no number.
    """
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise BadInput(f"{what} is {text!r}: expected numbers with commas between them") from error


def _numbers(given: Any, what: str, names: tuple[str, ...]) -> tuple[float, ...]:
    expected = f"expected pixels {', '.join(names)}"
    try:
        values = tuple(float(value) for value in given)
    except (TypeError, ValueError) as error:
        raise WrongType(f"{what} is {given!r}: {expected}") from error
    if len(values) != len(names) or not all(abs(value) < float("inf") for value in values):
        raise WrongValue(f"{what} is {given!r}: {expected}")
    if len(values) == 4 and min(values[2:]) <= 0:
        raise WrongValue(f"{what} is {given!r}: its width and height must be above 0")
    return values
