"""Rendering of SVG line drawings, such as icons: strokes without fills."""

import re
import xml.etree.ElementTree
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.errors import BadInputError

if TYPE_CHECKING:
    from matplotlib.path import Path

FINE = 4  # supersampling factor: smooth lines and even gray levels
DOT = 1e-3  # length given to a line of length 0, so that its round ends are drawn


def draw_svg(svg: str | bytes, size: int, where: str = "svg") -> np.ndarray:
    """Render the strokes of an SVG as uint8 `(size, size)`, black on white.

    Line ends and corners are round. The square `viewBox`, the `stroke-width`, all shapes and paths are read. Fills,
    colors, text, styles and references to other elements are ignored.

    Raises:
        BadInputError: `svg`, from the file `where`, is no SVG with a square viewBox and strokes.
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


def _parse(svg: str | bytes, where: str) -> tuple[list[float], float, "Path"]:
    """Parse an SVG to view `(left, top, side)`, stroke width and matplotlib path."""
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
        received = f"viewBox {view}, strokes {width} wide, {len(pen.value)} lines"
        raise BadInputError(f"{expected}. Received: {received}")
    return view[:3], width, _path(pen.value)


def _path(steps: Sequence[tuple[str, tuple]]) -> "Path":
    """Convert the steps recorded by fontTools to a matplotlib path."""
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
