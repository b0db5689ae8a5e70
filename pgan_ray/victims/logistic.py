"""Logistic regression, trained as the networks are."""

from typing import Annotated, ClassVar

from pydantic import Field

from pgan_ray.registry import VICTIMS
from pgan_ray.spec import OptimizerSpec, SgdSpec, TrainedNetworkSpec, VictimConfig
from pgan_ray.spec.network import OPTIMIZERS, StopBelow
from pgan_ray.spec.one_of import OneOf
from pgan_ray.victims.mlp import StackedVictim


class LogisticConfig(VictimConfig):
    """Logistic regression; softmax with more than two classes."""

    optimizer: Annotated[OptimizerSpec, OneOf(OPTIMIZERS, {"name": "sgd", "learning_rate": 1e-3})] = Field(
        default=SgdSpec(learning_rate=1e-3), description="How it is trained."
    )
    epochs: int = Field(default=2000, ge=1, description="Passes over the victim's training set.")
    batch_size: int = Field(default=200, ge=1, description="Points per step.")
    stop_below: StopBelow = None


@VICTIMS.register
class Logistic(StackedVictim):
    """Logistic regression; softmax with more than two classes."""

    name = "logistic"
    label = "logistic regression"
    Config: ClassVar[type[LogisticConfig]] = LogisticConfig
    config: LogisticConfig

    @property
    def network(self) -> TrainedNetworkSpec:
        """A network without hidden layers."""
        config = self.config
        return TrainedNetworkSpec(
            widths=[],
            dropout=0.0,
            optimizer=config.optimizer,
            epochs=config.epochs,
            batch_size=config.batch_size,
            stop_below=config.stop_below,
        )
