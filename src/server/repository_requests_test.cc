#include "server/repository_requests.h"

#include <gtest/gtest.h>

#include <string>

namespace headrace::server {
namespace {

using What = RepositoryPath::What;

TEST(RepositoryPath, NamesWhatIsWanted) {
  const auto index = read_repository_path("/v2/repository/index");
  ASSERT_TRUE(index);
  EXPECT_EQ(index->what, What::index);
  const auto load = read_repository_path("/v2/repository/models/lite0/load");
  ASSERT_TRUE(load);
  EXPECT_EQ(load->what, What::load);
  EXPECT_EQ(load->name, "lite0");
  const auto unload = read_repository_path("/v2/repository/models/load/unload");
  ASSERT_TRUE(unload);
  EXPECT_EQ(unload->what, What::unload);
  EXPECT_EQ(unload->name, "load");
  for (const char* path : {"/v2/repository/", "/v2/repository/Index", "/v2/repository/models/load",
                           "/v2/repository/models/a", "/v2/repository/models/a/reload"})
    EXPECT_FALSE(read_repository_path(path)) << path;
}

TEST(RepositoryPath, KeepsASlashInANameForItsRefusal) {
  const auto path = read_repository_path("/v2/repository/models/a/../../b/load");
  ASSERT_TRUE(path);
  EXPECT_FALSE(is_model_name(path->name));
}

TEST(ModelName, IsPlainAndNoPath) {
  for (const char* name : {"lite0", "a.b-c_D", "...", "1"})
    EXPECT_TRUE(is_model_name(name)) << name;
  for (const char* name : {"", ".", "..", "stats", "a/b", "a b", "a\\b", "a\n", "\xC3\xA4"})
    EXPECT_FALSE(is_model_name(name)) << name;
  EXPECT_TRUE(is_model_name(std::string(128, 'x')));
  EXPECT_FALSE(is_model_name(std::string(129, 'x')));
}

TEST(RepositoryBody, MayBeEmpty) {
  for (const char* text : {"", " \n", "{}", R"({"parameters":{}})"}) {
    EXPECT_TRUE(read_repository_body(text, What::load)) << text;
    EXPECT_TRUE(read_repository_body(text, What::index)) << text;
  }
  EXPECT_TRUE(read_repository_body(R"({"parameters":{"unload_dependents":false}})", What::unload));
}

TEST(RepositoryBody, BringsNoFilesAndNoConfiguration) {
  for (const char* text :
       {R"({"parameters":{"config":"{}"}})", R"({"parameters":{"file:1/model.onnx":"AAAA"}})",
        R"({"parameters":{"a":1}})", R"({"config":"{}"})", R"({"parameters":[1]})",
        R"({"parameters":"x"})"}) {
    const auto body = read_repository_body(text, What::load);
    ASSERT_FALSE(body) << text;
    EXPECT_EQ(body.error().status, 400U);
    EXPECT_NE(body.error().message.find("only from the repository folder"), std::string::npos);
  }
}

TEST(RepositoryBody, AsksForThoseThatAreReady) {
  EXPECT_FALSE(read_repository_body("{}", What::index)->only_ready);
  EXPECT_TRUE(read_repository_body(R"({"ready":true})", What::index)->only_ready);
  EXPECT_FALSE(read_repository_body(R"({"ready":1})", What::index));
  for (const char* text : {"{", "[]", "1", "{}{}", "\xFF"})
    EXPECT_FALSE(read_repository_body(text, What::index)) << text;
}

}  // namespace
}  // namespace headrace::server
