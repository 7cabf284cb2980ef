"""FAISS in the graph benchmark. Called by bench/graph-children.ts, prints JSON lines.
build FOLDER FACTORY FILE THREADS: reads set.json and base.f32, writes the index, prints {"seconds"}.
serve FOLDER FACTORY FILE: prints {"bytes", "rss", "efforts", "threads"}; then for each line "effort threads" one {"rows", "ms", "wall"}."""
import json
import os
import sys
import time

import faiss
import numpy as np

K = 10
part, folder, factory, file = sys.argv[1:5]
with open(f"{folder}/set.json", encoding="utf8") as opened:
    facts = json.load(opened)
dim = facts["dim"]


def rows_of(name, count):
    values = np.fromfile(f"{folder}/{name}", dtype=np.float32).reshape(count, dim)
    if facts["metric"] == "cosine":
        faiss.normalize_L2(values)
    return values


def resident():
    with open("/proc/self/statm", encoding="ascii") as opened:
        return int(opened.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def build():
    faiss.omp_set_num_threads(int(sys.argv[5]))
    base = rows_of("base.f32", facts["rows"])
    started = time.process_time()
    lists = max(1, round(4 * facts["rows"] ** 0.5))
    index = faiss.index_factory(dim, factory.replace("LISTS", str(lists)).replace("PARTS", str(dim // 4)))
    if factory.startswith("HNSW"):
        index.hnsw.efConstruction = 128
    # cells are trained on as many rows a list as FAISS asks for at least
    some = len(base) if factory.startswith("HNSW") else min(len(base), 39 * lists)
    index.train(base[np.random.default_rng(1).choice(len(base), some, replace=False)])
    index.add(base)
    faiss.write_index(index, file)
    print(json.dumps({"seconds": time.process_time() - started}), flush=True)


def serve():
    asked = rows_of("queries.f32", facts["queries"])
    before = resident()
    index = faiss.read_index(file)
    is_graph = factory.startswith("HNSW")
    lists = [10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 400, 640, 1000, 1500, 2000, 3000, 4000, 6000, 8000]
    probes = [2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 320, 512, 800, 1280, 2000]
    efforts = lists if is_graph else probes
    held = {"bytes": os.path.getsize(file), "rss": resident() - before, "efforts": efforts, "threads": True}
    print(json.dumps(held), flush=True)
    for line in sys.stdin:
        effort, threads = map(int, line.split())
        faiss.omp_set_num_threads(threads)
        if is_graph:
            index.hnsw.efSearch = effort
        else:
            faiss.downcast_index(index.base_index).nprobe = effort
            # codes are coarse: without more rows scored again, more cells find no more
            index.k_factor = 8 if effort <= 24 else 16 if effort <= 64 else 32 if effort <= 192 else 64
        cpu, wall = time.process_time(), time.perf_counter()
        _, found = index.search(asked, K)
        times = {"ms": (time.process_time() - cpu) * 1000, "wall": (time.perf_counter() - wall) * 1000}
        print(json.dumps({"rows": found.flatten().tolist(), **times}), flush=True)


build() if part == "build" else serve()
