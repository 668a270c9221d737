// Results of served items, written straight into their slots (shm/served_format.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/tensor.h"
#include "model/model.h"
#include "shm/served.h"
#include "worker/body.h"

namespace headrace::worker {

// What write_result() of model_result.h writes, for the item in place `lane`; it may fail the item.
void write_json_result(const model::Output& output, std::span<const engine::TensorInfo> infos,
                       std::span<const engine::Tensor> tensors, std::size_t lane, std::size_t batch,
                       Item& item);

// The outputs of a model as tensors, for one item at a time. What goes wrong fails the item; then the
// functions are false.
class TensorResult {
 public:
  using Tensors = std::span<const engine::Tensor>;

  // `infos` name the outputs; each inference gives `batch` rows of them.
  TensorResult(std::span<const engine::TensorInfo> infos, std::size_t batch)
      : infos_(infos), batch_(batch) {}

  // All that an inference gave, which was this item's alone.
  bool write_whole(Item& item, Tensors outputs);

  // Row by row: first room for `rows` of each output, in the shapes that these have but for their
  // number; then `count` rows, from row `from` of an inference on, as the item's rows `at` and on.
  bool begin_rows(Item& item, Tensors outputs, std::size_t rows);
  bool add_rows(Item& item, Tensors outputs, std::size_t from, std::size_t count, std::size_t at);

 private:
  bool describe(Item& item, std::size_t index, const engine::Tensor& tensor,
                std::span<const std::int64_t> dims);
  bool lay_out(Item& item);
  bool has_rows(Item& item, std::size_t index, const engine::Tensor& tensor) const;
  std::span<std::byte> place(const Item& item, std::size_t index) const;

  std::span<const engine::TensorInfo> infos_;
  std::size_t batch_;
  std::vector<shm::ServedOutput> described_;  // of the item at hand
};

}  // namespace headrace::worker
