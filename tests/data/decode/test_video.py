"""Decoding of video frames: positions, sizes, and errors for files that are no video."""

import sys

import numpy as np
import pytest
from own_videos import CODECS, brightening, write_sound, write_video

from mmzoo.data.decode import video
from mmzoo.data.decode.video import frame_size, read_frames
from mmzoo.errors import BadInputError


@pytest.mark.parametrize("ending", CODECS)
def test_read_frames_takes_the_middle_of_each_part(ending, tmp_path):
    frames = brightening(16)
    path = write_video(tmp_path / f"a{ending}", frames)
    assert frame_size(path) == (48, 32)
    for count in (1, 4, 8):
        found = read_frames(path, count, (10, 12))
        assert (found.shape, found.dtype) == ((count, 10, 12, 3), np.uint8)
        wanted = [int((i + 0.5) * 16 / count) for i in range(count)]
        levels = found.mean(axis=(1, 2, 3))
        np.testing.assert_allclose(levels, frames[wanted].mean(axis=(1, 2, 3)), atol=6)  # 14 from one to the next


def test_read_frames_repeats_a_single_frame(tmp_path):
    found = read_frames(write_video(tmp_path / "a.mp4", brightening(1)), 4, (8, 8))
    assert np.ptp(found.astype(int), axis=0).max() == 0
    assert found.mean() == pytest.approx(20, abs=5)


@pytest.mark.parametrize("ending", [".mp4", ".mkv", ".avi"])
def test_a_long_video_is_not_decoded_whole(ending, tmp_path, monkeypatch):
    frames = brightening(160)
    path = write_video(tmp_path / f"a{ending}", frames, rate=1, gop=10)
    found = read_frames(path, 8, (8, 8))
    seen = []
    pick = video._shown
    monkeypatch.setattr(video, "_at", lambda frame, start, at=video._at: seen.append(frame) or at(frame, start))
    again = read_frames(path, 8, (8, 8))
    assert len({id(frame) for frame in seen}) < 110
    np.testing.assert_array_equal(found, again)
    monkeypatch.undo()
    monkeypatch.setattr(video, "SEEK", 1e9)
    np.testing.assert_array_equal(found, read_frames(path, 8, (8, 8)))
    assert pick is video._shown


def test_read_frames_applies_phone_rotation(tmp_path):
    frames = np.zeros((4, 32, 64, 3), np.uint8)
    frames[:, :, :32, 0] = 220  # red at the left
    found = read_frames(write_video(tmp_path / "a.mp4", frames, rotation=90), 2, (64, 32))
    left = read_frames(write_video(tmp_path / "b.mp4", frames), 2, (32, 64))
    assert left[0, :, :28, 0].min() > 150
    assert found[0, 36:, :, 0].min() > 150  # turned counterclockwise, the left is below
    assert found[0, :28, :, 0].max() < 60


def test_read_frames_bad_files_raise(tmp_path):
    whole = write_video(tmp_path / "whole.mkv", brightening(160), rate=8)
    content = whole.read_bytes()
    bad = {
        "empty.mp4": b"",
        "text.mp4": b"no video" * 99,
        "cut.mp4": write_video(tmp_path / "a.mp4", brightening(16)).read_bytes()[:900],
        "cut.mkv": content[: len(content) // 2],
    }
    for name, part in bad.items():
        (tmp_path / name).write_bytes(part)
    write_sound(tmp_path / "sound.mp4")
    with video.import_av().open(str(tmp_path / "none.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height = 32, 32
        container.start_encoding()
    for name in [*bad, "sound.mp4", "none.mkv", "gone.mp4"]:
        with pytest.raises(BadInputError, match=rf"{name}: expected a video that decodes\. Received: .+") as told:
            read_frames(tmp_path / name, 4, (8, 8))
        assert "\n" not in str(told.value)
        print(told.value)
    with pytest.raises(BadInputError, match="Received: audio alone"):
        read_frames(tmp_path / "sound.mp4", 4, (8, 8))
    with pytest.raises(BadInputError, match=r"frames up to \d+\.\d s, none at"):
        read_frames(tmp_path / "cut.mkv", 4, (8, 8))


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(BadInputError, match=r"video: PyAV is not installed: pip install 'mmzoo\[video\]'"):
        read_frames(tmp_path / "a.mp4", 4, (8, 8))
