"""Base class of recurrent cores that read one feature a step.

It imports nothing of this package, so that other packages can derive cores from it.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class RecurrentCore(nn.Module, ABC):
    """A core that turns features and the memory of an episode into the next memory.

    width: D.
    memory_width: numbers M of the whole memory of an episode, D or more; an empty memory is M zeros.
    """

    width: int
    memory_width: int

    @abstractmethod
    def forward(self, feature: Tensor, memory: Tensor) -> Tensor:
        """Take one step: (B, G) and (B, M) -> (B, M)."""

    @abstractmethod
    def unroll(self, features: Tensor, recorded: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take all steps, from an empty memory.

        Args:
            features: (T, B, G).
            recorded: the outputs (T, B, D) if they are known from acting; a core may use them or compute them again.

        Returns:
            The outputs (T, B, D), and the last one (B, D) by itself.
        """

    def replay(self, features: Tensor, known: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Take all steps again, to learn from them.

        Args:
            features: (T, B, G).
            known: activations recorded while acting with the same weights, each (T, B, ...): `hidden`, the outputs, and
                what `activations` returned; or none.

        Returns:
            What `unroll` returns.
        """
        return self.unroll(features, known.get("hidden"))

    def activations(self) -> dict[str, Tensor]:
        """Return what `replay` needs of the last step beside its output, each (B, ...): by default nothing."""
        return {}

    def output(self, memory: Tensor) -> Tensor:
        """Return what the other networks read of the memory, (..., M) -> (..., D): its first D numbers."""
        return memory[..., : self.width]
