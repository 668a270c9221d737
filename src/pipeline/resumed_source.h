// Inputs that an earlier run has answered, marked before anybody opens or queues them.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "pipeline/resume.h"
#include "pipeline/source.h"

namespace headrace::pipeline {

class ResumedSource : public Source {
 public:
  // `inner` outlives it. Names are cut to `longest` bytes for good, so that the line of one that is
  // longer and a later look at it show the same name.
  ResumedSource(Source& inner, Answered answered, std::size_t longest)
      : inner_(inner), answered_(std::move(answered)), longest_(longest) {}

  Pulled next(Input& input) override {
    const Pulled pulled = inner_.next(input);
    if (pulled == Pulled::item)
      input.answered = answered_.take(std::string_view(input.name).substr(0, longest_));
    return pulled;
  }
  int fd() const override { return inner_.fd(); }
  void heard() override { inner_.heard(); }
  std::optional<std::uint64_t> total() const override { return inner_.total(); }
  std::optional<Error> trouble() const override { return inner_.trouble(); }

 private:
  Source& inner_;
  Answered answered_;
  std::size_t longest_;
};

}  // namespace headrace::pipeline
