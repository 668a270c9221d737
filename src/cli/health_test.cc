#include "cli/health.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "sys/process.h"

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

TEST(Health, PassesOverAWordOfTheInitThatIsCalledHeadrace) {
  EXPECT_EQ(asked({"/sbin/init", "--name", "headrace", "--", "/usr/bin/headrace", "serve", "/model",
                   "--http", "127.0.0.1:9000"})
                .address,
            "127.0.0.1:9000");
}

TEST(Health, ReadsVariablesAsTheServerDoes) {
  ::setenv("HEADRACE_HTTP", "127.0.0.1:9001", 1);
  const std::string address = asked({"headrace", "serve", "/model"}).address;
  ::unsetenv("HEADRACE_HTTP");
  EXPECT_EQ(address, "127.0.0.1:9001");
}

TEST(Health, GoesByTheServersOwnNoteOfItsPlace) {
  EXPECT_FALSE(question_by_note(sys::own_pid(), "/livez"));
  for (const bool tls : {false, true}) {
    const auto note = note_place("127.0.0.1:9000", tls);
    ASSERT_TRUE(note);
    const auto question = question_by_note(sys::own_pid(), "/livez");
    ASSERT_TRUE(question);
    EXPECT_EQ(question->address, "127.0.0.1:9000");
    EXPECT_EQ(question->tls, tls);
    EXPECT_EQ(question->path, "/livez");
  }
}

TEST(Health, SaysNothingOfItsOwnAboutAnothersCommandLine) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_FALSE(question_for({"headrace", "serve", "--help"}, "/livez"));
  EXPECT_FALSE(question_for({"headrace", "serve", "--no-such-option"}, "/livez"));
  std::cout << "goes on" << std::endl;
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "goes on\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
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
