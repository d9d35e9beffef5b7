"""Figures show what they are given."""

from lbdnn.plotting.tightness import against_radius, budget_by_depth, tightness


def test_tightness_draws_means_and_maxima_by_network_and_method():
    ratios = {("3×3", 0.0, "hessian", "layerwise"): [2.0, 8.0]}
    figure = tightness(ratios, ["3×3"], [0.0], ["hessian"], ["layerwise"])
    (axes,) = figure.axes
    (means,) = [line for line in axes.lines if line.get_label() == "layerwise"]
    assert means.get_ydata()[0] == 4.0
    ((_, low), (_, high)) = axes.collections[0].get_segments()[0]
    assert (low, high) == (4.0, 8.0)


def test_radius_zero_stands_left_of_the_others():
    figure = against_radius({"Φ": {"layerwise": [1.0, 2.0, 3.0]}}, [0.0, 0.01, 0.1], "a network")
    (axes,) = figure.axes
    zero, *others = axes.lines[0].get_xdata()
    assert 0 < zero < others[0]
    assert axes.get_xticklabels()[0].get_text() == "0"


def test_all_radii_zero_still_draws():
    figure = against_radius({"Φ": {"attack": [1.0]}}, [0.0], "a network")
    assert len(figure.axes) == 1


def test_budget_figure_marks_every_depth():
    forms = {"polynomial (all norms)": [1.0, 4.0], "polynomial (budgeted)": [1.0, 2.0]}
    gains = {"jacobian": ([1.0, 2.0], [1.0, 2.0])}
    left, right = budget_by_depth([1, 2], {"jacobian": forms}, gains).axes
    assert [list(line.get_ydata()) for line in left.lines] == [[1.0, 4.0], [1.0, 2.0]]
    assert len(right.lines) == 2


def test_the_lowest_panel_of_each_column_names_the_radius():
    panels = {str(i): {"attack": [1.0, 2.0]} for i in range(5)}
    figure = against_radius(panels, [0.1, 1.0], "networks", " / ‖θ‖")
    assert [axes.get_xlabel() != "" for axes in figure.axes] == [False, False, True, True, True]


def test_networks_are_named_beneath_by_what_they_are_called_by():
    ratios = {("a long name", 0.0, "remainder", "layerwise"): [2.0]}
    figure = tightness(ratios, ["a long name"], [0.0], ["remainder"], ["layerwise"], "controller")
    assert figure.get_supxlabel() == "controller"
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["a long name"]
