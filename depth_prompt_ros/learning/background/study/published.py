"""The figures of 2306.05428 that stand beside ours, row by row."""

from __future__ import annotations

Row = tuple[float | None, float | None, float | None, float | None]
"""ABO si-RMSE, ABO cosine, HNDR si-RMSE, HNDR cosine; None: not known here."""

NETWORKS: dict[str, dict[str, Row]] = {
    "DPT": {
        "none (white)": (1.27, 0.81, 1.32, 0.79),
        "original": (1.27, None, None, None),
        "random noise": (1.99, None, None, None),
        "photographs": (1.55, None, None, None),
        "fine-tuned": (0.12, 0.94, 0.59, 0.84),
        "1-BG": (0.27, 0.89, 0.60, 0.85),
        "PNet": (0.26, 0.89, 0.58, 0.84),
    },
    "MiDaS-conv": {"none (white)": (1.11, 0.73, 0.84, 0.80), "1-BG": (0.32, 0.87, 0.57, 0.86)},
    "LeReS": {"none (white)": (0.84, 0.69, 0.89, 0.68), "1-BG": (0.35, 0.86, 0.62, 0.83)},
    "Omnidata": {"none (white)": (0.36, 0.82, 0.60, 0.76), "1-BG": (0.24, 0.87, 0.57, 0.80)},
}
"""By network and row, of the comparison in and out of distribution and of the fixed backgrounds."""

ABLATIONS: dict[str, tuple[float, float]] = {
    "1-BG": (0.26, 0.62),
    "1-BG, added": (0.30, 0.66),
    "1-BG, image space": (0.40, 0.84),
    "PNet": (0.25, 0.56),
    "PNet, sees the picture": (0.21, 0.60),
}
"""Through DPT: si-RMSE on ABO and on HNDR."""

_LIKE = {
    "scene-net": "MiDaS-conv", "fastdepth": "MiDaS-conv", "midas-v21-large": "MiDaS-conv", "leres-resnet50": "LeReS",
    "omnidata": "Omnidata",
}  # fmt: skip


def like(network: str) -> str:
    """The paper's network that stands beside one of ours: itself, or of the same kind, not of the same size."""
    return next((there for name, there in _LIKE.items() if network.startswith(name)), "DPT")


BLANKS = (
    "Cells of the paper that are blank here (other rows of MiDaS-conv, LeReS and Omnidata; cosines and HNDR of fixed "
    "backgrounds; the ablations' cosines; HM3D-ABO, Google Scanned Objects, Nerfies) are figures that this package has "
    "not got, not figures that the paper does not print. Its ablations are runs of their own, so its full rows differ "
    "from those of the comparison. The paper's tables do not agree on which of PNet's two ablation figures is whose; "
    "here the full one is the one nearer to the comparison's 0.26 and 0.58."
)


def paper_table() -> list[str]:
    """All of it as one Markdown table, networks one after the other."""
    lines = ["| the paper's | row | ABO: si-RMSE | cosine | HNDR: si-RMSE | cosine |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {network} | {row} | {plain(numbers)} |"
        for network, rows in NETWORKS.items()
        for row, numbers in rows.items()
    ]
    lines += [f"| DPT, ablation | {row} | {abo:.2f} | | {hndr:.2f} | |" for row, (abo, hndr) in ABLATIONS.items()]
    return lines


def plain(numbers: tuple[float | None, ...]) -> str:
    """Cells of a table, blank where nothing is known."""
    return " | ".join("" if number is None else f"{number:.2f}" for number in numbers)
