"""Kind of a media file, found by opening it."""

import warnings
from pathlib import Path


def kind_of_file(path: str | Path) -> str:
    """Return image, audio, series or video, by what opens the file; "" if nothing does.

    Videos need the package av.
    """
    return next((kind for kind, opens in _OPENS.items() if opens(Path(path))), "")


def _opens_image(path: Path) -> bool:
    from PIL import Image

    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path):
            return True
    except Image.DecompressionBombError:
        return True
    except (OSError, ValueError, SyntaxError):
        return False


def _opens_audio(path: Path) -> bool:
    import soundfile

    try:
        soundfile.info(str(path))
    except (OSError, soundfile.SoundFileError):
        return False
    return True


def _opens_series(path: Path) -> bool:
    from mmzoo.device.series import read_series

    try:
        return len(read_series(path).values) > 1
    except ValueError:
        return False


def _opens_video(path: Path) -> bool:
    try:
        import av
    except ImportError:
        return False
    try:
        with av.open(str(path)) as file:
            return bool(file.streams.video)
    except (OSError, ValueError, av.error.FFmpegError):
        return False


_OPENS = {"image": _opens_image, "audio": _opens_audio, "series": _opens_series, "video": _opens_video}
