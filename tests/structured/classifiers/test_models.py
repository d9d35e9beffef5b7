"""The five classifiers."""

import jax
import pytest

from lbdnn.structured import classifiers, flows
from lbdnn.structured.weights import NormBounded

FIVE = (
    classifiers.residual_classifier((2, 2), 3, pairs=2),
    classifiers.residual_classifier((2, 2), 3, pairs=2, normalized=True),
    classifiers.nonexpansive_classifier((2, 2), 3, pairs=2),
    classifiers.alternating_classifier((2, 2), 3, pairs=2, constants="published"),
    classifiers.alternating_classifier((2, 2), 3, pairs=2),
)


def test_models_train_as_many_numbers():
    # 2p matrices n × n, 2p biases, and the readout k × n with its bias.
    counts = {classifiers.parameter_count(model) for model in FIVE}
    assert counts == {2 * 2 * (4 * 4 + 4) + 3 * 4 + 3}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: classifiers.Classifier(flows.alternating(2, 1), classes=3, image=(2, 2)),
            "an image of 4 pixels does not fit into 2 states",
        ),
        (
            lambda: classifiers.Classifier(flows.alternating(2, 1), classes=1, image=(2,)),
            "at least 2 classes",
        ),
        (lambda: classifiers.residual_classifier((2, 0), 3, pairs=1), r"image must be a shape"),
        (lambda: classifiers.nonexpansive_classifier(4, 3, pairs=1), r"image must be a shape"),
        (
            lambda: classifiers.Classifier(
                flows.alternating(4, 1), classes=3, image=(4,), readout=NormBounded(3, 5)
            ),
            r"of shape \(3, 4\); its shape is \(3, 5\)",
        ),
        (
            lambda: FIVE[0](FIVE[0].init(jax.random.key(0)), jax.numpy.zeros(4)),
            r"one image of shape \(2, 2\); got \(4,\)",
        ),
        (lambda: classifiers.residual_classifier((4,), 3, pairs=1, step=0.0), "step must be"),
    ],
)
def test_what_makes_no_classifier_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
