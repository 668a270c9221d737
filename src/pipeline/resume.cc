#include "pipeline/resume.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <functional>

#include "base/text.h"
#include "sys/files.h"

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

Result<Answered> Answered::read(const std::string& path) {
  Answered answered;
  if (sys::path_kind(path) == sys::PathKind::missing) return answered;
  Result<sys::Fd> fd = sys::open_for_reading(path);
  if (!fd) return fd.error();
  LineReader reader;
  std::array<char, 65'536> buffer;
  std::string line;
  for (;;) {
    const Result<std::size_t> got = sys::read_some(fd->get(), buffer);
    if (!got) return Error{"cannot read " + path + ": " + got.error().message};
    if (*got == 0) break;
    std::string_view text(buffer.data(), *got);
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      line += text.substr(0, end);
      text.remove_prefix(end + 1);
      const auto hash = reader.input_hash(line);
      if (!hash) {
        return Error{path + " cannot be resumed: its line " +
                     std::to_string(answered.hashes_.size() + 1) +
                     " is no result of headrace; give another --out, or --overwrite"};
      }
      answered.hashes_.push_back(*hash);
      answered.whole_bytes_ += line.size() + 1;
      line.clear();
    }
    line += text;
  }
  answered.torn_bytes_ = line.size();
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
