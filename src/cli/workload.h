// What is put over the inputs: a model, or a handler. Everything that differs between the two is
// settled here, once, before anything starts.
//
// A handler is only looked at, never loaded: that is for workers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "cli/options.h"
#include "model/model.h"
#include "supervisor/fleet.h"

namespace headrace::cli {

struct Workload {
  std::string name;                     // for people
  Bytes worker_memory{};                // a guess at what one worker takes, until it is measured
  Bytes shared_memory{};                // mapped once for all workers, besides the slots
  std::uint32_t result_bytes = 0;       // room for one result, unless the user says
  std::vector<std::string> warnings{};  // what had to be guessed, a sentence each
  // Engines that could run it, the chosen one first; one empty name for a handler. Only the chosen
  // one when the user or model.toml named it.
  std::vector<std::string> engines{};
  std::uint32_t fixed_batch = 0;        // as model::Model has it
  std::optional<model::Model> model{};  // unless it is a handler
  // How workers with so many compute threads start, in so many streams.
  std::function<supervisor::Start(unsigned threads, unsigned streams)> start;
};

// From MODEL as the user named it. `program` is this very program: engines lie beside it. The error
// is one for the user.
Result<Workload> load_workload(const JobOptions& options, const std::filesystem::path& program);
// The same for a model whose workers answer requests.
Result<Workload> load_served(const JobOptions& options, const std::filesystem::path& program);

}  // namespace headrace::cli
