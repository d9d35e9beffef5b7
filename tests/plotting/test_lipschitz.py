"""The figure of Lipschitz constants shows what it is given."""

from lbdnn.plotting.lipschitz import constants_by_method, lipschitz_constants


def test_each_layer_is_drawn_with_its_verdict():
    steps = [("0", 1.0, 1.5, "at most 2"), ("1", 3.0, 4.0, "above 2")]
    figure = lipschitz_constants(steps, [("0", 2.0), ("1", 12.0)], "title")
    left, right = figure.axes
    drawn = [list(line.get_xdata()) for line in left.lines]
    assert [1.0, 1.5] in drawn and [3.0, 4.0] in drawn
    assert [text.get_text() for text in left.get_yticklabels()] == ["0", "1"]
    assert list(right.lines[0].get_xdata()) == [2.0, 12.0]
    assert right.get_xscale() == "log"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["at most 2, proved", "above 2, proved"]


def test_each_method_is_drawn_in_each_norm_with_what_is_reached():
    bounds = [("a", "euclidean", 3.0), ("a", "maximum", 5.0), ("b", "euclidean", 2.0)]
    figure = constants_by_method(bounds, {"euclidean": 1.5, "maximum": 0.0}, [("0", 2.0)])
    left, right = figure.axes
    drawn = [list(map(float, line.get_xdata())) for line in left.lines]
    assert drawn == [[3.0, 2.0], [1.5, 1.5], [5.0]]
    assert [text.get_text() for text in left.get_yticklabels()] == ["a", "b"]
    assert list(right.lines[0].get_xdata()) == [2.0]
