"""Points that move by the KKT conditions of a linear SVM. Shapes: N training points, P of them poison, F features."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.svm import SVC
from torch import Tensor

from pgan_ray.attacks.biggio_svm import BiggioSvm
from pgan_ray.attacks.engines.points import MovedPoints
from pgan_ray.attacks.interface import Member
from pgan_ray.data import TaskData

Array = npt.NDArray[np.float64]
EDGE = 1e-6  # of C: weights that near to 0 or C are taken to be there
TOLERANCE = 1e-6  # of the solver


@dataclass(frozen=True)
class Machine:
    """A linear SVM: ``alpha`` (N,) from 0 to C, ``weights`` (F,), ``bias``, and labels ``signs`` (N,) of -1 and 1."""

    x: Array
    signs: Array
    alpha: Array
    weights: Array
    bias: float
    penalty: float

    def margins(self, x: Array, signs: Array) -> Array:
        """Of each point, what is below 1 where it has a hinge loss."""
        margins: Array = signs * (x @ self.weights + self.bias)
        return margins

    def hinge_gradient(self, valid_x: Array, valid_signs: Array, moved: slice) -> Array:
        """The gradient, by the training points ``moved``, of the sum of hinge losses of validation points.

        With S the support vectors on the margin, Q_ij = y_i y_j x_i x_j: their KKT conditions, sum_j Q_ij alpha_j +
        y_i b = 1 and sum_j y_j alpha_j = 0, are differentiated, and solved once for all of the moved points
        by the adjoint system.
        """
        lossy = self.margins(valid_x, valid_signs) < 1
        pull: Array = valid_signs[lossy] @ valid_x[lossy]
        on_margin = (self.alpha > EDGE * self.penalty) & (self.alpha < (1 - EDGE) * self.penalty)
        signed = self.signs[on_margin, None] * self.x[on_margin]
        size = len(signed)
        system = np.zeros((size + 1, size + 1))
        system[:size, :size] = signed @ signed.T
        system[:size, size] = system[size, :size] = self.signs[on_margin]
        right = np.append(signed @ pull, valid_signs[lossy].sum())
        adjoint = np.zeros(len(self.x))
        adjoint[on_margin] = np.linalg.lstsq(system, right, rcond=None)[0][:size]
        reaction = (adjoint * self.signs) @ self.x
        weight = (self.signs * self.alpha)[moved, None]
        own = (adjoint * self.signs)[moved, None]
        gradient: Array = weight * (reaction - pull) + own * self.weights
        return gradient


def fit_machine(x: Array, signs: Array, penalty: float, tolerance: float = TOLERANCE) -> Machine:
    """The linear SVM of ``x`` (N, F) and ``signs`` (N,)."""
    fitted = SVC(kernel="linear", C=penalty, tol=tolerance, cache_size=500).fit(x, signs)
    alpha = np.zeros(len(x))
    alpha[fitted.support_] = np.abs(fitted.dual_coef_[0])
    return Machine(x, signs, alpha, fitted.coef_[0], float(fitted.intercept_[0]), penalty)


class SvmPoints(MovedPoints):
    """One replicate's points, and the machine that is trained on them before each move."""

    def __init__(self, attack: BiggioSvm, member: Member, task: TaskData, device: torch.device) -> None:
        super().__init__(attack, member, task, torch.device("cpu"))
        self._penalty = attack.config.penalty

    def move(self) -> Sequence[float]:
        """Train the machine, and move the points up its validation loss."""
        x, y = self.poisoned
        machine = fit_machine(_numbers(x), _signs(y), self._penalty)
        valid_x, valid_signs = _numbers(self.validation_x), _signs(self.validation_y)
        gradient = machine.hinge_gradient(valid_x, valid_signs, slice(len(self.genuine_x), None))
        self.climb(torch.from_numpy(gradient).to(self.x.dtype))
        hinge = np.maximum(0, 1 - machine.margins(valid_x, valid_signs)).mean()
        return float(hinge), float((machine.alpha > 0).sum())


def _numbers(x: Tensor) -> Array:
    return x.double().numpy()


def _signs(y: Tensor) -> Array:
    return y.double().mul(2).sub(1).numpy()
