// What a thousand items cost where CPU and memory are paid for by the second, as arithmetic that anybody can do again.
//
// Prices differ by place and year: they are given, never known here. Pure.
#pragma once

#include <optional>
#include <string>

namespace headrace::deploy {

struct CostInput {
  double cpus = 0;
  double memory_gb = 0;
  double rate = 0;                       // items a second of one container, above 0
  std::string rate_from{};               // where that number comes from
  std::optional<double> price_cpu{};     // of a vCPU-second
  std::optional<double> price_memory{};  // of a GB-second
  std::optional<double>
      start_seconds{};  // paid for before the first item: pull of the image, loading
  unsigned replicas = 1;
  bool server = false;  // is paid for whether anybody asks or not
};

// A line a step, each with its numbers; ends with a line end.
std::string cost_text(const CostInput& input);

}  // namespace headrace::deploy
