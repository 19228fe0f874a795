"""Losses of learning depth and masks, each a function of whole batches, (N, 1, H, W) unless said otherwise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def align_scale_shift(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """``a * prediction + b`` closest to ``target`` over the mask in least squares, per picture, closed form.

    Source: MiDaS (1907.01341), eq. 4. ``mask`` is float in {0, 1}; the gradient flows through a and b.
    """
    total = mask.sum((1, 2, 3), keepdim=True).clamp(min=1)
    mean_p = (mask * prediction).sum((1, 2, 3), keepdim=True) / total
    mean_t = (mask * target).sum((1, 2, 3), keepdim=True) / total
    p, t = prediction - mean_p, target - mean_t
    scale = (mask * p * t).sum((1, 2, 3), keepdim=True) / ((mask * p * p).sum((1, 2, 3), keepdim=True) + 1e-6)
    return scale * p + mean_t


def gradient_loss(residual: Tensor, mask: Tensor, scales: int = 4) -> Tensor:
    """Mean absolute differences of neighbouring residuals at ``scales`` halvings (MiDaS, eq. 11), () float."""
    loss = residual.new_zeros(())
    for level in range(scales):
        r, m = residual[..., :: 2**level, :: 2**level], mask[..., :: 2**level, :: 2**level]
        across = (r[..., :, 1:] - r[..., :, :-1]).abs() * torch.minimum(m[..., :, 1:], m[..., :, :-1])
        down = (r[..., 1:, :] - r[..., :-1, :]).abs() * torch.minimum(m[..., 1:, :], m[..., :-1, :])
        loss = loss + (across.sum() + down.sum()) / m.sum().clamp(min=1)
    return loss


def scale_shift_invariant_loss(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Sum of squares over twice the mask's size, plus half the gradient term (MiDaS; 2307.15052), () float."""
    residual = align_scale_shift(prediction, target, mask) - target
    return (mask * residual.square()).sum() / (2 * mask.sum().clamp(min=1)) + 0.5 * gradient_loss(residual, mask)


