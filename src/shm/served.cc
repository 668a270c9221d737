#include "shm/served.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "base/text.h"

namespace headrace::shm {
namespace {

// Bytes of one element, by hr_dtype: bool, u8, i8, u16, i16, u32, i32, u64, i64, f16, f32, f64.
constexpr std::array<std::uint64_t, 13> kElementBytes = {0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8};

// The bytes that a type and a shape make; nothing if they make no tensor.
std::optional<std::uint64_t> bytes_of(const ServedTensor& tensor) {
  if (tensor.dtype == 0 || tensor.dtype >= kElementBytes.size()) return std::nullopt;
  if (tensor.rank > kMostServedRank) return std::nullopt;
  std::uint64_t bytes = kElementBytes[tensor.dtype];
  for (const std::int64_t dim : dims_of(tensor)) {
    if (dim < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(dim), &bytes))
      return std::nullopt;
  }
  return bytes;
}

template <class T>
T copy_at(std::span<const std::byte> bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

template <class T>
void put(std::span<std::byte> into, std::size_t offset, const T& value) {
  std::memcpy(into.data() + offset, &value, sizeof value);
}

template <class Entry>
std::optional<std::size_t> lay_out_from(std::size_t header, std::span<Entry> entries) {
  std::uint64_t end = header;
  for (Entry& entry : entries) {
    std::uint64_t aligned = 0;
    if (__builtin_add_overflow(end, kServedAlignment - 1, &aligned)) return std::nullopt;
    entry.tensor.offset = aligned / kServedAlignment * kServedAlignment;
    if (__builtin_add_overflow(entry.tensor.offset, entry.tensor.bytes, &end)) return std::nullopt;
  }
  return end;
}

Error broken(const std::string& what) {
  return Error{what + ": the two ends disagree about its layout"};
}

// Whether a tensor makes sense, and has its bytes in `all`; a sentence when not.
std::optional<Error> wrong(const ServedTensor& tensor, std::size_t all, const std::string& what) {
  const std::optional<std::uint64_t> bytes = bytes_of(tensor);
  if (!bytes) return broken(what + " has an impossible type or shape");
  if (*bytes != tensor.bytes) {
    return broken(what + " says that it has " + std::to_string(tensor.bytes) +
                  " bytes, but its shape makes " + std::to_string(*bytes));
  }
  if (tensor.offset > all || tensor.bytes > all - tensor.offset)
    return broken(what + " lies beyond the end of the " + std::to_string(all) + " bytes");
  return std::nullopt;
}

// The entries behind a header; the count is checked here.
template <class Entry>
Result<std::vector<Entry>> entries(std::span<const std::byte> bytes, std::size_t header,
                                   std::uint32_t count, const char* what) {
  if (count == 0 || count > kMostServedTensors || bytes.size() - header < count * sizeof(Entry))
    return broken(std::string("a number of ") + what + "s that cannot be");
  std::vector<Entry> all;
  all.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    all.push_back(copy_at<Entry>(bytes, header + i * sizeof(Entry)));
    if (auto error = wrong(all.back().tensor, bytes.size(), what + (" " + std::to_string(i))))
      return *std::move(error);
  }
  return all;
}

void write_input(std::span<std::byte> into, ServedInputKind kind,
                 std::span<const ServedPart> parts) {
  put(into, 0,
      ServedInputFormat{.magic = kServedInputMagic,
                        .version = kServedVersion,
                        .kind = static_cast<std::uint32_t>(kind),
                        .parts = static_cast<std::uint32_t>(parts.size()),
                        .unused = 0});
  for (std::size_t i = 0; i < parts.size(); ++i)
    put(into, sizeof(ServedInputFormat) + i * sizeof(ServedPart), parts[i]);
}

void write_result_header(std::span<std::byte> into, ServedResultKind kind, std::size_t outputs,
                         std::size_t text_bytes) {
  put(into, 0,
      ServedResultFormat{.magic = kServedResultMagic,
                         .version = kServedVersion,
                         .kind = static_cast<std::uint32_t>(kind),
                         .outputs = static_cast<std::uint32_t>(outputs),
                         .unused = 0,
                         .text_bytes = text_bytes});
}

}  // namespace

