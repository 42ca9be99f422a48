"""An electrode: a structure with its materials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vmt.electrode._materials import ActiveMaterial, Binder, ParameterSet, PorousActiveMaterial
from vmt.errors import InputError
from vmt.microstructure import Microstructure

__all__ = ["Electrode"]


@dataclass(frozen=True, eq=False)
class Electrode:
    """A structure between separator and collector, with what differs from the cell's materials.

    Parameters
    ----------
    structure : Microstructure
        The electrode; index 0 of axis 0 is at the separator, on whichever side of it the electrode
        is put.
    phases : mapping of str to str, optional
        Role of each phase by its name, as in `HalfCell`.
    embedding : int
        Last layers of the electrode whose pores its collector fills.
    active_material : ActiveMaterial, optional
        Instead of the one of the cell's parameters.
    binder : Binder, optional
        Instead of the one of the cell's parameters.
    porous : PorousActiveMaterial, optional
        Instead of the one of the cell's parameters.
    initial_stoichiometry : float, optional
        Where the active material starts, instead of at its own.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((8, 4, 1), np.uint8)
    >>> labels[:, 2:] = 1
    >>> half_full = Electrode(Microstructure(labels, 1e-6), initial_stoichiometry=0.5)
    """

    structure: Microstructure
    phases: Mapping[str, str] | None = None
    embedding: int = 0
    active_material: ActiveMaterial | None = None
    binder: Binder | None = None
    porous: PorousActiveMaterial | None = None
    initial_stoichiometry: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.structure, Microstructure):
            raise InputError(
                f"{type(self.structure).__name__} is no structure; expected a Microstructure, as "
                "vmt.read_labels gives."
            )

    def materials(self, parameters: ParameterSet) -> ParameterSet:
        """Return the cell's materials with this electrode's own in their place.

        Raises
        ------
        InputError
            If the initial stoichiometry lies outside the material's range.
        """
        active = self.active_material or parameters.active_material
        if self.initial_stoichiometry is not None:
            active = replace(active, initial_stoichiometry=self.initial_stoichiometry)
        return replace(
            parameters,
            active_material=active,
            binder=self.binder or parameters.binder,
            porous=self.porous or parameters.porous,
        )
