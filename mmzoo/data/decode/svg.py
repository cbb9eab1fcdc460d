"""Line drawings as SVG to pictures: what is stroked, not what is filled; icons are of such lines."""

import re
import xml.etree.ElementTree

import numpy as np

from mmzoo.errors import BadInputError

FINE = 4  # times finer than it is shown, a drawing is drawn: its lines are smooth in any case, its levels even
DOT = 1e-3  # how long a line of no length is made, or its round ends would not be drawn


def draw_svg(svg: str | bytes, size: int, where: str = "svg") -> np.ndarray:
    """Return the strokes of an SVG, black on white with round ends and corners, as uint8 `(size, size)`.

    Its square `viewBox` and its `stroke-width` are read, then all shapes and paths; fills, colors, text, styles and
    references to other elements are not.

    Raises:
        BadInputError: `svg`, from the file `where`, is no SVG with a square viewBox and something to draw.
    """
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.transforms import Affine2D

    (left, top, side), width, path = _parse(svg, where)
    pixels = FINE * size
    renderer = RendererAgg(pixels, pixels, 72)
    pen = renderer.new_gc()
    pen.set_linewidth(width * pixels / side)
    pen.set_capstyle("round")
    pen.set_joinstyle("round")
    pen.set_snap(False)
    # y grows downwards in an SVG, upwards here
    place = Affine2D().translate(-left, -top).scale(pixels / side, -pixels / side).translate(0, pixels)
    renderer.draw_path(pen, path, place)
    ink = np.asarray(renderer.buffer_rgba())[..., 3].astype(np.float32)
    ink = ink.reshape(size, FINE, size, FINE).mean(axis=(1, 3))
    return np.rint(255 - ink).astype(np.uint8)


def _parse(svg, where):
    """Return `(left, top, side)` of the view, the width of strokes and the matplotlib path of an SVG."""
    from fontTools.pens.recordingPen import RecordingPen
    from fontTools.svgLib import SVGPath

    expected = f"{where}: expected an SVG with a square viewBox and strokes"
    try:
        text = svg.decode() if isinstance(svg, bytes) else svg
        root = xml.etree.ElementTree.fromstring(text)
        view = [float(number) for number in re.split(r"[\s,]+", root.get("viewBox", "").strip())]
        width = float(root.get("stroke-width", 1))
        pen = RecordingPen()
        SVGPath.fromstring(text.encode()).draw(pen)
    except (xml.etree.ElementTree.ParseError, ValueError, IndexError, TypeError, NotImplementedError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BadInputError(f"{expected}. Received: {reason}") from None
    if len(view) != 4 or not view[2] == view[3] > 0 or not width > 0 or not pen.value:
        said = f"viewBox {view}, strokes {width} wide, {len(pen.value)} lines"
        raise BadInputError(f"{expected}. Received: {said}")
    return view[:3], width, _path(pen.value)


def _path(steps):
    """Return the matplotlib path of the steps that fontTools recorded."""
    from matplotlib.path import Path

    kinds = {"lineTo": Path.LINETO, "qCurveTo": Path.CURVE3, "curveTo": Path.CURVE4}
    points, codes = [], []
    for step, given in steps:
        if step == "lineTo" and given[0] == points[-1]:
            given = ((given[0][0] + DOT, given[0][1]),)
        if step == "moveTo":
            points, codes = [*points, *given], [*codes, Path.MOVETO]
        elif step == "closePath":
            points, codes = [*points, (0.0, 0.0)], [*codes, Path.CLOSEPOLY]
        elif step in kinds:
            points, codes = [*points, *given], [*codes, *[kinds[step]] * len(given)]
    return Path(np.array(points, float), codes)
