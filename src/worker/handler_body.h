// The body that puts a handler, code of the user's own, over inputs: read, call, write what it gave
// as JSON.
//
// The handler is loaded here, in the worker, into its own process: whatever it does, only this
// worker suffers. What it hands back (pointers, sizes, kinds, JSON) is checked as far as it can be.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/units.h"
#include "shm/brief.h"
#include "worker/body.h"

namespace headrace::worker {

// What the supervisor decided for all workers alike.
struct HandlerSettings {
  std::filesystem::path file{};    // the shared object, absolute
  std::string settings{};          // text for the handler
  std::filesystem::path folder{};  // results of bytes become files in it; empty: part of the line
  unsigned threads = 1;            // processors meant for one worker
  Bytes max_bytes = 256_MiB;       // cap on one input file
};

std::string to_json(const HandlerSettings& settings);
Result<HandlerSettings> handler_settings_from_json(std::string_view text);

// Loads the shared object and calls its init. The error is a sentence for the user: not loadable
// (the linker's reason), no handler in it, built for another version, or what init said.
Result<std::unique_ptr<Body>> make_handler_body(const HandlerSettings& settings,
                                                const shm::Brief& brief);

}  // namespace headrace::worker
