"""Tables of time series as people have them: files of several lengths and rates, with a time column."""

import csv

import numpy as np

CHANNELS = ("left", "right")


def write_csv(path, names, rows):
    """Write rows of cells with a header; return the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([names, *rows])
    return path


def two_bumps(rng, left_first, rate, seconds):
    """Return times `(T,)` and values `(T, 2)`: a bump in each channel, one of them earlier.

    Neither mean nor deviation of a channel depends on which is earlier.
    """
    times = np.arange(int(rate * seconds)) / rate
    first = rng.uniform(0.3, seconds - 1.1)
    second = first + rng.uniform(0.3, 0.7)
    centers = (first, second) if left_first else (second, first)
    bumps = [np.exp(-np.square((times - center) / 0.1)) for center in centers]
    return times, 20 + 5 * np.stack(bumps, axis=1) + rng.normal(0, 0.3, (len(times), 2))


def order_table(folder, count=120, seed=0):
    """Write `events.csv` of files in CSV and Parquet with the order of two events as `first`; return its path.

    Rates are 25 and 50 a second, lengths 2 to 3 s. Some files are missing, some cells empty.
    """
    import pandas as pd

    rng, rows = np.random.default_rng(seed), []
    for i in range(count):
        left = i % 2 == 0
        times, values = two_bumps(rng, left, (50, 25)[i // 2 % 2], rng.uniform(2, 3))
        name = f"events/{i:04d}.{('csv', 'parquet')[i % 3 == 2]}"
        frame = pd.DataFrame({"t": np.round(times, 4), **dict(zip(CHANNELS, np.round(values, 4).T, strict=True))})
        if i % 5 == 1:
            frame.loc[3:5, "right"] = np.nan
        (folder / "events").mkdir(parents=True, exist_ok=True)
        if name.endswith("csv"):
            frame.to_csv(folder / name, index=False)
        else:
            frame.to_parquet(folder / name)
        rows.append(["" if i % 40 == 7 else name, "left" if left else "right"])
    return write_csv(folder / "events.csv", ["recording", "first"], rows)


def power_table(folder, count=120, seed=0):
    """Write `power.csv` of a frequency in an NPY file and a load, whose sum is `power`; return its path.

    Mean and deviation of the signal are the same at every frequency.
    """
    rng, rows = np.random.default_rng(seed), []
    (folder / "signals").mkdir(parents=True, exist_ok=True)
    for i in range(count):
        frequency, load, steps = rng.uniform(2, 12), rng.uniform(0, 10), rng.integers(60, 80)
        wave = np.sin(2 * np.pi * (frequency * np.arange(steps) / 64 + rng.random())) + rng.normal(0, 0.1, steps)
        np.save(folder / f"signals/{i}.npy", (1000 + 20 * wave[:, None]).astype(np.float32))
        rows.append([f"signals/{i}.npy", "" if i % 20 == 3 else f"{load:.2f}", f"{frequency + load:.2f}"])
    return write_csv(folder / "power.csv", ["signal", "load", "power"], rows)
