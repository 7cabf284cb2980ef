// Builds the index that hnswlib-node reads, by the headers that come with it, on several threads: the package itself adds points on one.
// hnswlib-build VECTORS ROWS DIM l2|cosine LINKS EFFORT FILE THREADS: reads rows of f32, writes the index, prints the
// processor seconds of adding them.
#include <atomic>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "hnswlib.h"

namespace {
/** As the package's own normalisation does. */
void normalize(float* values, size_t dim) {
  float squares = 0;
  for (size_t i = 0; i < dim; i++) squares += values[i] * values[i];
  const float norm = std::sqrt(squares);
  for (size_t i = 0; i < dim && norm > 0; i++) values[i] /= norm;
}
}  // namespace

int main(int count, char** given) {
  if (count != 9) {
    std::fprintf(stderr, "hnswlib-build VECTORS ROWS DIM l2|cosine LINKS EFFORT FILE THREADS\n");
    return 2;
  }
  const size_t rows = std::stoull(given[2]), dim = std::stoull(given[3]);
  const bool cosine = std::string(given[4]) == "cosine";
  const size_t links = std::stoull(given[5]), effort = std::stoull(given[6]), threads = std::stoull(given[8]);
  std::vector<float> vectors(rows * dim);
  std::ifstream file(given[1], std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(vectors.data()), vectors.size() * sizeof(float))) {
    std::fprintf(stderr, "%s holds less than %zu rows of %zu values\n", given[1], rows, dim);
    return 1;
  }
  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  if (cosine)
    space = std::make_unique<hnswlib::InnerProductSpace>(dim);
  else
    space = std::make_unique<hnswlib::L2Space>(dim);
  hnswlib::HierarchicalNSW<float> index(space.get(), rows, links, effort, 100);
  const auto add = [&](size_t row) {
    float* values = vectors.data() + row * dim;
    if (cosine) normalize(values, dim);
    index.addPoint(values, row);
  };
  const std::clock_t started = std::clock();
  add(0);
  std::atomic<size_t> next{1};
  std::vector<std::thread> all;
  for (size_t t = 0; t < threads; t++)
    all.emplace_back([&] {
      for (size_t row; (row = next++) < rows;) add(row);
    });
  for (auto& thread : all) thread.join();
  std::printf("%f\n", static_cast<double>(std::clock() - started) / CLOCKS_PER_SEC);
  index.saveIndex(given[7]);
}
