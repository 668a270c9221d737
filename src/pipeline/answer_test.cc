#include "pipeline/answer.h"

#include <gtest/gtest.h>

namespace headrace::pipeline {
namespace {

TEST(Answer, AnItemThatIsDone) {
  EXPECT_EQ(to_line({.index = 12,
                     .input = "a/b.jpg",
                     .attempts = 1,
                     .worker = 0,
                     .result = R"({"x":1})",
                     .times = {.queue = std::chrono::microseconds(1500),
                               .decode = std::chrono::microseconds(20),
                               .infer = std::chrono::microseconds(3)}}),
            "{\"index\":12,\"input\":\"a/b.jpg\",\"status\":\"ok\",\"attempts\":1,\"worker\":0,"
            "\"result\":{\"x\":1},\"ms\":{\"queue\":1.500,\"decode\":0.020,\"infer\":0.003}}\n");
}

TEST(Answer, AnItemThatFailed) {
  EXPECT_EQ(to_line({.index = 3,
                     .input = "b",
                     .attempts = 3,
                     .worker = 1,
                     .error = ItemError::worker_crashed,
                     .message = "say \"why\""}),
            "{\"index\":3,\"input\":\"b\",\"status\":\"failed\",\"attempts\":3,\"worker\":1,"
            "\"error\":{\"code\":\"worker_crashed\",\"message\":\"say \\\"why\\\"\"}}\n");
}

TEST(Answer, AnInputOfOddBytesStaysOneLineOfUtf8) {
  const std::string line = to_line({.input = "a\nb\xFF", .error = ItemError::unreadable});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_NE(line.find("a\\nb\xEF\xBF\xBD"), std::string::npos);
  EXPECT_EQ(line.find("\"worker\""), std::string::npos) << "no worker ever had it";
}

}  // namespace
}  // namespace headrace::pipeline
