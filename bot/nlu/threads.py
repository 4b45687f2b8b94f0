"""Numeric libraries on one thread each: the arrays are small, and idle threads that spin steal the
second core (a search took 44 ms beside a busy process with two threads, 2 ms with one)."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1)
def calm_threads() -> None:
    """Limits BLAS and OpenMP of this process to one thread; once."""
    import faiss
    from threadpoolctl import threadpool_limits

    faiss.omp_set_num_threads(1)
    threadpool_limits(limits=1)
