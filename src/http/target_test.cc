#include "http/target.h"

#include <gtest/gtest.h>

namespace headrace::http {
namespace {

TEST(Target, IsDecodedOnceAndCutAtItsQuery) {
  struct Case {
    const char* target;
    const char* path;
    const char* query;
  };
  for (const Case& c : {Case{"/", "/", ""}, Case{"/v2/models/a%20b", "/v2/models/a b", ""},
                        Case{"/a?b=%2F&c", "/a", "b=%2F&c"}, Case{"/%2541", "/%41", ""},
                        Case{"http://h:1/a?b", "/a", "b"}, Case{"HTTPS://h", "/", ""},
                        Case{"/a..b/...", "/a..b/...", ""}, Case{"//a//", "//a//", ""}}) {
    const auto target = parse_target(c.target);
    ASSERT_TRUE(target) << c.target;
    EXPECT_EQ(target->path, c.path);
    EXPECT_EQ(target->query, c.query);
  }
}

TEST(Target, WithTwoReadingsIsRefused) {
  for (const char* target :
       {"",     "a",    "*",         "host:80", "ftp://h/a", "/..",       "/a/../b",   "/a/..",
        "/./a", "/a/.", "/%2e%2e/a", "/.%2E/",  "/a%2Fb",    "/a%00",     "/a%0d%0ab", "/a%7f",
        "/a%",  "/a%4", "/a%zz",     "/a#b",    "/\xc3\xa9", "http://h?q"}) {
    const auto refused = parse_target(target);
    ASSERT_FALSE(refused) << target;
    EXPECT_EQ(refused.error().status, 400u) << target;
  }
}

}  // namespace
}  // namespace headrace::http
