// Writing and reading what lies in the input and the result of a served item (served_format.h).
//
// The supervisor writes inputs and reads results, a worker the other way round. Readers believe
// nothing: a result may be the work of a hostile worker, and an input in memory that other workers
// can write too. What they return is a checked copy, whose places lie inside the bytes that they
// were given; of a result, give them a private copy, so that it stays what was checked. Pure
// functions, for any thread; the memory stays the caller's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "shm/served_format.h"

namespace headrace::shm {

// A tensor of this type and shape, and of the size that follows; its offset is yet to be set. Nothing
// for a type or shape that cannot be, or one whose size overflows.
std::optional<ServedTensor> served_tensor(std::uint32_t dtype, std::span<const std::int64_t> dims);
inline std::span<const std::int64_t> dims_of(const ServedTensor& tensor) {
  return {tensor.dims, tensor.rank};
}

// Gives each payload its place, one behind the other, each aligned. Returns how long it all is, the
// header included; nothing if that overflows.
std::optional<std::size_t> lay_out(std::span<ServedPart> parts);
std::optional<std::size_t> lay_out(std::span<ServedOutput> outputs);

// Where the bytes of one of its tensors are in `whole`, which has passed a reader.
template <class Byte>
std::span<Byte> payload(std::span<Byte> whole, const ServedTensor& tensor) {
  return whole.subspan(tensor.offset, tensor.bytes);
}

// Each writes the header at the front of `into`, which has room for served_input_header() or
// served_result_header() bytes; payloads are the caller's to write, before or after. A picture of
// `bytes` follows the header of one part, a JSON text that of no output.
void write_picture(std::span<std::byte> into, std::size_t bytes);
void write_tensors(std::span<std::byte> into, std::span<const ServedPart> parts);
void write_results(std::span<std::byte> into, std::span<const ServedOutput> outputs);
void write_json(std::span<std::byte> into, std::size_t bytes);

struct ServedInput {
  ServedInputKind kind = ServedInputKind::picture;
  std::vector<ServedPart> parts;  // at least one, exactly one for a picture
};
// The error is a sentence without the input's content.
Result<ServedInput> read_served_input(std::span<const std::byte> bytes);

struct ServedResult {
  ServedResultKind kind = ServedResultKind::json;
  std::string_view json;  // kind json; in the bytes that were read, not checked for being JSON
  std::vector<ServedOutput> outputs;  // kind tensors
};
Result<ServedResult> read_served_result(std::span<const std::byte> bytes);

// As UTF-8, cut at the length that a name may have.
void set_name(ServedOutput& output, std::string_view name);
inline std::string_view name_of(const ServedOutput& output) {
  return output.name;
}

}  // namespace headrace::shm
