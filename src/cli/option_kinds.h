// Kinds of values that an option takes. A value that an option cannot take must be refused while the command line is
// read, in words that name the option, the value and what would do; else it fails half a minute later, inside a job.
//
// Each function adds the option --NAME to `app` and sets `value` when one is given, on the command line, by the
// environment or by a file alike. What cannot be taken throws CLI::ValidationError, which the parser makes the error
// of the whole command line ("--NAME: 'what was given' is ..."). `value` keeps what it was then; it must live as long
// as `app`. Nothing here looks at files, addresses or the container.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plan/budget.h"

namespace headrace::cli {

// A whole number from 1 to `most`, or "auto", which unsets `value`. Refuses 0, signs, fractions and all other words,
// and says the range.
CLI::Option* add_number_or_auto(CLI::App& app, const std::string& name,
                                std::optional<unsigned>& value, unsigned most,
                                const std::string& text);

// One of a few words, the first of which is the default that is shown. Refuses any other, also in other letters (ON),
// and lists the words.
template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& value,
                        const std::vector<std::pair<std::string, T>>& choices,
                        const std::string& text);

// The processors or the memory (`part`), where the container is not to be asked. Refuses what plan::make_budget does,
// in its words; the text is kept as given.
CLI::Option* add_budget(CLI::App& app, const std::string& name, std::string& value,
                        std::string_view plan::BudgetInput::*part, const std::string& text);

// A time with its unit: 500ms, 30s, 1.5m, 2h; seconds without. Refuses what is no number, below 0 or past 1e9, other
// units, and what is shorter than `least`, which it says.
template <class Duration>
CLI::Option* add_duration(CLI::App& app, const std::string& name, Duration& value,
                          const std::string& text, Duration least = Duration(0));

// Items a second. Refuses what is no number from 0.01 to a million, and says the range.
CLI::Option* add_rate(CLI::App& app, const std::string& name, std::optional<double>& value,
                      const std::string& text);

// Where clients come in: ADDRESS:PORT or unix:PATH. Refuses what http::check_address does, in its words; whether the
// address can be had shows when it is opened. `may_be_nowhere`: an empty text is taken too, for no such place.
CLI::Option* add_place(CLI::App& app, const std::string& name, std::string& place,
                       const std::string& text, bool may_be_nowhere = true);

// ---- how

// Of any number and unit in milliseconds; nothing when `given` is no time at all.
std::optional<double> milliseconds_in(const std::string& given);

template <class T>
CLI::Option* add_choice(CLI::App& app, const std::string& name, T& value,
                        const std::vector<std::pair<std::string, T>>& choices,
                        const std::string& text) {
  std::string words;
  for (const auto& choice : choices) words += (words.empty() ? "" : "|") + choice.first;
  const auto set = [&value, name, choices, words](const std::string& given) {
    const auto found = std::find_if(choices.begin(), choices.end(),
                                    [&](const auto& choice) { return choice.first == given; });
    if (found == choices.end())
      throw CLI::ValidationError("--" + name, "'" + given + "' is none of " + words);
    value = found->second;
  };
  return app.add_option_function<std::string>("--" + name, set, text)
      ->type_name(words)
      ->default_str(choices.front().first);
}

template <class Duration>
CLI::Option* add_duration(CLI::App& app, const std::string& name, Duration& value,
                          const std::string& text, Duration least) {
  const auto set = [&value, name, least](const std::string& given) {
    const std::optional<double> milliseconds = milliseconds_in(given);
    if (!milliseconds) {
      throw CLI::ValidationError("--" + name, "'" + given +
                                                  "' is no duration; write 500ms, 30s, 5m" +
                                                  (least.count() > 0 ? "" : " or 0 for none"));
    }
    const auto time = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double, std::milli>(*milliseconds));
    if (time < least) {
      const std::string bound = fmt::format("{:g}s", std::chrono::duration<double>(least).count());
      throw CLI::ValidationError("--" + name,
                                 "'" + given + "' is too short; it must be " + bound + " at least");
    }
    value = time;
  };
  return app.add_option_function<std::string>("--" + name, set, text)
      ->type_name("DURATION")
      ->default_str(fmt::format("{:g}s", std::chrono::duration<double>(value).count()));
}

}  // namespace headrace::cli
