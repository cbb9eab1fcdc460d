"""Media of a report as inline HTML."""

import base64

import numpy as np

from mmzoo.reports.html.media import curves


def test_curves_draw_measured_steps_of_each_channel():
    series = np.zeros((20, 4), np.float32)
    series[:15, 0], series[:15, 1], series[:15, 3] = np.arange(15), 7, 1
    shown = curves(series)
    drawing = base64.b64decode(shown["uri"].removeprefix("data:image/svg+xml;base64,")).decode()
    lines = [part.split('"')[0].split() for part in drawing.split('points="')[1:]]
    assert [len(line) for line in lines] == [15] * 3
    rising = [float(point.split(",")[1]) for point in lines[0]]
    assert rising == sorted(rising, reverse=True)
    assert max(rising) <= 24
    assert len({point.split(",")[1] for point in lines[1]}) == 1
    assert (shown["width"], shown["height"]) == (320, 72)
    assert "NaN" not in base64.b64decode(curves(0 * series)["uri"].split(",")[1]).decode()
