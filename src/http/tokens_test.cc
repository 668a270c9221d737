#include "http/tokens.h"

#include <gtest/gtest.h>

#include "http/test_folder.h"

namespace headrace::http {
namespace {

TEST(Tokens, AnyOfTheFileOpensTheDoor) {
  const TestFolder folder;
  const auto tokens = Tokens::load(folder.write("t", "# who: why\nfirst\n\n  second \r\nthird"));
  ASSERT_TRUE(tokens);
  EXPECT_TRUE(tokens->accept("Bearer first"));
  EXPECT_TRUE(tokens->accept("bearer  second"));
  EXPECT_TRUE(tokens->accept("Bearer third"));
  for (const char* value : {"", "Bearer", "Bearer ", "Bearer firs", "Bearer firstt", "first",
                            "Basic first", "Bearer # who: why", "Bearer first second"})
    EXPECT_FALSE(tokens->accept(value)) << value;
}

TEST(Tokens, AFileThatWouldShutEverybodyOutIsAnError) {
  const TestFolder folder;
  const auto none = Tokens::load(folder.write("t", "# nobody\n\n"));
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().message.find("holds no token"), std::string::npos);
  EXPECT_FALSE(Tokens::load(folder / "absent"));
}

}  // namespace
}  // namespace headrace::http
