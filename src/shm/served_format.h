// The bytes of a served item: what lies in its input and in its result.
//
//   input   ServedInputFormat  | ServedPart ...   | payload of part 0 | ... | payload of the last part
//   result  ServedResultFormat | ServedOutput ... | payload of output 0 | ...        (kind tensors)
//           ServedResultFormat | text                                                (kind json)
//
// A file format between processes, like slots_format.h. Offsets count from the start of the input or
// of the result; payloads begin at a multiple of 64 wherever the writer can choose, so that an engine
// reads them in place. Elements are dense and row-major, of the types that engine_api.h numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace headrace::shm {

inline constexpr std::uint64_t kServedInputMagic = 0x314E495652535248;  // "HRSRVIN1", little-endian
inline constexpr std::uint64_t kServedResultMagic = 0x3153525652535248;  // "HRSRVRS1"
inline constexpr std::uint32_t kServedVersion = 1;
inline constexpr std::uint32_t kMostServedTensors = 1024;  // in one input or result
inline constexpr std::uint32_t kMostServedRank = 8;
inline constexpr std::size_t kServedNameBytes = 128;  // with the NUL at its end
inline constexpr std::size_t kServedAlignment = 64;
inline constexpr std::uint32_t kServedBytesType = 2;  // hr_dtype HR_U8

// What an input is.
enum class ServedInputKind : std::uint32_t {
  picture = 1,  // one part: a file as it was sent (JPEG, PNG, ...), as a row of u8
  tensors = 2,  // a part for each tensor
};

// What a result is.
enum class ServedResultKind : std::uint32_t {
  json = 1,     // a text
  tensors = 2,  // one for each output of the model
};

struct ServedInputFormat {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t kind;   // a ServedInputKind
  std::uint32_t parts;  // how many ServedPart follow
  std::uint32_t unused;
};

// A tensor's type and shape, and where its bytes are.
struct ServedTensor {
  std::uint32_t dtype;  // an hr_dtype
  std::uint32_t rank;   // at most kMostServedRank
  std::int64_t dims[kMostServedRank];
  std::uint64_t offset;  // from the start of the input or the result
  std::uint64_t bytes;   // the product of the dimensions times the size of an element
};

struct ServedPart {
  std::uint32_t input;  // which of the model's inputs
  std::uint32_t unused;
  ServedTensor tensor;
};

struct ServedResultFormat {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t kind;     // a ServedResultKind
  std::uint32_t outputs;  // how many ServedOutput follow
  std::uint32_t unused;
  std::uint64_t text_bytes;  // of the JSON text
};

struct ServedOutput {
  char name[kServedNameBytes];  // UTF-8, NUL-terminated
  ServedTensor tensor;
};

static_assert(sizeof(ServedInputFormat) == 24 && sizeof(ServedResultFormat) == 32);
static_assert(sizeof(ServedTensor) == 88 && offsetof(ServedTensor, offset) == 72);
static_assert(sizeof(ServedPart) == 96 && offsetof(ServedPart, tensor) == 8);
static_assert(sizeof(ServedOutput) == 216 && offsetof(ServedOutput, tensor) == 128);

constexpr std::size_t to_served_alignment(std::size_t bytes) {
  return (bytes + kServedAlignment - 1) / kServedAlignment * kServedAlignment;
}
// Bytes before the first payload.
constexpr std::size_t served_input_header(std::size_t parts) {
  return to_served_alignment(sizeof(ServedInputFormat) + parts * sizeof(ServedPart));
}
constexpr std::size_t served_result_header(std::size_t outputs) {
  return to_served_alignment(sizeof(ServedResultFormat) + outputs * sizeof(ServedOutput));
}

}  // namespace headrace::shm
