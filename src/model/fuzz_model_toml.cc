// A model.toml, as text alone, and the form in which it travels to workers.
//
// Hostile here: text that is no TOML, keys and numbers beyond every bound, names that are no text. It
// must be refused with a reason, or be a model that travels to a worker and comes out the same there.
#include <string>

#include "base/fuzz.h"
#include "base/text.h"
#include "model/labels.h"
#include "model/model_toml.h"
#include "model/settle.h"

namespace headrace::model {
namespace {

using fuzz::must;

void check_travels(const Model& model) {
  const std::string text = to_json(model);
  const auto arrived = from_json(text);
  must(bool{arrived}, "a worker can read what the supervisor writes");
  must(to_json(*arrived) == text, "a model arrives as it left");
}

void run(std::string_view text) {
  if (const auto other = from_json(text)) check_travels(*other);
  if (const auto labels = parse_labels(text, "labels.txt")) {
    for (const std::string& label : *labels) must(is_utf8(label), "a label is text");
  }
  // A folder that cannot be, so that a labels file beside the text is not there.
  auto draft = parse_model_toml(text, "model.toml", "/dev/null");
  if (!draft) {
    must(!draft.error().message.empty(), "a refusal has a sentence");
    return must(is_utf8(draft.error().message), "a refusal is text");
  }
  if (const Status settled = settle(draft->model, draft->given, nullptr, Source::toml); !settled)
    return must(!settled.error().message.empty(), "a refusal has a sentence");
  check_travels(draft->model);
}

}  // namespace
}  // namespace headrace::model

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  headrace::model::run(headrace::fuzz::text_of(data, size));
  return 0;
}
