// Some of many names, evenly over all of them, however many come and with room for few.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace headrace::tune {

// When twice too many are held, every other one goes, and from then on only every other one of those
// that come is taken.
class EvenSample {
 public:
  explicit EvenSample(std::size_t size) : size_(size) {}
  void add(std::string name) {
    if (listed_++ % stride_ != 0) return;
    names_.push_back(std::move(name));
    if (names_.size() < 2 * size_) return;
    for (std::size_t i = 0; 2 * i < names_.size(); ++i) std::swap(names_[i], names_[2 * i]);
    names_.resize((names_.size() + 1) / 2);
    stride_ *= 2;
  }
  // How many came.
  std::uint64_t listed() const { return listed_; }
  // At most `size` of them, in their order; afterwards there are none.
  std::vector<std::string> take() {
    std::vector<std::string> out;
    const std::size_t count = std::min(size_, names_.size());
    for (std::size_t i = 0; i < count; ++i)
      out.push_back(std::move(names_[i * names_.size() / count]));
    return out;
  }

 private:
  std::size_t size_;
  std::uint64_t stride_ = 1;
  std::uint64_t listed_ = 0;
  std::vector<std::string> names_;
};

}  // namespace headrace::tune
