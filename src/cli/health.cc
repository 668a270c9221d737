#include "cli/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <variant>

#include "cli/options.h"
#include "sys/host.h"

namespace headrace::cli {
namespace {

constexpr int kUnwell = 1;
constexpr std::size_t kLongestCommand = 1 << 20;

// As the kernel shows a command line: each word ended by a zero.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

Result<std::optional<http::Question>> question_for_first_process(const std::string& path) {
  const Result<std::string> command = sys::read_text("/proc/1/cmdline", kLongestCommand);
  if (!command) return command.error();
  return question_for(words_of(*command), path);
}

int say(const std::string& sentence, int code) {
  std::cout << sentence << std::endl;
  return code;
}

}  // namespace

Result<std::optional<http::Question>> question_for(const std::vector<std::string>& words,
                                                   const std::string& path) {
  std::vector<std::string> ours(std::find_if(words.begin(), words.end(),
                                             [](const std::string& word) {
                                               return std::filesystem::path(word).filename() ==
                                                      "headrace";
                                             }),
                                words.end());
  if (ours.empty()) {
    return Error{fmt::format("process 1 is {}, and only a headrace that is process 1 can be asked",
                             words.empty() ? "nameless" : words.front())};
  }
  std::vector<char*> arguments;
  for (std::string& word : ours) arguments.push_back(word.data());
  const auto parsed = parse(static_cast<int>(arguments.size()), arguments.data());
  if (std::holds_alternative<int>(parsed))
    return Error{"the command line of process 1 makes no sense here: is the environment another?"};
  const auto* const serve = std::get_if<ServeOptions>(&parsed);
  if (serve == nullptr) return std::optional<http::Question>{};
  return std::optional(
      http::Question{.address = serve->http, .tls = !serve->tls_certificate.empty(), .path = path});
}

int health_command(bool ready) {
  const Result<std::optional<http::Question>> question =
      question_for_first_process(ready ? "/readyz" : "/livez");
  if (!question) return say("not known: " + question.error().message, kUnwell);
  if (!*question) return say("running; it serves nothing that could be asked", kDone);
  const Result<unsigned> status = http::ask(**question);
  if (!status) return say(status.error().message, kUnwell);
  const bool well = *status == 200;
  return say(
      fmt::format("{}: {} answered {} with {}", well ? (ready ? "ready" : "live") : "not well",
                  (*question)->address, (*question)->path, *status),
      well ? kDone : kUnwell);
}

}  // namespace headrace::cli
