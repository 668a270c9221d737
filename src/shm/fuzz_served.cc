// What lies in shared memory for a worker to read, and what a worker left there as its result.
//
// Hostile here: a worker that has gone mad writes both. Offsets and sizes may overflow, names need
// not end. Whatever is taken must lie inside the bytes that were given; and what is laid out anew
// from it must be read as the same again.
#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "base/fuzz.h"
#include "base/text.h"
#include "shm/served.h"

namespace headrace::shm {
namespace {

using fuzz::must;
using Bytewise = std::span<const std::byte>;

constexpr std::size_t kMostLaidOut = std::size_t{64} << 10;

// Touches each byte of it, for a sanitizer to see.
void touch(Bytewise bytes) {
  volatile unsigned sum = 0;
  for (const std::byte byte : bytes) sum = sum + std::to_integer<unsigned>(byte);
}

template <class Entry>
std::vector<Entry> made_anew(const std::vector<Entry>& entries) {
  std::vector<Entry> made = entries;
  for (Entry& entry : made) {
    const auto tensor = served_tensor(entry.tensor.dtype, dims_of(entry.tensor));
    must(tensor && tensor->bytes == entry.tensor.bytes, "a tensor that was read can be made");
    entry.tensor = *tensor;
  }
  return made;
}

template <class Entry>
void check_places(const std::vector<Entry>& entries, std::size_t header, std::size_t all) {
  std::size_t end = header;
  for (const Entry& entry : entries) {
    must(entry.tensor.offset % kServedAlignment == 0, "payloads are aligned");
    must(entry.tensor.offset >= end, "payloads do not overlap");
    end = entry.tensor.offset + entry.tensor.bytes;
  }
  must(end == all, "the layout is as long as it says");
}

template <class Entry>
bool same_tensors(const std::vector<Entry>& a, const std::vector<Entry>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Entry& x, const Entry& y) {
    return x.tensor.dtype == y.tensor.dtype && x.tensor.bytes == y.tensor.bytes &&
           std::ranges::equal(dims_of(x.tensor), dims_of(y.tensor));
  });
}

void try_input(Bytewise bytes) {
  const auto input = read_served_input(bytes);
  if (!input) return must(!input.error().message.empty(), "an error has a sentence");
  must(!input->parts.empty(), "there is a part");
  for (const ServedPart& part : input->parts) touch(payload(bytes, part.tensor));
  if (input->kind == ServedInputKind::picture) return;
  auto parts = made_anew(input->parts);
  const auto size = lay_out(parts);
  if (!size) return;
  check_places(parts, served_input_header(parts.size()), *size);
  if (*size > kMostLaidOut) return;
  std::vector<std::byte> memory(*size);
  write_tensors(memory, parts);
  const auto again = read_served_input(memory);
  must(again && same_tensors(again->parts, input->parts), "what was written is read again");
}

void try_result(Bytewise bytes) {
  const auto result = read_served_result(bytes);
  if (!result) return must(!result.error().message.empty(), "an error has a sentence");
  if (result->kind == ServedResultKind::json) return touch(std::as_bytes(std::span(result->json)));
  for (const ServedOutput& output : result->outputs) {
    touch(payload(bytes, output.tensor));
    must(is_utf8(name_of(output)), "a name is text");
  }
  auto outputs = made_anew(result->outputs);
  for (ServedOutput& output : outputs) set_name(output, std::string(name_of(output)));
  const auto size = lay_out(outputs);
  if (!size) return;
  check_places(outputs, served_result_header(outputs.size()), *size);
  if (*size > kMostLaidOut) return;
  std::vector<std::byte> memory(*size);
  write_results(memory, outputs);
  const auto again = read_served_result(memory);
  must(again && same_tensors(again->outputs, result->outputs), "what was written is read again");
  for (std::size_t i = 0; i < outputs.size(); ++i)
    must(name_of(again->outputs[i]) == name_of(result->outputs[i]), "names are kept");
}

}  // namespace
}  // namespace headrace::shm

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace;
  const auto bytes = std::as_bytes(std::span(data, size));
  shm::try_input(bytes);
  shm::try_result(bytes);
  return 0;
}
