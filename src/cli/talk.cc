#include "cli/talk.h"

#include "sys/files.h"

namespace headrace::cli {
namespace {

using namespace std::chrono_literals;

constexpr int kStandardError = 2;
constexpr auto kBarPace = 200ms;

}  // namespace

Talk::Talk(ProgressStyle style) : style_(style) {
  if (style_ == ProgressStyle::automatic)
    style_ = sys::is_terminal(kStandardError) ? ProgressStyle::bar : ProgressStyle::plain;
}

void Talk::say(const std::string& line) {
  if (style_ == ProgressStyle::none) return;
  sys::write_text(kStandardError, (is_bar() ? "\r\033[K" : "") + line + "\n");
}

void Talk::live(const std::string& line, std::chrono::steady_clock::time_point now) {
  if (!is_bar() || now < next_) return;
  next_ = now + kBarPace;
  const std::size_t columns = sys::terminal_size(kStandardError).columns;
  sys::write_text(kStandardError, "\r\033[K" + line.substr(0, columns - 1));
}

void Talk::clear() {
  if (is_bar()) sys::write_text(kStandardError, "\r\033[K");
}

}  // namespace headrace::cli
