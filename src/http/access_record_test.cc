#include "http/access_record.h"

#include <gtest/gtest.h>

namespace headrace::http {
namespace {

TEST(AccessRecord, IsOneLineOfJsonWhateverTheClientSent) {
  const std::vector<Note> notes{{"model", "\"a\""}, {"queue_ms", "1.5"}};
  const AccessRecord record{
      std::chrono::system_clock::time_point(std::chrono::milliseconds(1700000000123)),
      "192.0.2.1:5",
      "GET",
      "/a\"\n\xff",
      200,
      10,
      20,
      std::chrono::microseconds(1234),
      "id",
      "",
      notes};
  EXPECT_EQ(to_json(record),
            "{\"time\":\"2023-11-14T22:13:20.123Z\",\"remote\":\"192.0.2.1:5\",\"method\":\"GET\","
            "\"path\":\"/a\\\"\\n\xef\xbf\xbd\",\"status\":200,\"bytes_in\":10,\"bytes_out\":20,"
            "\"duration_us\":1234,\"request_id\":\"id\",\"model\":\"a\",\"queue_ms\":1.5}");
}

}  // namespace
}  // namespace headrace::http
