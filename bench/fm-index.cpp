// The FM-index of the SDSL library over one file: seconds of wall and of CPU, peak memory, bytes, and counts of phrases.
// Run by fm-index.ts: fm-index TEXT plain|rrr TEMPORARY-FOLDER [PHRASES, one a line]. The text holds no zero byte.
#include <sdsl/suffix_arrays.hpp>
#include <sys/resource.h>
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>

using Clock = std::chrono::steady_clock;

static double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/** Largest resident size of this program: ru_maxrss would begin with that of the process that started it. */
static long long peakBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == "VmHWM:") {
      long long kilobytes;
      status >> kilobytes;
      return kilobytes * 1024;
    }
  return 0;
}

template <class Index>
static int measure(const std::string& text, const std::string& folder, const char* phrases) {
  sdsl::construct_config::byte_algo_sa = sdsl::LIBDIVSUFSORT;
  sdsl::cache_config config(true, folder, "fm-sdsl");
  Index index;
  const auto start = Clock::now();
  sdsl::construct(index, text, config, 1);
  const double wall = since(start);
  rusage used;
  getrusage(RUSAGE_SELF, &used);
  const double cpu = used.ru_utime.tv_sec + used.ru_stime.tv_sec + (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  const long long peak = peakBytes();
  unsigned long long found = 0;
  double countSeconds = 0, locateSeconds = 0;
  unsigned long long located = 0;
  if (phrases != nullptr) {
    std::ifstream lines(phrases);
    std::string line;
    while (std::getline(lines, line)) {
      const auto before = Clock::now();
      const auto count = sdsl::count(index, line.begin(), line.end());
      countSeconds += since(before);
      found += count;
      if (count > 20000) continue;
      const auto begin = Clock::now();
      located += sdsl::locate(index, line.begin(), line.end()).size();
      locateSeconds += since(begin);
    }
  }
  std::cout << "{\"wall\":" << wall << ",\"cpu\":" << cpu << ",\"peak\":" << peak
            << ",\"bytes\":" << sdsl::size_in_bytes(index) << ",\"found\":" << found
            << ",\"countSeconds\":" << countSeconds << ",\"located\":" << located
            << ",\"locateSeconds\":" << locateSeconds << "}" << std::endl;
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string kind = argv[2];
  const char* phrases = argc > 4 ? argv[4] : nullptr;
  using Plain = sdsl::csa_wt<sdsl::wt_huff<>, 32, 64>;
  using Small = sdsl::csa_wt<sdsl::wt_huff<sdsl::rrr_vector<63>>, 32, 64>;
  return kind == "plain" ? measure<Plain>(argv[1], argv[3], phrases) : measure<Small>(argv[1], argv[3], phrases);
}
