// Stands in for libFuzzer where the compiler has none: runs a target on every file of a folder, then
// on so many mutations of them, the same ones in every run. It sees no coverage, so it finds little
// that is new; what it is for is that every test run goes over what was found before.
//
//     fuzz_TARGET FOLDER ROUNDS [FIRST_ROUND]
//
// Words that mean something to the target are read from FOLDER.dict, a dictionary as libFuzzer takes
// it, if there is one. A target that fails aborts; the round is printed before, and is repeated with
// `FOLDER 1 ROUND`.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/fuzz.h"

namespace {

// The library's distributions differ between libraries; its generators do not.
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : numbers_(seed) {}
  std::size_t below(std::size_t end) { return static_cast<std::size_t>(numbers_() % end); }
  template <class Values>
  const auto& of(const Values& values) {
    return values[below(std::size(values))];
  }

 private:
  std::mt19937_64 numbers_;
};

constexpr std::string_view kNumbers[] = {"0",
                                         "-0",
                                         "1",
                                         "-1",
                                         "1.5",
                                         "01",
                                         "1e400",
                                         "1e-400",
                                         "255",
                                         "256",
                                         "4294967296",
                                         "9223372036854775807",
                                         "9223372036854775808",
                                         "18446744073709551615",
                                         "18446744073709551616",
                                         "-9223372036854775808",
                                         "99999999999999999999999999",
                                         "4611686018427387904"};

// What the target begins with.
struct Corpus {
  std::vector<std::string> texts;
  std::vector<std::string> words;
};

std::string noise(std::size_t size, Chance& chance) {
  std::string out;
  while (out.size() < size) out += static_cast<char>(chance.below(256));
  return out;
}

std::string with_number(const std::string& text, Chance& chance) {
  std::vector<std::size_t> starts;
  const auto digit = [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (digit(i) && (i == 0 || !digit(i - 1))) starts.push_back(i);
  }
  if (starts.empty()) return text;
  const std::size_t begin = starts[chance.below(starts.size())];
  std::size_t end = begin;
  while (end < text.size() && digit(end)) ++end;
  return text.substr(0, begin) + std::string(chance.of(kNumbers)) + text.substr(end);
}

std::string mutated(const Corpus& corpus, std::string text, Chance& chance) {
  const std::size_t at = chance.below(text.size() + 1);
  const std::size_t length = chance.below(std::min<std::size_t>(text.size() - at, 40) + 1);
  switch (chance.below(10)) {
    case 0:
      return text.substr(0, at);
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1U << chance.below(8)));
      return text;
    case 2:
      return text.erase(at, length);
    case 3:
      return text.insert(at, text.substr(at, length));
    case 4:
      return text.insert(at, noise(1 + chance.below(4), chance));
    case 5:
      return text.insert(at, 1 + chance.below(300), chance.below(2) == 0 ? '[' : ' ');
    case 6: {
      const std::string& other = chance.of(corpus.texts);
      return text.substr(0, at) + other.substr(chance.below(other.size() + 1));
    }
    case 7:
      return corpus.words.empty() ? text : text.insert(at, chance.of(corpus.words));
    default:
      return with_number(text, chance);
  }
}

std::string round(const Corpus& corpus, std::uint64_t number) {
  Chance chance(number);
  std::string text = chance.of(corpus.texts);
  for (std::size_t times = 1 + chance.below(3); times > 0; --times)
    text = mutated(corpus, std::move(text), chance);
  return text;
}

void run(const std::string& text) {
  // Of exactly its size, so that a sanitizer sees a step beyond.
  const std::vector<std::uint8_t> bytes(text.begin(), text.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();
  return content.str();
}

std::vector<std::string> files(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) paths.push_back(entry);
  std::ranges::sort(paths);
  std::vector<std::string> contents;
  for (const auto& path : paths) contents.push_back(content_of(path));
  return contents;
}

// The value of one line of a dictionary, name="value", in which \xAB is a byte; empty for a comment.
std::string word_of(const std::string& line) {
  const std::size_t begin = line.find('"');
  const std::size_t end = line.rfind('"');
  std::string word;
  if (line.starts_with('#') || begin == end) return word;
  for (std::size_t at = begin + 1; at < end; ++at) {
    if (line[at] == '\\' && line[at + 1] == 'x') {
      word += static_cast<char>(std::stoi(line.substr(at + 2, 2), nullptr, 16));
      at += 3;
    } else {
      at += line[at] == '\\' ? 1 : 0;
      word += line[at];
    }
  }
  return word;
}

std::vector<std::string> words(const std::string& dictionary) {
  std::vector<std::string> all;
  std::ifstream in(dictionary);
  for (std::string line; std::getline(in, line);) {
    if (std::string word = word_of(line); !word.empty()) all.push_back(std::move(word));
  }
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::cerr << "usage: " << arguments[0] << " FOLDER ROUNDS [FIRST_ROUND]\n";
    return 2;
  }
  const std::string folder = arguments[1];
  const Corpus corpus{.texts = files(folder), .words = words(folder + ".dict")};
  if (corpus.texts.empty()) {
    std::cerr << folder << " has no files to begin with\n";
    return 2;
  }
  for (const std::string& text : corpus.texts) run(text);
  const std::uint64_t rounds = std::strtoull(arguments[2], nullptr, 10);
  const std::uint64_t first = count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 0;
  for (std::uint64_t number = first; number < first + rounds; ++number) {
    // A crash leaves the last line.
    std::cout << '\r' << number << std::flush;
    run(round(corpus, number));
  }
  std::cout << "\r" << corpus.texts.size() << " files and " << rounds << " mutations\n";
  return 0;
}
