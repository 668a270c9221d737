// Models as `serve` makes them: found, read, sized for their share of the container, and put on a line.
//
// What is done once at the start for the models of the command line is done again, beside everything that
// goes on, for those that are loaded later; so what reads files and sets memory aside stands for itself
// (server/repository.h has why), and only what starts processes is on the server's thread.
#pragma once

#include <spdlog/logger.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "cli/options.h"
#include "server/repository.h"
#include "server/server.h"
#include "sys/poller.h"

namespace headrace::cli {

class ServedModel;

class ServedModels final : public server::ModelMaker {
 public:
  // `program` is this very program. Server and poller outlive it.
  ServedModels(const ServeOptions& options, std::string program, server::Server& server,
               sys::Poller& poller, std::shared_ptr<spdlog::logger> log);

  // A model of the command line: a path, or the name of one in the repository. Before the server runs,
  // which cannot do without it.
  Status start(const std::string& model);
  // Until then each has the share that it will have then.
  void all_are_started() { least_sharers_ = 1; }

  // Those of the command line come from where they came then, all others from the repository.
  Reading reading(const std::string& name) override;
  std::shared_ptr<server::Model> make(std::unique_ptr<server::ReadModel> read,
                                      unsigned place) override;
  Listing listing() override;

 private:
  struct Origin {
    std::string path{};
    std::filesystem::path beneath{};  // nothing of it lies outside of this folder; empty: anywhere
  };
  Origin in_repository(const std::string& name) const;
  // How many models share the container when `name` is one of them.
  std::size_t sharers(const std::string& name) const;

  std::shared_ptr<const ServeOptions> options_;
  std::string program_;
  server::Server& server_;
  sys::Poller& poller_;
  std::shared_ptr<spdlog::logger> log_;
  std::size_t least_sharers_;
  std::map<std::string, Origin> given_;                     // on the command line, by name
  std::map<std::string, std::weak_ptr<ServedModel>> made_;  // the last one of a name
};

}  // namespace headrace::cli
