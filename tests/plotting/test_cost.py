"""The figure of tightness against time shows what it is given."""

from lbdnn.plotting.cost import tightness_against_time


def test_each_panel_draws_the_points_of_each_method():
    panels = [
        [("one", {"immrax": [(1.0, 9.0), (10.0, 3.0)], "attack": [(0.1, 1.0)]})],
        [("two", {"layerwise": [(0.01, 2.0)]})],
    ]
    figure = tightness_against_time(panels)
    first, second = figure.axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in first.lines}
    assert drawn["immrax"] == [[1.0, 9.0], [10.0, 3.0]] and drawn["attack"] == [[0.1, 1.0]]
    assert (first.get_title(), second.get_title()) == ("one", "two")
    assert first.get_xscale() == first.get_yscale() == "log"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "immrax",
        "attack",
        "layerwise",
    ]
