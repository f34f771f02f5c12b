"""What whoever comes was granted on an interface: an observation in which single questions can be left open.

A witness that fails leaves all of an observation's silence unproven; what concerns one question leaves open that one.
"""

from collections.abc import Mapping
from typing import Self

from trustprobe.probe import Observation, Witness, all_of


class Access(Observation):
    """Facts about single questions of access."""

    left_open: Mapping[str, str] = {}
    """Why a question has no answer that counts, by what it is about."""

    def about(self, *parts: str) -> Self:
        """Narrow to some questions; where one of them was left open, the witness does not hold."""
        narrowed = super().about(*parts)
        doubts = [
            Witness(what=f"{part}: {self.left_open[part]}", holds=False) for part in parts if part in self.left_open
        ]
        known = () if narrowed.witness is None else (narrowed.witness,)
        return narrowed.model_copy(update={"witness": all_of((*known, *doubts))}) if doubts else narrowed
