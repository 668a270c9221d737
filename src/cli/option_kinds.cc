#include "cli/option_kinds.h"

#include <cstddef>
#include <exception>
#include <map>

#include "base/result.h"
#include "http/listener.h"

namespace headrace::cli {
namespace {

constexpr double kLowestRate = 0.01;  // items a second
constexpr double kHighestRate = 1e6;

// NaN is below nothing and above nothing.
std::string rate_mistake(const std::string& given) {
  double rate = 0;
  const bool fine =
      CLI::detail::lexical_cast(given, rate) && rate >= kLowestRate && rate <= kHighestRate;
  return fine ? ""
              : fmt::format("'{}' is no number from {} to {}", given, kLowestRate, kHighestRate);
}

}  // namespace

CLI::Option* add_number_or_auto(CLI::App& app, const std::string& name,
                                std::optional<unsigned>& value, unsigned most,
                                const std::string& text) {
  const auto set = [&value, most, name](const std::string& given) {
    if (given == "auto") {
      value.reset();
      return;
    }
    unsigned number = 0;
    if (!CLI::detail::lexical_cast(given, number) || number < 1 || number > most ||
        given.front() == '-') {
      throw CLI::ValidationError(
          "--" + name,
          "'" + given + "' is neither auto nor a number from 1 to " + std::to_string(most));
    }
    value = number;
  };
  return app.add_option_function<std::string>("--" + name, set, text)
      ->type_name("N|auto")
      ->default_str("auto");
}

CLI::Option* add_budget(CLI::App& app, const std::string& name, std::string& value,
                        std::string_view plan::BudgetInput::*part, const std::string& text) {
  const auto set = [&value, name, part](const std::string& given) {
    plan::BudgetInput input{};
    input.*part = given;
    if (const Result<plan::Budget> budget = plan::make_budget(input); !budget)
      throw CLI::ValidationError("--" + name, budget.error().message);
    value = given;
  };
  return app.add_option_function<std::string>("--" + name, set, text);
}

CLI::Option* add_rate(CLI::App& app, const std::string& name, std::optional<double>& value,
                      const std::string& text) {
  return app.add_option("--" + name, value, text)->check(&rate_mistake)->type_name("N");
}

CLI::Option* add_place(CLI::App& app, const std::string& name, std::string& place,
                       const std::string& text, bool may_be_nowhere) {
  const auto set = [&place, name, may_be_nowhere](const std::string& given) {
    if (given.empty() && may_be_nowhere) return place.clear();
    if (const Status fits = http::check_address(given); !fits)
      throw CLI::ValidationError("--" + name, given + ": " + fits.error().message);
    place = given;
  };
  return app.add_option_function<std::string>("--" + name, set, text)
      ->type_name("PLACE")
      ->default_str(place);
}

std::optional<double> milliseconds_in(const std::string& given) {
  static const std::map<std::string, double> kUnits = {
      {"ms", 1}, {"s", 1e3}, {"", 1e3}, {"m", 6e4}, {"h", 3.6e6}};
  double number = -1;
  std::size_t end = 0;
  try {
    number = std::stod(given, &end);
  } catch (const std::exception&) {
    return std::nullopt;
  }
  const auto unit = kUnits.find(given.substr(end));
  if (!(number >= 0) || number > 1e9 || unit == kUnits.end()) return std::nullopt;
  return number * unit->second;
}

}  // namespace headrace::cli
