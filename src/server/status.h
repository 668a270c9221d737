// What a server looks like from within, now and lately, as one JSON document (docs/page.md) for the page and for
// scripts.
//
// Names are stable, and say their units. What is not known is null or left out, never a zero that looks like
// knowledge. Nothing in here is a secret, but process ids and reasons are for the admin's eyes alone.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/history.h"
#include "server/server.h"

namespace headrace::server {

// Of the server as a whole, which no model knows.
struct ServerFacts {
  std::string version{};
  std::int64_t started_ms = 0;  // of the Unix epoch: tells one server from the next
  double uptime_seconds = 0;
  double own_cpus = 0;  // what the supervisor itself uses
  std::size_t connections = 0;
};

// What identifies a model in the history.
std::string key_of(const Line& line);
ModelCounts counts_of(const Line& line);
ContainerMoment container_now(const Server& server, double own_cpus);

// `after`: with the history of the seconds after that number; nothing: without.
std::string describe_status(const Server& server, const ServerFacts& facts, const History& history,
                            std::optional<std::uint64_t> after, Clock::time_point now);

// The number in "since=N" of a query; nothing when there is none, or it is none.
std::optional<std::uint64_t> read_since(std::string_view query);

// The words for the states.
std::string_view word_of(supervisor::WorkerState state);
struct Condition {
  std::string_view word;  // "loading", "ready", "unavailable", "failed"
  std::string reason{};   // a sentence, unless it is ready
};
Condition condition_of(const Line& line, Clock::time_point now);

}  // namespace headrace::server
