#include "pipeline/resume.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/patience.h"
#include "base/text.h"

namespace headrace::pipeline {
namespace {

// Names are compared as the results show them.
std::uint64_t hash_of(std::string_view input) {
  return is_utf8(input) ? std::hash<std::string_view>{}(input)
                        : std::hash<std::string>{}(to_utf8(input));
}

// The input that a line of results answers; nothing when it is no such line.
class LineReader {
 public:
  std::optional<std::uint64_t> input_hash(const std::string& line) {
    simdjson::dom::element object;
    std::string_view input;
    std::string_view status;
    if (parser_.parse(line).get(object) != simdjson::SUCCESS) return std::nullopt;
    if (object["input"].get(input) != simdjson::SUCCESS) return std::nullopt;
    if (object["status"].get(status) != simdjson::SUCCESS) return std::nullopt;
    return hash_of(input);
  }

 private:
  simdjson::dom::parser parser_;
};

}  // namespace

Result<Answered> Answered::read(const sys::RecordFile& file, std::chrono::milliseconds patience) {
  Answered answered;
  LineReader reader;
  std::array<char, 65'536> buffer;
  std::string line;
  bool lost = false;
  std::uint64_t at = 0;
  while (!lost) {
    const auto got = patiently(patience, [&] { return file.read(at, buffer); });
    if (!got) return Error{got.error().message};
    if (*got == 0) break;
    at += *got;
    std::string_view text(buffer.data(), *got);
    for (std::size_t end = text.find('\n'); end != std::string_view::npos && !lost;
         end = text.find('\n')) {
      line += text.substr(0, end);
      text.remove_prefix(end + 1);
      const auto hash = reader.input_hash(line);
      // Not in the first line: a file of something else may begin so.
      lost = !hash && !answered.hashes_.empty() && line.find('\0') != std::string::npos;
      if (lost) break;
      if (!hash) {
        return Error{file.name() + " cannot be resumed: its line " +
                     std::to_string(answered.hashes_.size() + 1) +
                     " is no result of headrace; give another --out, or --overwrite"};
      }
      answered.hashes_.push_back(*hash);
      answered.whole_bytes_ += line.size() + 1;
      line.clear();
    }
    if (lost) continue;
    line += text;
    lost = !answered.hashes_.empty() && text.find('\0') != std::string_view::npos;
  }
  answered.torn_bytes_ = std::max(at, file.synced_bytes()) - answered.whole_bytes_;
  std::sort(answered.hashes_.begin(), answered.hashes_.end());
  answered.used_.resize(answered.hashes_.size());
  return answered;
}

bool Answered::take(std::string_view input) {
  const std::uint64_t hash = hash_of(input);
  auto at = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
  for (; at != hashes_.end() && *at == hash; ++at) {
    const auto place = static_cast<std::size_t>(at - hashes_.begin());
    if (used_[place]) continue;
    used_[place] = true;
    return true;
  }
  return false;
}

}  // namespace headrace::pipeline
