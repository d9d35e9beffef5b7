"""The figures of certified and attacked accuracy show what they are given."""

import numpy as np

from lbdnn.plotting.robustness import (
    Picture,
    accuracy_by_radius,
    accuracy_by_trial,
    adversarial_pictures,
)


def test_accuracies_and_their_differences_are_drawn():
    radii = np.array([0.0, 0.5, 1.0])
    means = {"ResNet": np.array([95.0, 50, 10]), "flow": np.array([94.0, 70, 30])}
    apart = {"flow": (np.array([-1.0, 20, 20]), np.array([-2.0, 15, 12]), np.array([0.0, 25, 28]))}
    panels = [("certified", radii, means, apart), ("attacked, maximum norm", radii, means, apart)]
    figure = accuracy_by_radius(panels, "ResNet")
    upper, other, lower, _ = figure.axes
    assert [list(line.get_ydata()) for line in upper.lines] == [list(m) for m in means.values()]
    assert upper.get_title() == "certified" and other.get_title() == "attacked, maximum norm"
    (bars,) = lower.containers
    ends = [segment[:, 1] for segment in bars.lines[2][0].get_segments()]
    np.testing.assert_allclose(ends, [[-2, 0], [15, 25], [12, 28]])
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["ResNet", "flow"]
    looks = [(line.get_color(), line.get_marker()) for line in upper.lines]
    assert len(set(looks)) == 2


def test_trials_are_drawn_by_their_margins():
    points = {"flow": (np.array([0.1, 1.0]), np.array([95.0, 90.0]), np.array([30.0, 40.0]))}
    (axes,) = accuracy_by_trial(points).axes
    (drawn,) = axes.collections
    np.testing.assert_array_equal(drawn.get_offsets(), [[95, 30], [90, 40]])
    assert np.all(np.diff(drawn.get_sizes()) > 0)


def test_pictures_have_both_labels_and_their_size():
    image = np.full((8, 8), 0.5)
    other = image + 0.1
    figure = adversarial_pictures([(image, 3, {"ResNet": Picture(other, 8, 0.8)})])
    original, perturbed, _, shift = figure.axes
    np.testing.assert_array_equal(original.images[0].get_array(), image)
    np.testing.assert_array_equal(perturbed.images[0].get_array(), other)
    np.testing.assert_allclose(shift.images[0].get_array(), 0.1)
    assert "3 → 8, ‖δ‖₂ 0.80" in perturbed.get_title() and "3" in original.get_title()
    assert adversarial_pictures([]).axes
