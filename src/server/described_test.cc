#include "server/described.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace headrace::server {
namespace {

TEST(ModelPath, HasNameVersionAndWhat) {
  struct Case {
    std::string_view rest, name, version, what;
  };
  for (const Case& c : {Case{"m", "m", "", ""},
                        {"m/infer", "m", "", "infer"},
                        {"m/versions/3", "m", "3", ""},
                        {"m/versions/3/infer", "m", "3", "infer"},
                        {"m/versions/", "m", "", ""},
                        {"m/", "m", "", ""},
                        {"m/a/b", "m", "", "a/b"},
                        {"", "", "", ""},
                        {"/", "", "", ""},
                        {"versions/3", "versions", "", "3"}}) {
    const ModelPath path = read_model_path(c.rest);
    EXPECT_EQ(path.name, c.name) << c.rest;
    EXPECT_EQ(path.version, c.version) << c.rest;
    EXPECT_EQ(path.what, c.what) << c.rest;
  }
}

TEST(UnknownModel, IsNamedWithTheVersionThatWasAskedFor) {
  EXPECT_EQ(unknown_model("m", ""), "Request for unknown model: 'm' is not found");
  EXPECT_EQ(unknown_model("m", "7"), "Request for unknown model: 'm' version '7' is not found");
}

TEST(Page, IsFoundByItsExactPath) {
  EXPECT_EQ(find_page("/v2"), Page::server);
  EXPECT_EQ(find_page("/livez"), Page::live);
  EXPECT_EQ(find_page("/metrics"), Page::metrics);
  EXPECT_FALSE(find_page("/metrics2"));
  EXPECT_FALSE(find_page("/V2"));
  EXPECT_FALSE(find_page(""));
}

TEST(Form, TellsEachPartsOutcomeAlone) {
  const std::vector<http::Part> parts = {
      {.name = "a", .filename = "a\".jpg"}, {.name = "b"}, {.name = "c", .filename = ""}};
  std::vector<Answer> answers(3);
  answers[0].kind = answers[1].kind = Answer::Kind::failed;
  answers[0].error = ItemError::corrupt;
  answers[0].message = "cut \xff short";
  answers[1].error = ItemError::worker_crashed;
  answers[2].kind = Answer::Kind::late;
  const auto json = nlohmann::json::parse(describe_form(parts, answers));
  ASSERT_EQ(json["results"].size(), 3U);
  EXPECT_EQ(json["results"][0]["filename"], "a\".jpg");
  EXPECT_EQ(json["results"][0]["error"]["code"], "corrupt");
  EXPECT_FALSE(json["results"][1].contains("filename"));
  EXPECT_EQ(json["results"][1]["error"]["code"], "worker_crashed");
  EXPECT_EQ(json["results"][2]["error"]["code"], "timeout");
}

TEST(Form, HasNoResultForAnAnswerThatIsNone) {
  Answer nonsense;
  nonsense.result = "nonsense";
  EXPECT_EQ(json_of(nonsense), "null");
}

}  // namespace
}  // namespace headrace::server
