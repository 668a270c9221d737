// A signature from a worker that may have gone mad: reading it must not crash, and what is taken is
// within its bounds and reads the same when it is written again.
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "oip/documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::oip;
  const auto signature = read_signature({reinterpret_cast<const char*>(data), size});
  if (!signature) return 0;
  const std::string written = write_signature(*signature);
  const auto again = read_signature(written);
  const bool good =
      signature->inputs.size() <= kMostTensors && signature->outputs.size() <= kMostTensors &&
      (written.size() > kMostSignatureBytes || (again && write_signature(*again) == written));
  if (!good) {
    std::cerr << "does not hold: a signature reads the same again: " << written << '\n';
    std::abort();
  }
  const ModelFacts model{.name = "m",
                         .platform = "p",
                         .backend = "b",
                         .signature = *signature,
                         .max_batch = static_cast<std::uint32_t>(size % 3)};
  (void)model_metadata(model);
  (void)model_config(model);
  return 0;
}
