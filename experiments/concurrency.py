"""Running independent pieces of work at once, keeping what is done when interrupted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, NoReturn

from tqdm import tqdm

from lbdnn.compilation import make_room


def finished_pieces(
    work: Mapping[Any, Callable[[], Any]], label: str, *, at_once: int = 4
) -> Iterator[tuple[Any, Any]]:
    """(key, result) of each piece as it is done, with a progress bar on a terminal.

    Threads: compilation, most of the work of a short run, releases Python's lock; at most
    `at_once` of them, 1 where pieces are timed. Ends early, without an exception, on Ctrl-C; the
    caller sees it by what is missing.
    """
    pool = ThreadPoolExecutor(max_workers=min(at_once, os.cpu_count() or 1))
    try:
        keys = {pool.submit(piece): key for key, piece in work.items()}
        with tqdm(total=len(keys), desc=label, disable=None, leave=False) as bar:
            for future in as_completed(keys):
                yield keys[future], future.result()
                make_room()
                bar.update()
    except KeyboardInterrupt:
        return
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def leave(status: int) -> NoReturn:
    """Ends the process without waiting for pieces that still run and cannot be stopped."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
