"""Layers as steps of flows: families of vector fields with a property, integrators that keep it."""

from .alternation import (
    alternating as alternating,
    contraction_constant as contraction_constant,
    largest_expansive_step as largest_expansive_step,
    most_contractive_step as most_contractive_step,
)
from .coupling import (
    Coupling as Coupling,
    Halves as Halves,
    SymplecticCoupling as SymplecticCoupling,
)
from .decomposition import (
    Decomposition as Decomposition,
    decompose as decompose,
    decomposition_defect as decomposition_defect,
    potential as potential,
)
from .defects import (
    energy_defect as energy_defect,
    lipschitz_ratio as lipschitz_ratio,
    norm_defect as norm_defect,
    sum_defect as sum_defect,
    symplectic_defect as symplectic_defect,
    volume_defect as volume_defect,
)
from .expansive import Expansive as Expansive
from .field import (
    Branch as Branch,
    BranchField as BranchField,
    SkewField as SkewField,
    VectorField as VectorField,
)
from .filter import Filter as Filter
from .flow import Flow as Flow
from .gradient import GradientFlow as GradientFlow, WeightAndBias as WeightAndBias
from .layer import Layer as Layer
from .reference import flow_map as flow_map
from .residual import (
    HiddenLayer as HiddenLayer,
    Residual as Residual,
    ResidualBlock as ResidualBlock,
    TwoWeights as TwoWeights,
)
from .skew_fields import (
    Isometric as Isometric,
    MassPreserving as MassPreserving,
    Neurons as Neurons,
    SpherePreserving as SpherePreserving,
)
from .splitting_fields import (
    Energies as Energies,
    Hamiltonian as Hamiltonian,
    Ridges as Ridges,
    TwoParts as TwoParts,
    VolumePreserving as VolumePreserving,
)
from .stages import (
    AveragePooling as AveragePooling,
    Flatten as Flatten,
    Linear as Linear,
)
