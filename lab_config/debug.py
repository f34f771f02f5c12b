"""The debug ports of the product, as shipped."""

from typing import Annotated

from pydantic import Field

from lab_config.base import Model


class JtagDeclaration(Model):
    """The debug port as shipped: TAPs by IDCODE, from TDO to TDI, and an address that is readable if unlocked."""

    idcodes: tuple[int, ...]
    ir_lengths: tuple[int, ...]
    probe_address: int
    """A word at this address is read to find out whether memory can be read."""


class GdbDeclaration(Model):
    """A GDB remote port as shipped: the address at which memory is read if a stub answers."""

    probe_address: Annotated[int, Field(ge=0, lt=2**64)]
