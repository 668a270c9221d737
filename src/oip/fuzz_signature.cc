// A signature from a worker that may have gone mad: reading it must not crash, and what is taken is
// within its bounds and reads the same when it is written again.
#include "base/fuzz.h"
#include "oip/documents.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headrace::oip;
  using headrace::fuzz::must;
  const auto signature = read_signature(headrace::fuzz::text_of(data, size));
  if (!signature) return 0;
  must(signature->inputs.size() <= kMostTensors && signature->outputs.size() <= kMostTensors,
       "tensors are counted");
  const std::string written = write_signature(*signature);
  const auto again = read_signature(written);
  must(written.size() > kMostSignatureBytes || (again && write_signature(*again) == written),
       "a signature reads the same again");
  const ModelFacts model{.name = "m",
                         .platform = "p",
                         .backend = "b",
                         .signature = *signature,
                         .max_batch = static_cast<std::uint32_t>(size % 3)};
  (void)model_metadata(model);
  (void)model_config(model);
  return 0;
}
