#include "deploy/cost.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "deploy/deployment.h"

namespace headrace::deploy {
namespace {

constexpr double kItems = 1000;
constexpr double kHour = 3600;

// Four digits that mean something, without an exponent for what is usual.
std::string amount(double value) {
  if (value == 0) return "0";
  const int digits = 3 - static_cast<int>(std::floor(std::log10(std::abs(value))));
  return fmt::format("{:.{}f}", value, digits > 0 ? digits : 0);
}

// As it was given, without an exponent.
std::string price(double value) {
  std::string out = fmt::format("{:.12f}", value);
  out.erase(out.find_last_not_of('0') + 1);
  if (out.back() == '.') out.pop_back();
  return out;
}

class Lines {
 public:
  void add(const std::string& what, const std::string& how) {
    text_ += fmt::format("{:<22} {}\n", what, how);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_{};
};

// What `seconds` of one container cost, if both prices are known; the steps go into `lines`.
void add_seconds(const CostInput& in, const std::string& name, double seconds, double containers,
                 Lines& lines) {
  const double cpu_seconds = in.cpus * seconds * containers;
  const double gb_seconds = in.memory_gb * seconds * containers;
  const std::string times = containers == 1 ? "" : fmt::format(" x {} containers", containers);
  lines.add("  vCPU-seconds", fmt::format("{} x {}{} = {}", decimal(in.cpus), amount(seconds),
                                          times, amount(cpu_seconds)));
  lines.add("  GB-seconds", fmt::format("{} x {}{} = {}", decimal(in.memory_gb), amount(seconds),
                                        times, amount(gb_seconds)));
  if (!in.price_cpu || !in.price_memory) return;
  lines.add("  price of " + name,
            fmt::format("{} x {} + {} x {} = {}", amount(cpu_seconds), price(*in.price_cpu),
                        amount(gb_seconds), price(*in.price_memory),
                        amount(cpu_seconds * *in.price_cpu + gb_seconds * *in.price_memory)));
}

}  // namespace

std::string cost_text(const CostInput& in) {
  Lines lines;
  lines.add("container",
            fmt::format("{} vCPU and {} GB: what is asked for is paid for, used or not",
                        decimal(in.cpus), decimal(in.memory_gb)));
  lines.add("rate", fmt::format("{} items a second ({})", amount(in.rate), in.rate_from));
  const double seconds = kItems / in.rate;
  lines.add("1000 items", fmt::format("1000 / {} = {} s", amount(in.rate), amount(seconds)));
  add_seconds(in, "1000 items", seconds, 1, lines);
  if (in.start_seconds) {
    lines.add("a start",
              fmt::format("{} s before the first item, once", amount(*in.start_seconds)));
    add_seconds(in, "a start", *in.start_seconds, 1, lines);
    lines.add("  as much as",
              fmt::format("{} s x {} a second = {} items", amount(*in.start_seconds),
                          amount(in.rate), amount(*in.start_seconds * in.rate)));
  }
  if (in.server) {
    lines.add("an hour", "3600 s, whether anybody asks or not");
    add_seconds(in, "an hour", kHour, in.replicas, lines);
    lines.add("  at full load", fmt::format("{} x 3600 = {} items", amount(in.rate * in.replicas),
                                            amount(in.rate * in.replicas * kHour)));
  }
  if (!in.price_cpu || !in.price_memory)
    lines.add("price", "give --price-cpu (of a vCPU-second) and --price-memory (of a GB-second)");
  return lines.take();
}

}  // namespace headrace::deploy
