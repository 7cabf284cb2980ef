"""FAISS beside Mneme's codecs: one thread, one query at a time. Prints one JSON line an index. Called by bench/codecs.ts.
Usage: faiss-codes.py FOLDER ROWS QUERIES DIM l2|dot K FACTORY...; FOLDER holds rows.f32 and queries.f32."""
import json
import sys
import time

import faiss
import numpy as np

folder, rows, queries, dim, metric, k = sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5], int(sys.argv[6])
faiss.omp_set_num_threads(1)
base = np.fromfile(f"{folder}/rows.f32", dtype=np.float32).reshape(rows, dim)
asked = np.fromfile(f"{folder}/queries.f32", dtype=np.float32).reshape(queries, dim)
kind = faiss.METRIC_L2 if metric == "l2" else faiss.METRIC_INNER_PRODUCT
for factory in sys.argv[7:]:
    index = faiss.index_factory(dim, factory, kind)
    started = time.perf_counter()
    index.train(base)
    trained = time.perf_counter()
    index.add(base)
    added = time.perf_counter()
    found, times = [], []
    for q in range(queries):
        one = asked[q : q + 1]
        before = time.perf_counter()
        _, ids = index.search(one, k)
        times.append((time.perf_counter() - before) * 1000)
        found.append(ids[0].tolist())
    times.sort()
    print(
        json.dumps(
            {
                "factory": factory,
                "fitSeconds": trained - started,
                "encodeSeconds": added - trained,
                "ms": times[len(times) // 2],
                "found": found,
            }
        ),
        flush=True,
    )
