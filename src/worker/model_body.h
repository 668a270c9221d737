// The body that puts a model over inputs: read, decode, infer, write the result as JSON.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "model/model.h"
#include "sys/sandbox.h"
#include "worker/body.h"

namespace headrace::worker {

// What the supervisor decided for all workers alike.
struct ModelSettings {
  model::Model model;  // `engine` is a plug-in's name, no longer "auto"
  std::vector<std::filesystem::path> engine_folders;
  unsigned threads = 1;                    // compute threads of one worker, in all
  unsigned streams = 1;                    // batches that it works on at once, at most `threads`
  Bytes max_bytes = 256_MiB;               // cap on one input file
  std::uint64_t max_pixels = 100'000'000;  // cap on one picture
  sys::Sandbox sandbox{};                  // comes by the worker's brief, not by the text below
};

// `kind`: which body shall work by them (worker/make_body.h).
std::string to_json(const ModelSettings& settings, std::string_view kind = "model");
Result<ModelSettings> model_settings_from_json(std::string_view text);

// Loads the engine and the model and runs it once on zeros in each stream, so that the first item
// finds it warm. `lanes`: how many items a run may hold, which is the streams times the model's
// batch. Takes seconds; the error is a sentence for the user.
//
// With more than one stream it works in streams (streamed_body.h). The files of its items, unless they
// are but names, come over `control` (passed_files.h): it opens none.
Result<std::unique_ptr<Body>> make_model_body(const ModelSettings& settings, unsigned lanes,
                                              int control);

}  // namespace headrace::worker
