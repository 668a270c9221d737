#include "cli/health.h"

#include <gtest/gtest.h>

namespace headrace::cli {
namespace {

http::Question asked(const std::vector<std::string>& words) {
  const auto question = question_for(words, "/livez");
  return question && *question ? **question : http::Question{};
}

TEST(Health, AsksWhereTheServerWasToldToListen) {
  EXPECT_EQ(asked({"/usr/bin/headrace", "serve", "/model"}).address, "0.0.0.0:8080");
  EXPECT_EQ(asked({"/usr/bin/headrace", "serve", "/model", "--http", "127.0.0.1:9000"}).address,
            "127.0.0.1:9000");
  EXPECT_EQ(asked({"headrace", "serve", "/model"}).path, "/livez");
}

TEST(Health, KnowsWhetherTheServerSpeaksTls) {
  EXPECT_FALSE(asked({"headrace", "serve", "/model"}).tls);
  EXPECT_TRUE(
      asked({"headrace", "serve", "/model", "--tls-cert", "c.pem", "--tls-key", "k.pem"}).tls);
}

TEST(Health, PassesOverAnInitBeforeIt) {
  EXPECT_EQ(asked({"/sbin/init", "--", "/usr/bin/headrace", "serve", "/model"}).address,
            "0.0.0.0:8080");
}

TEST(Health, HasNothingToAskOfACommandThatServesNothing) {
  const auto question = question_for({"headrace", "run", "/model", "/in"}, "/livez");
  ASSERT_TRUE(question);
  EXPECT_FALSE(*question);
}

TEST(Health, SaysWhenTheFirstProcessIsAnotherProgram) {
  const auto question = question_for({"/usr/lib/systemd/systemd"}, "/livez");
  ASSERT_FALSE(question);
  EXPECT_NE(question.error().message.find("process 1 is /usr/lib/systemd/systemd"),
            std::string::npos);
  EXPECT_FALSE(question_for({}, "/livez"));
}

}  // namespace
}  // namespace headrace::cli
