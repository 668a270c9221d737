// An array that the parent fills and the workers read through the same memory: the mean of each row.
//
//     shared_rows [ROWS COLUMNS]        16384 8192 is 1 GiB
#include <headrace/headrace.h>

#include <cstdio>
#include <numeric>

using Matrix = headrace::SharedArray<const double>;  // frozen: nobody writes it any more

double row_mean(const Matrix& matrix, std::size_t row) {
  const auto values = matrix.row(row).span();
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

int main(int argc, char** argv) {
  headrace::init(argc, argv);
  const std::size_t rows = argc > 2 ? std::stoul(argv[1]) : 100;
  const std::size_t columns = argc > 2 ? std::stoul(argv[2]) : 100;

  headrace::SharedArray<double> filling({rows, columns});
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) filling(i, j) = static_cast<double>(i + j);
  }
  const Matrix matrix = std::move(filling).freeze();

  headrace::Pool pool({.workers = 2});
  auto tasks = std::views::iota(std::size_t{0}, rows) |
               std::views::transform([&](std::size_t row) { return std::pair(matrix, row); });
  double sum = 0;
  for (const auto& mean : pool.imap<row_mean>(tasks)) sum += *mean;

  const double expected = static_cast<double>(rows - 1 + columns - 1) / 2;
  std::printf("%zu x %zu (%.2f MB): the mean of all row means is %.1f, expected %.1f\n", rows,
              columns, static_cast<double>(rows * columns * sizeof(double)) / 1e6,
              sum / static_cast<double>(rows), expected);
}
