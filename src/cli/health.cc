#include "cli/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <streambuf>
#include <string_view>
#include <variant>

#include "cli/options.h"
#include "sys/host.h"
#include "sys/memory.h"
#include "sys/timer.h"

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;

constexpr int kUnwell = 1;
constexpr std::size_t kLongestCommand = 1 << 20;
constexpr auto kPatience = 5s;  // for all of it: files of options and names may hang as well
constexpr const char* kNote = "headrace-place";
constexpr Bytes kLongestNote{4096};
constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

// What would be said of another's command line is not said by us.
class Silence {
 public:
  Silence() = default;
  ~Silence() {
    std::cout.rdbuf(out_);
    std::cerr.rdbuf(err_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  std::streambuf* out_ = std::cout.rdbuf(nullptr);
  std::streambuf* err_ = std::cerr.rdbuf(nullptr);
};

// Where headrace and a command of its own begin: an init's option may be called headrace, too.
std::vector<std::string>::const_iterator find_ours(const std::vector<std::string>& words) {
  return std::adjacent_find(
      words.begin(), words.end(), [](const std::string& word, const std::string& next) {
        return std::filesystem::path(word).filename() == "headrace" &&
               std::find(kCommands.begin(), kCommands.end(), next) != kCommands.end();
      });
}

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
  if (auto question = question_by_note(1, path)) return question;
  const Result<std::string> command = sys::read_text("/proc/1/cmdline", kLongestCommand);
  if (!command) return command.error();
  return question_for(words_of(*command), path);
}

int say(const std::string& sentence, int code) {
  std::cout << sentence << std::endl;
  return code;
}

}  // namespace

Result<sys::Fd> note_place(const std::string& address, bool tls) {
  return sys::sealed_text(kNote, std::string(tls ? kHttps : kHttp) + address);
}

std::optional<http::Question> question_by_note(int pid, const std::string& path) {
  const Result<std::string> note = sys::sealed_text_of(pid, kNote, kLongestNote);
  if (!note) return std::nullopt;
  for (const std::string_view scheme : {kHttp, kHttps}) {
    if (!note->starts_with(scheme)) continue;
    return http::Question{
        .address = note->substr(scheme.size()), .tls = scheme == kHttps, .path = path};
  }
  return std::nullopt;
}

Result<std::optional<http::Question>> question_for(const std::vector<std::string>& words,
                                                   const std::string& path) {
  std::vector<std::string> ours(find_ours(words), words.end());
  if (ours.empty()) {
    return Error{
        fmt::format("process 1 is {}, and only headrace with a command of its own can be asked",
                    words.empty() ? "nameless" : words.front())};
  }
  std::vector<char*> arguments;
  for (std::string& word : ours) arguments.push_back(word.data());
  const auto parsed = [&] {
    const Silence silence;
    return parse(static_cast<int>(arguments.size()), arguments.data());
  }();
  if (std::holds_alternative<int>(parsed))
    return Error{"the command line of process 1 makes no sense here: is the environment another?"};
  const auto* const serve = std::get_if<ServeOptions>(&parsed);
  if (serve == nullptr) return std::optional<http::Question>{};
  return std::optional(
      http::Question{.address = serve->http, .tls = !serve->tls_certificate.empty(), .path = path});
}

int health_command(bool ready) {
  sys::end_after(kPatience, "not known: no answer within 5 s\n", kUnwell);
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
