"""Answers that say the same are written the same."""

import pytest

from mmzoo.data.sources.vqa_answers import normalize_answer


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        ("Chest X-ray.", "chest xray"),
        ("chest x ray", "chest xray"),
        (" The right  lung ", "right lung"),
        ("2.5 cm", "2.5 cm"),
        (".5 cm.", ".5 cm"),
        ("1,000", "1000"),
        ("two lobes", "2 lobes"),
        ("None", "0"),
        ("metastases, infection/abscess", "metastases infection abscess"),
        ("MRI - T1 weighted", "mri t1 weighted"),
        ("4th and 5th", "4th and 5th"),
        (4, "4"),
        ("The", "the"),
        (" --. ", ""),
        ("", ""),
    ],
)
def test_answers_that_say_the_same_are_written_the_same(answer, written):
    assert normalize_answer(answer) == written
    assert normalize_answer(written) == written