def virtual_label_losses(prediction: Tensor, target: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """The three terms of 2307.15052's fine-tuning, all of inverse depth; their sum is minimised.

    :func:`scale_shift_invariant_loss` over the whole picture; the gradient term of the residual as it is; and its sum
    of squares over twice the mask's size, as published. The last two hold the student to its teacher's scale and shift,
    which the first leaves free. ``mask`` may hold any weights of at least 0.
    """
    residual = prediction - target
    return {
        "scale_shift_invariant": scale_shift_invariant_loss(prediction, target, mask),
        "gradients": gradient_loss(residual, mask),
        "squares": (mask * residual.square()).sum() / (2 * mask.sum().clamp(min=1)),
    }


def scale_to_mean(depth: Tensor, mask: Tensor, mean: float = 5.0) -> Tensor:
    """Each picture's depth scaled so that its mean over the mask is ``mean`` (2306.05428: 5)."""
    total = mask.sum((1, 2, 3), keepdim=True).clamp(min=1)
    return depth * (mean * total / (mask * depth).sum((1, 2, 3), keepdim=True).clamp(min=1e-6))


def si_rmse(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """(N,) root mean square of ``s * prediction - target``, s the best scale (2306.05428, eq. 3).

    Both are depth; the target is scaled to mean 5 over the mask by the caller; the gradient flows through s.
    """
    p, t = mask * prediction, mask * target
    scale = (p * t).sum((1, 2, 3)) / ((p * p).sum((1, 2, 3)) + 1e-6)
    squares = (scale[:, None, None, None] * p - t).square().sum((1, 2, 3))
    return torch.sqrt(squares / mask.sum((1, 2, 3)).clamp(min=1) + 1e-8)


def normals(depth: Tensor, intrinsics: Tensor) -> Tensor:
    """(N, 3, H-1, W-1) unit normals by the cross product of left and top differences (2306.05428, eq. 4).

    ``intrinsics`` (N, 4) are fx, fy, cx, cy in pixels of the depth's pictures.
    """
    height, width = depth.shape[-2:]
    fx, fy, cx, cy = intrinsics.to(depth)[:, :, None, None, None].unbind(1)
    x = (torch.arange(width, device=depth.device, dtype=depth.dtype) - cx) / fx
    y = (torch.arange(height, device=depth.device, dtype=depth.dtype)[:, None] - cy) / fy
    # Plane by plane: PyTorch's cross product and norm over a dimension in the middle take ten times as long on a CPU.
    points = (depth * x, depth * y, depth)
    ax, ay, az = (each[:, 0, 1:, 1:] - each[:, 0, 1:, :-1] for each in points)
    bx, by, bz = (each[:, 0, 1:, 1:] - each[:, 0, :-1, 1:] for each in points)
    nx, ny, nz = by * az - bz * ay, bz * ax - bx * az, bx * ay - by * ax
    length = torch.sqrt(nx * nx + ny * ny + nz * nz + 1e-24)
    return torch.stack([nx / length, ny / length, nz / length], 1)


def normal_cosine(
    prediction: Tensor, target: Tensor, mask: Tensor, intrinsics: Tensor, true: Tensor | None = None
) -> Tensor:
    """(N,) mean cosine between the normals of two depths where all three pixels are in the mask, in [-1, 1].

    ``true`` (N, 3, H, W), where it is given, are the target's normals in place of those of its depth; where they are 0,
    they are not known.
    """
    whole = mask[:, 0, 1:, 1:] * mask[:, 0, 1:, :-1] * mask[:, 0, :-1, 1:]
    if true is not None:
        whole = whole * (true[:, :, 1:, 1:] != 0).any(1)
    expected = normals(target, intrinsics) if true is None else true[:, :, 1:, 1:]
    cosine = (normals(prediction, intrinsics) * expected).sum(1)
    return (whole * cosine).sum((1, 2)) / whole.sum((1, 2)).clamp(min=1)


def prompting_losses(
    prediction: Tensor, target: Tensor, mask: Tensor, intrinsics: Tensor, true: Tensor | None = None
) -> dict[str, Tensor]:
    """The two terms of 2306.05428, averaged over the batch: si-RMSE, and half of one minus the normals' cosine.

    ``prediction`` is depth up to scale, ``target`` depth in any unit, ``true`` its normals if it has some of its own.
    """
    target = scale_to_mean(target, mask)
    cosine = normal_cosine(prediction, target, mask, intrinsics, true)
    return {"si_rmse": si_rmse(prediction, target, mask).mean(), "normals": (0.5 * (1 - cosine)).mean()}


def mask_losses(logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Two terms that a mask is learned with: the mean cross entropy of all pixels, and one minus the Dice score.

    The Dice score, ``2 sum(p m) / (sum(p) + sum(m))`` (V-Net, 1606.04797), is each picture's own and averaged: small
    things count as much as large ones. A picture whose mask is empty has none; what is found in it costs its share of
    the pixels through the cross entropy alone.

    Args:
        logits: log-odds of a pixel to be in the mask.
        mask: float in {0, 1}.
    """
    probability = torch.sigmoid(logits)
    both = (probability * mask).sum((1, 2, 3))
    either, inside = probability.sum((1, 2, 3)), mask.sum((1, 2, 3))
    there = (inside > 0).to(mask)
    lost = there * (1 - 2 * both / (either + inside).clamp(min=1e-6))
    return {
        "cross_entropy": functional.binary_cross_entropy_with_logits(logits, mask),
        "dice": lost.sum() / there.sum().clamp(min=1),
    }


def sequence_loss(steps: list[Tensor], disparity: Tensor, mask: Tensor, gamma: float = 0.9) -> Tensor:
    """Sum of the steps' mean absolute errors, the later the heavier (RAFT-Stereo, 2109.07547, eq. 4), () float.

    The i-th of n steps weighs ``g^(n - i)``, where g is ``gamma^(15 / (n - 1))``, so that the first of any number of
    steps weighs as much as the first of sixteen (as the published code does it).

    Args:
        steps: disparities, (N, 1, H, W) pixels each, the last one last.
    """
    total = mask.sum().clamp(min=1)
    each = gamma ** (15 / max(1, len(steps) - 1))
    losses = [((step - disparity).abs() * mask).sum() / total for step in steps]
    return torch.stack([each**after * loss for after, loss in enumerate(reversed(losses))]).sum()


def scale_invariant_log_loss(prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """``10 sqrt(Var g + 0.15 mean(g)^2)`` of ``g = log prediction - log target`` over all pixels of the mask, () float.

    The loss of 1406.2283 as AdaBins (2011.14141) has it. A batch's pixels are taken together.

    Args:
        prediction, target: metres, above 0 in the mask.
        mask: in {0, 1}; of no pixel the loss is 0.
    """
    known = mask > 0
    if not bool(known.any()):
        return (0 * prediction).sum()
    difference = prediction[known].log() - target[known].log()
    return 10 * torch.sqrt(difference.var(correction=0) + 0.15 * difference.mean().square() + 1e-8)