std::optional<ServedTensor> served_tensor(std::uint32_t dtype, std::span<const std::int64_t> dims) {
  if (dims.size() > kMostServedRank) return std::nullopt;
  ServedTensor tensor{};
  tensor.dtype = dtype;
  tensor.rank = static_cast<std::uint32_t>(dims.size());
  std::ranges::copy(dims, tensor.dims);
  const std::optional<std::uint64_t> bytes = bytes_of(tensor);
  if (!bytes) return std::nullopt;
  tensor.bytes = *bytes;
  return tensor;
}

std::optional<std::size_t> lay_out(std::span<ServedPart> parts) {
  return lay_out_from(served_input_header(parts.size()), parts);
}

std::optional<std::size_t> lay_out(std::span<ServedOutput> outputs) {
  return lay_out_from(served_result_header(outputs.size()), outputs);
}

void write_picture(std::span<std::byte> into, std::size_t bytes) {
  ServedPart part{};
  part.tensor.dtype = kServedBytesType;
  part.tensor.rank = 1;
  part.tensor.dims[0] = static_cast<std::int64_t>(bytes);
  part.tensor.offset = served_input_header(1);
  part.tensor.bytes = bytes;
  write_input(into, ServedInputKind::picture, {&part, 1});
}

void write_tensors(std::span<std::byte> into, std::span<const ServedPart> parts) {
  write_input(into, ServedInputKind::tensors, parts);
}

void write_results(std::span<std::byte> into, std::span<const ServedOutput> outputs) {
  write_result_header(into, ServedResultKind::tensors, outputs.size(), 0);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    put(into, sizeof(ServedResultFormat) + i * sizeof(ServedOutput), outputs[i]);
}

void write_json(std::span<std::byte> into, std::size_t bytes) {
  write_result_header(into, ServedResultKind::json, 0, bytes);
}

Result<ServedInput> read_served_input(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(ServedInputFormat)) return broken("no header of an input");
  const auto header = copy_at<ServedInputFormat>(bytes, 0);
  if (header.magic != kServedInputMagic || header.version != kServedVersion)
    return broken("no header of an input");
  const auto kind = static_cast<ServedInputKind>(header.kind);
  if (kind != ServedInputKind::picture && kind != ServedInputKind::tensors)
    return broken("an input of no known kind");
  auto parts = entries<ServedPart>(bytes, sizeof header, header.parts, "part");
  if (!parts) return parts.error();
  const ServedTensor& first = parts->front().tensor;
  if (kind == ServedInputKind::picture &&
      (parts->size() != 1 || first.dtype != kServedBytesType || first.rank != 1)) {
    return broken("a picture that is not one row of bytes");
  }
  return ServedInput{.kind = kind, .parts = *std::move(parts)};
}

Result<ServedResult> read_served_result(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(ServedResultFormat)) return broken("no header of a result");
  const auto header = copy_at<ServedResultFormat>(bytes, 0);
  if (header.magic != kServedResultMagic || header.version != kServedVersion)
    return broken("no header of a result");
  if (header.kind == static_cast<std::uint32_t>(ServedResultKind::json)) {
    constexpr std::size_t kTextAt = served_result_header(0);
    if (bytes.size() < kTextAt || header.text_bytes > bytes.size() - kTextAt)
      return broken("a text that ends beyond the result");
    const std::span<const std::byte> text = bytes.subspan(kTextAt, header.text_bytes);
    return ServedResult{.kind = ServedResultKind::json,
                        .json = {reinterpret_cast<const char*>(text.data()), text.size()},
                        .outputs = {}};
  }
  if (header.kind != static_cast<std::uint32_t>(ServedResultKind::tensors))
    return broken("a result of no known kind");
  auto outputs = entries<ServedOutput>(bytes, sizeof header, header.outputs, "output");
  if (!outputs) return outputs.error();
  for (const ServedOutput& output : *outputs) {
    const char* const end = std::find(std::begin(output.name), std::end(output.name), '\0');
    if (end == std::end(output.name) || !is_utf8({output.name, end}))
      return broken("an output whose name is no text");
  }
  return ServedResult{
      .kind = ServedResultKind::tensors, .json = {}, .outputs = *std::move(outputs)};
}

void set_name(ServedOutput& output, std::string_view name) {
  std::string text = to_utf8(name);
  text.resize(std::min(text.size(), kServedNameBytes - 1));
  while (!is_utf8(text)) text.pop_back();  // cut within a character
  std::ranges::fill(output.name, '\0');
  std::ranges::copy(text, output.name);
}

}  // namespace headrace::shm
