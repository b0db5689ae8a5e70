"""Operators that PyTorch has but does not promise to keep, each beside the public ones that come to the same.

They go over memory once where those go several times. Which is taken is seen once, by trying it on next to nothing: a
PyTorch that has an operator no longer, or calls it otherwise, is slower, and as right as before.

Shapes: B rows, F features.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

ADAM_EPSILON = 1e-8
_Operator = TypeVar("_Operator", bound=Callable[..., object])


def chosen(private: _Operator, public: _Operator, *example: object) -> _Operator:
    """``private`` where it can be called on the ``example``, else ``public``."""
    try:
        private(*example)
    except (AttributeError, RuntimeError, TypeError):  # not there, or it takes other arguments
        return public
    return private


def private_leaky_relu_backward(grad: Tensor, output: Tensor, slope: float) -> Tensor:
    """The gradient by LeakyReLU's input; its ``output`` has that input's sign, and 0 counts as negative."""
    of_input: Tensor = torch.ops.aten.leaky_relu_backward.default(grad, output, slope, True)
    return of_input


def public_leaky_relu_backward(grad: Tensor, output: Tensor, slope: float) -> Tensor:
    """As `private_leaky_relu_backward`."""
    return torch.where(output > 0, grad, grad * slope)


def private_tanh_backward(grad: Tensor, output: Tensor) -> Tensor:
    """The gradient by the input of tanh."""
    of_input: Tensor = torch.ops.aten.tanh_backward.default(grad, output)
    return of_input


def public_tanh_backward(grad: Tensor, output: Tensor) -> Tensor:
    """As `private_tanh_backward`."""
    return grad * (1 - output * output)


def private_batch_norm_backward(
    grad: Tensor, rows: Tensor, weight: Tensor, mean: Tensor, inverse: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients by the ``rows`` (B, F), the weight and the bias (F,) of a batch norm over B.

    ``mean`` and ``inverse`` (F,): the rows' mean, and one over their deviation.
    """
    of_rows, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward.default(
        grad, rows, weight, None, None, mean, inverse, True, epsilon, [True, True, True]
    )
    return of_rows, of_weight, of_bias


def public_batch_norm_backward(
    grad: Tensor, rows: Tensor, weight: Tensor, mean: Tensor, inverse: Tensor, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """As `private_batch_norm_backward`."""
    wide = grad.to(weight.dtype)
    normalised = (rows - mean) * inverse
    of_bias, of_weight = wide.sum(0), (wide * normalised).sum(0)
    of_rows = (wide - (of_bias + normalised * of_weight) / len(rows)) * (weight * inverse)
    return of_rows.to(grad.dtype), of_weight, of_bias


def private_copy_each_(to: Sequence[Tensor], of: Sequence[Tensor]) -> None:
    """Copy each tensor."""
    torch._foreach_copy_(list(to), list(of))


def public_copy_each_(to: Sequence[Tensor], of: Sequence[Tensor]) -> None:
    """As `private_copy_each_`."""
    for one, other in zip(to, of, strict=True):
        one.copy_(other)


def private_move_each_(to: Sequence[Tensor], of: Sequence[Tensor], weight: float) -> None:
    """Move each tensor by ``weight`` of the way to its counterpart."""
    torch._foreach_lerp_(list(to), list(of), weight)


def public_move_each_(to: Sequence[Tensor], of: Sequence[Tensor], weight: float) -> None:
    """As `private_move_each_`."""
    for one, other in zip(to, of, strict=True):
        one.lerp_(other, weight)


def private_sgd_(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    buffers: Sequence[Tensor],
    learning_rate: float,
    momentum: float,
) -> None:
    """A step of SGD; the ``buffers`` of its momentum start as zeros."""
    torch._fused_sgd_(
        list(parameters),
        list(gradients),
        list(buffers) if momentum else [],
        weight_decay=0.0,
        momentum=momentum,
        lr=learning_rate,
        dampening=0.0,
        nesterov=False,
        maximize=False,
        is_first_step=False,  # zeros in the buffers come to the same
    )


def public_sgd_(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    buffers: Sequence[Tensor],
    learning_rate: float,
    momentum: float,
) -> None:
    """As `private_sgd_`."""
    for parameter, gradient, buffer in zip(parameters, gradients, buffers, strict=True):
        step = buffer.mul_(momentum).add_(gradient) if momentum else gradient
        parameter.sub_(step, alpha=learning_rate)


def private_adam_(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    steps: Tensor,
    learning_rate: float,
    betas: tuple[float, float],
) -> None:
    """A step of Adam. ``steps`` (): their number, this one counted; ``means``, ``squares``: its running averages."""
    torch._fused_adam_(
        list(parameters),
        list(gradients),
        list(means),
        list(squares),
        [],
        [steps] * len(parameters),
        lr=learning_rate,
        beta1=betas[0],
        beta2=betas[1],
        weight_decay=0.0,
        eps=ADAM_EPSILON,
        amsgrad=False,
        maximize=False,
    )


def public_adam_(
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    means: Sequence[Tensor],
    squares: Sequence[Tensor],
    steps: Tensor,
    learning_rate: float,
    betas: tuple[float, float],
) -> None:
    """As `private_adam_`."""
    first, second = 1 - betas[0] ** steps, (1 - betas[1] ** steps).sqrt()
    for parameter, gradient, mean, square in zip(parameters, gradients, means, squares, strict=True):
        mean.lerp_(gradient, 1 - betas[0])
        square.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
        parameter.sub_(mean / (square.sqrt().div_(second).add_(ADAM_EPSILON)) * (learning_rate / first))


def _few() -> list[Tensor]:
    return [torch.ones(2)]


leaky_relu_backward = chosen(private_leaky_relu_backward, public_leaky_relu_backward, *_few(), *_few(), 0.2)
tanh_backward = chosen(private_tanh_backward, public_tanh_backward, *_few(), *_few())
batch_norm_backward = chosen(
    private_batch_norm_backward, public_batch_norm_backward, *torch.ones(2, 2, 2), *torch.ones(3, 2), 1e-5
)
copy_each_ = chosen(private_copy_each_, public_copy_each_, _few(), _few())
move_each_ = chosen(private_move_each_, public_move_each_, _few(), _few(), 0.5)
sgd_ = chosen(private_sgd_, public_sgd_, _few(), _few(), _few(), 0.1, 0.9)
adam_ = chosen(private_adam_, public_adam_, _few(), _few(), _few(), _few(), torch.ones(()), 0.1, (0.5, 0.9))
