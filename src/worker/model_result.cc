#include "worker/model_result.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "worker/json_text.h"

namespace headrace::worker {
namespace {

using engine::Tensor;

// The part of a batched tensor that belongs to one item; empty when the batch is not the first
// dimension.
std::span<const std::byte> part_of(const Tensor& tensor, std::size_t lane, std::size_t batch) {
  const auto dims = tensor.shape.dims();
  if (dims.empty() || dims[0] != static_cast<std::int64_t>(batch)) return {};
  const std::size_t each = tensor.data.size() / batch;
  return tensor.data.subspan(lane * each, each);
}

// Calls `each` with every element as the C++ type behind `type`; false for a type that has no
// number in JSON.
template <class T, class Each>
void walk(std::span<const std::byte> bytes, Each& each) {
  for (std::size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    each(value);
  }
}

float from_half(std::uint16_t half) {
  const int exponent = half >> 10 & 31;
  const auto mantissa = static_cast<float>(half & 1023);
  const float sign = (half & 0x8000) != 0 ? -1.0F : 1.0F;
  if (exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024.0F + mantissa, exponent - 25);
}

template <class Each>
bool for_each_element(engine::DType type, std::span<const std::byte> bytes, Each&& each) {
  const auto as_integer = [&](auto value) {
    using Wide = std::conditional_t<std::is_signed_v<decltype(value)>, std::int64_t, std::uint64_t>;
    each(static_cast<Wide>(value));
  };
  const auto as_half = [&](std::uint16_t value) { each(from_half(value)); };
  switch (type) {
    case HR_BOOL:
    case HR_U8:
      walk<std::uint8_t>(bytes, as_integer);
      return true;
    case HR_I8:
      walk<std::int8_t>(bytes, as_integer);
      return true;
    case HR_U16:
      walk<std::uint16_t>(bytes, as_integer);
      return true;
    case HR_I16:
      walk<std::int16_t>(bytes, as_integer);
      return true;
    case HR_U32:
      walk<std::uint32_t>(bytes, as_integer);
      return true;
    case HR_I32:
      walk<std::int32_t>(bytes, as_integer);
      return true;
    case HR_U64:
      walk<std::uint64_t>(bytes, as_integer);
      return true;
    case HR_I64:
      walk<std::int64_t>(bytes, as_integer);
      return true;
    case HR_F16:
      walk<std::uint16_t>(bytes, as_half);
      return true;
    case HR_F32:
      walk<float>(bytes, each);
      return true;
    case HR_F64:
      walk<double>(bytes, each);
      return true;
    default:
      return false;
  }
}

std::vector<float> scores_of(const Tensor& tensor, std::size_t lane, std::size_t batch) {
  std::vector<float> scores;
  for_each_element(tensor.type, part_of(tensor, lane, batch),
                   [&](auto value) { scores.push_back(static_cast<float>(value)); });
  return scores;
}

void softmax(std::vector<float>& scores) {
  const float highest = *std::max_element(scores.begin(), scores.end());
  for (float& score : scores) score = std::exp(score - highest);
  const float sum = std::accumulate(scores.begin(), scores.end(), 0.0F);
  for (float& score : scores) score /= sum;
}

void classification(const model::Output& output, std::vector<float> scores, JsonText& json) {
  if (output.softmax) softmax(scores);
  const std::size_t count = std::min<std::size_t>(output.top_k, scores.size());
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const auto middle = order.begin() + static_cast<std::ptrdiff_t>(count);
  // NaN compares with nothing; as the lowest it keeps the order one that sorting can rely on.
  const auto key = [&](std::size_t i) { return std::isnan(scores[i]) ? -INFINITY : scores[i]; };
  std::partial_sort(order.begin(), middle, order.end(), [&](std::size_t a, std::size_t b) {
    return key(a) != key(b) ? key(a) > key(b) : a < b;
  });
  const auto one = [&](std::size_t which) {
    if (which < output.labels.size()) json.raw("\"label\":").string(output.labels[which]).raw(",");
    json.raw("\"score\":").number(scores[which]);
  };
  json.raw("{");
  one(order[0]);
  json.raw(",\"top\":[");
  for (std::size_t i = 0; i < count; ++i) {
    json.raw(i == 0 ? "{\"class\":" : ",{\"class\":").number(std::uint64_t{order[i]}).raw(",");
    one(order[i]);
    json.raw("}");
  }
  json.raw("]}");
}

void raw(std::span<const engine::TensorInfo> infos, std::span<const Tensor> tensors,
         std::size_t lane, std::size_t batch, JsonText& json) {
  json.raw("{\"outputs\":[");
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    json.raw(i == 0 ? "{\"name\":" : ",{\"name\":").string(infos[i].name);
    json.raw(",\"datatype\":\"").raw(protocol_name(tensor.type)).raw("\",\"shape\":[");
    const auto dims = tensor.shape.dims();
    for (std::size_t d = 1; d < dims.size(); ++d) {
      if (d > 1) json.raw(",");
      json.number(dims[d]);
    }
    json.raw("],\"data\":[");
    bool first = true;
    for_each_element(tensor.type, part_of(tensor, lane, batch), [&](auto value) {
      if (!first) json.raw(",");
      first = false;
      json.number(value);
    });
    json.raw("]}");
  }
  json.raw("]}");
}

}  // namespace

std::string_view protocol_name(engine::DType type) {
  switch (type) {
    case HR_BOOL:
      return "BOOL";
    case HR_U8:
      return "UINT8";
    case HR_I8:
      return "INT8";
    case HR_U16:
      return "UINT16";
    case HR_I16:
      return "INT16";
    case HR_U32:
      return "UINT32";
    case HR_I32:
      return "INT32";
    case HR_U64:
      return "UINT64";
    case HR_I64:
      return "INT64";
    case HR_F16:
      return "FP16";
    case HR_F32:
      return "FP32";
    default:
      return "FP64";
  }
}

void write_result(const model::Output& output, std::span<const engine::TensorInfo> infos,
                  std::span<const Tensor> tensors, std::size_t lane, std::size_t batch,
                  Item& item) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (part_of(tensors[i], lane, batch).empty()) {
      return item.fail(ItemError::infer_failed, "output '" + infos[i].name + "' has the shape " +
                                                    tensors[i].shape.to_string() +
                                                    ", which does not begin with the batch of " +
                                                    std::to_string(batch));
    }
  }
  JsonText json(item.result);
  if (output.kind == model::OutputKind::classification) {
    std::vector<float> scores = scores_of(tensors[0], lane, batch);
    if (!output.labels.empty() && output.labels.size() != scores.size()) {
      return item.fail(ItemError::infer_failed, "the model gives " + std::to_string(scores.size()) +
                                                    " scores, but there are " +
                                                    std::to_string(output.labels.size()) +
                                                    " labels");
    }
    classification(output, std::move(scores), json);
  } else {
    raw(infos, tensors, lane, batch, json);
  }
  if (json.overflowed()) {
    return item.fail(ItemError::result_too_large, "the result needs more than the " +
                                                      std::to_string(item.result.size()) +
                                                      " bytes of its slot; raise --result-bytes");
  }
  item.bytes = json.size();
}

}  // namespace headrace::worker
