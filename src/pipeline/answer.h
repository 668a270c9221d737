// One line of the results.
//
//   {"index":12,"input":"a.jpg","status":"ok","attempts":1,"worker":0,"result":{...},
//    "ms":{"queue":0.1,"decode":1.5,"infer":3.4}}
//   {"index":13,"input":"b.jpg","status":"failed","attempts":3,"worker":1,
//    "error":{"code":"worker_crashed","message":"..."}}
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace headrace::pipeline {

struct Times {
  std::chrono::microseconds queue{0};
  std::chrono::microseconds decode{0};
  std::chrono::microseconds infer{0};
};

struct Answer {
  std::uint64_t index = 0;
  std::string_view input{};  // any bytes; what is no UTF-8 is shown as U+FFFD
  std::uint32_t attempts = 0;
  std::optional<std::uint32_t> worker{};  // none: no worker ever had it
  // Exactly one of these two; `result` is one valid JSON value without line ends.
  std::string_view result{};
  std::optional<ItemError> error{};
  std::string_view message{};
  Times times{};  // for results
};

std::string to_line(const Answer& answer);

}  // namespace headrace::pipeline
