"""Tests of silence: standard error is hidden by overlapping blocks in threads and always restored."""

import os
import threading

import pytest

from mmzoo.device.quiet import quiet


def test_threads_that_overlap_restore_standard_error(capfd):
    before = os.fstat(2).st_ino
    barrier = threading.Barrier(8)

    def work():
        barrier.wait()
        for _ in range(200):
            with quiet():
                os.write(2, b"hidden\n")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert os.fstat(2).st_ino == before
    os.write(2, b"shown\n")
    assert capfd.readouterr().err == "shown\n"


def fail():
    with quiet():
        os.write(2, b"reason\n")
        raise ValueError("defect")


def test_block_that_raises_shows_its_text_while_another_is_open(capfd):
    with quiet():
        with pytest.raises(ValueError, match="defect"):
            fail()
        os.write(2, b"hidden\n")
    assert capfd.readouterr().err == "reason\n"


def test_many_blocks_leave_no_descriptor_open():
    def count():
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for _ in range(20):
        with quiet():
            pass
    assert count() == before


def test_process_without_standard_error_runs(capfd):
    shown = os.dup(2)
    os.close(2)
    try:
        with quiet():
            done = True
    finally:
        os.dup2(shown, 2)
        os.close(shown)
    assert done
