#include "worker/served_result.h"

#include <algorithm>
#include <string>

#include "worker/model_result.h"

namespace headrace::worker {
namespace {

using engine::Tensor;

std::span<std::byte> bytes_of(const Item& item) {
  return std::as_writable_bytes(item.result);
}

void fail_too_large(Item& item, const std::string& needed) {
  item.fail(ItemError::result_too_large, "the result needs " + needed + ", more than the " +
                                             std::to_string(item.result.size()) +
                                             " bytes of its slot; raise --result-bytes");
}

}  // namespace

void write_json_result(const model::Output& output, std::span<const engine::TensorInfo> infos,
                       std::span<const Tensor> tensors, std::size_t lane, std::size_t batch,
                       Item& item) {
  constexpr std::size_t kTextAt = shm::served_result_header(0);
  if (item.result.size() < kTextAt)
    return fail_too_large(item, std::to_string(kTextAt) + " bytes and more");
  Item text{.input = item.input, .result = item.result.subspan(kTextAt), .error = {}};
  write_result(output, infos, tensors, lane, batch, text);
  if (text.error) {
    const std::string message(text.result.data(), text.bytes);
    return item.fail(*text.error, message);
  }
  shm::write_json(bytes_of(item), text.bytes);
  item.bytes = kTextAt + text.bytes;
}

bool TensorResult::describe(Item& item, std::size_t index, const Tensor& tensor,
                            std::span<const std::int64_t> dims) {
  const auto served = shm::served_tensor(tensor.type, dims);
  if (!served) {
    item.fail(ItemError::infer_failed,
              "output '" + infos_[index].name + "' is larger than anything can be");
    return false;
  }
  described_.push_back({.name = {}, .tensor = *served});
  shm::set_name(described_.back(), infos_[index].name);
  return true;
}

// Gives each output its place, and writes the header.
bool TensorResult::lay_out(Item& item) {
  const auto bytes = shm::lay_out(std::span(described_));
  if (!bytes || *bytes > item.result.size()) {
    fail_too_large(item, bytes ? std::to_string(*bytes) + " bytes" : "no end of bytes");
    return false;
  }
  shm::write_results(bytes_of(item), described_);
  item.bytes = *bytes;
  return true;
}

std::span<std::byte> TensorResult::place(const Item& item, std::size_t index) const {
  return shm::payload(bytes_of(item), described_[index].tensor);
}

bool TensorResult::write_whole(Item& item, Tensors outputs) {
  described_.clear();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!describe(item, i, outputs[i], outputs[i].shape.dims())) return false;
  }
  if (!lay_out(item)) return false;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    std::ranges::copy(outputs[i].data, place(item, i).begin());
  return true;
}

bool TensorResult::has_rows(Item& item, std::size_t index, const Tensor& tensor) const {
  const auto dims = tensor.shape.dims();
  if (!dims.empty() && dims[0] == static_cast<std::int64_t>(batch_)) return true;
  item.fail(ItemError::infer_failed,
            "output '" + infos_[index].name + "' has the shape " + tensor.shape.to_string() +
                ", which does not begin with the batch of " + std::to_string(batch_));
  return false;
}

bool TensorResult::begin_rows(Item& item, Tensors outputs, std::size_t rows) {
  described_.clear();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!has_rows(item, i, outputs[i])) return false;
    const auto dims = outputs[i].shape.dims();
    std::vector<std::int64_t> own(dims.begin(), dims.end());
    own[0] = static_cast<std::int64_t>(rows);
    if (!describe(item, i, outputs[i], own)) return false;
  }
  return lay_out(item);
}

bool TensorResult::add_rows(Item& item, Tensors outputs, std::size_t from, std::size_t count,
                            std::size_t at) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!has_rows(item, i, outputs[i])) return false;
    const shm::ServedTensor& whole = described_[i].tensor;
    if (outputs[i].type != static_cast<engine::DType>(whole.dtype) ||
        !std::ranges::equal(outputs[i].shape.dims().subspan(1), shm::dims_of(whole).subspan(1))) {
      item.fail(ItemError::infer_failed, "output '" + infos_[i].name +
                                             "' changes its shape from row to row, so they cannot "
                                             "be joined: send them one by one");
      return false;
    }
    const std::size_t each = outputs[i].data.size() / batch_;
    std::ranges::copy(outputs[i].data.subspan(from * each, count * each),
                      place(item, i).subspan(at * each).begin());
  }
  return true;
}

}  // namespace headrace::worker
