// For tests: a text that was sane, and is so no more in a few places. The same for the same seed.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>

namespace headrace::http {

class Mutations {
 public:
  // `telling` are the characters that mean something to what reads the text.
  Mutations(unsigned seed, std::string_view telling) : random_(seed), telling_(telling) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }

  std::string of(std::string text) {
    for (std::size_t changes = 1 + below(4); changes > 0 && !text.empty(); --changes) {
      const auto at = below(text.size());
      switch (below(5)) {
        case 0:
          text[at] = static_cast<char>(random_());
          break;
        case 1:
          text[at] = telling_[below(telling_.size())];
          break;
        case 2:
          text.erase(at, below(8));
          break;
        case 3:
          text.insert(at, text.substr(below(text.size()), below(16)));
          break;
        default:
          if (below(4) == 0) text.resize(at + 1);
          break;
      }
    }
    return text;
  }

 private:
  std::mt19937 random_;
  std::string telling_;
};

}  // namespace headrace::http
