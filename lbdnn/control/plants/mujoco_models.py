"""Models for MuJoCo."""

from __future__ import annotations

from pathlib import Path

from .two_link import TwoLink

ARM = Path(__file__).with_name("arm.xml")


def two_link_mjcf(plant: TwoLink, *, length: float = 1.0, timestep: float = 0.001) -> str:
    r"""MJCF of a two-link manipulator in the horizontal plane with the inertia of `plant`.

    With a first link of length l and moment of inertia J₁ about its joint, a second one of mass m,
    centre of mass at the distance c from its joint, and moment of inertia J₂ about that centre,

        p₁ = J₁ + m l² + J₂ + m c²,   p₂ = J₂ + m c²,   p₃ = m l c.

    They leave m free between p₃²/(p₂l²), where J₂ = 0, and (p₁ − p₂)/l², where J₁ = 0; here it is
    the middle. The viscous friction is the damping of the joints, the controls are
    torques without limits.

    **Arguments:** `length`: l in m. `timestep`: of MuJoCo's Runge-Kutta integrator, in s.

    **Raises:** ValueError where no such links exist, that is p₂(p₁ − p₂) ≤ p₃², or without
    M⁻¹ in the plant's drift.
    """
    one, two, three = (float(p) for p in plant.inertia)
    if not plant.drift_with_inertia:
        raise ValueError("drift_with_inertia=False is no mechanical system; leave it out")
    if not (length > 0 and two > 0 and two * (one - two) > three**2):
        raise ValueError(
            "links need p2 (p1 - p2) > p3^2, p2 > 0 and a positive length; got the inertia "
            f"{(one, two, three)} and the length {length}"
        )
    mass = (three**2 / two + one - two) / (2 * length**2)
    centre = three / (mass * length)
    first, second = one - two - mass * length**2, two - mass * centre**2
    damping = [float(f) for f in plant.friction]
    return f"""<mujoco model="two-link">
  <option timestep="{timestep!r}" integrator="RK4"/>
  <default>
    <joint type="hinge" axis="0 0 1"/>
    <geom type="capsule" contype="0" conaffinity="0" size="{length / 20!r}"/>
  </default>
  <worldbody>
    <body name="link 1">
      <inertial pos="0 0 0" mass="{mass!r}" diaginertia="{f"{first!r} " * 3}"/>
      <joint name="joint 1" damping="{damping[0]!r}"/>
      <geom fromto="0 0 0 {length!r} 0 0"/>
      <body name="link 2" pos="{length!r} 0 0">
        <inertial pos="{centre!r} 0 0" mass="{mass!r}" diaginertia="{f"{second!r} " * 3}"/>
        <joint name="joint 2" damping="{damping[1]!r}"/>
        <geom fromto="0 0 0 {length!r} 0 0"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="torque of joint 1" joint="joint 1"/>
    <motor name="torque of joint 2" joint="joint 2"/>
  </actuator>
</mujoco>"""
