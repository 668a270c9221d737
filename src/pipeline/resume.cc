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

// Reads a file piece by piece; `take` gets each, and says whether to go on.
template <class Take>
Status read_pieces(const sys::RecordFile& file, std::chrono::milliseconds patience,
                   const std::function<void()>& alive, const Take& take) {
  std::array<char, 65'536> buffer;
  for (std::uint64_t at = 0;;) {
    const auto got = patiently(patience, alive, [&] { return file.read(at, buffer); });
    if (!got) return Error{got.error().message};
    at += *got;
    if (*got == 0 || !take(std::string_view(buffer.data(), *got))) return Ok{};
  }
}

bool all_zeros(std::string_view text) {
  return text.find_first_not_of('\0') == std::string_view::npos;
}

// No result is longer; somebody else's file may have no line end at all.
constexpr std::size_t kLongestLine = 256 << 20;
// Of every line that answer.h makes.
constexpr std::string_view kBeginning = R"({"index":)";

// Whether what is left of a line, or what has come of one so far, may be the beginning of a result.
bool may_begin_result(std::string_view text) {
  return text.substr(0, kBeginning.size()) == kBeginning.substr(0, text.size());
}

// Of a file that begins with zeros: whether it is one of results whose first write was lost, so that it
// holds nothing else, or a result in a later line.
Result<bool> only_lost_its_beginning(const sys::RecordFile& file,
                                     std::chrono::milliseconds patience,
                                     const std::function<void()>& alive) {
  LineReader reader;
  bool zeros = true;
  bool result = false;
  bool usable = false;  // not in the first line, nor in one with zeros
  std::string line;
  const Status read = read_pieces(file, patience, alive, [&](std::string_view text) {
    zeros = zeros && all_zeros(text);
    while (!text.empty() && !result) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view part = text.substr(0, end);
      usable = usable && part.find('\0') == std::string_view::npos;
      if (usable) line += part;
      usable = usable && may_begin_result(line) && line.size() <= kLongestLine;
      if (end < text.size()) {
        result = usable && reader.input_hash(line).has_value();
        usable = true;
        line.clear();
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    return !result;
  });
  if (!read) return read.error();
  return zeros || result;
}

}  // namespace

Result<Answered> Answered::read(const sys::RecordFile& file, std::chrono::milliseconds patience,
                                const std::function<void()>& alive) {
  Answered answered;
  LineReader reader;
  std::string line;
  bool foreign = false;
  std::uint64_t at = 0;
  const Status read = read_pieces(file, patience, alive, [&](std::string_view text) {
    at += text.size();
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      line += text.substr(0, end);
      text.remove_prefix(end + 1);
      const auto hash = reader.input_hash(line);
      if (!hash) {
        answered.lost_ = line.find('\0') != std::string::npos;
        foreign = !answered.lost_;
        return false;
      }
      answered.hashes_.push_back(*hash);
      answered.whole_bytes_ += line.size() + 1;
      line.clear();
    }
    line += text;
    answered.lost_ = line.find('\0', line.size() - text.size()) != std::string::npos;
    foreign = line.size() > kLongestLine || (answered.hashes_.empty() && !may_begin_result(line));
    return !answered.lost_ && !foreign;
  });
  if (!read) return read.error();
  // A file of something else may begin with zeros too, or hold some in its first line.
  if (answered.lost_ && answered.hashes_.empty()) {
    const auto ours = line.starts_with('\0') ? only_lost_its_beginning(file, patience, alive)
                                             : Result<bool>(line.starts_with(kBeginning));
    if (!ours) return ours.error();
    foreign = !*ours;
  }
  if (foreign) {
    return Error{file.name() + " cannot be resumed: its line " +
                 std::to_string(answered.hashes_.size() + 1) +
                 " is no result of headrace; give another --out, or --overwrite"};
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
