#include "cli/plan_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <filesystem>
#include <sstream>

#include "pipeline/temporary.h"
#include "tune/plan_file.h"

namespace headrace::cli {
namespace {

namespace fs = std::filesystem;
using pipeline::TemporaryFolder;
using testing::HasSubstr;

// Nothing can be written there, whoever asks.
constexpr const char* kReadOnly = "/proc/self";

// An empty current folder, and what is said.
class PlanPlaceTest : public testing::Test {
 protected:
  PlanPlaceTest() { fs::current_path(fs::path(here_ / ".")); }
  ~PlanPlaceTest() override { fs::current_path(before_); }

  Result<PlanPlace> place(const std::string& model, const std::string& out = "",
                          const std::string& report = "none") {
    TuneOptions options;
    options.model = model;
    options.out = out;
    options.report = report;
    return find_place(options, log_);
  }
  std::string plan(const std::string& model) {
    const Result<PlanPlace> found = place(model);
    return found ? found->plan : "error: " + found.error().message;
  }
  // How many files and folders there are, at any depth.
  std::ptrdiff_t entries() const {
    return std::distance(fs::recursive_directory_iterator(fs::path(here_ / ".")), {});
  }

  fs::path before_ = fs::current_path();
  TemporaryFolder here_;
  std::ostringstream said_;
  spdlog::logger log_{"test", std::make_shared<spdlog::sinks::ostream_sink_mt>(said_)};
};

TEST_F(PlanPlaceTest, IsBesideTheModel) {
  here_.write("lite0/model.toml", "");
  here_.write("other.onnx", "");
  EXPECT_EQ(plan("lite0"), "lite0/plan.toml");
  EXPECT_EQ(plan("lite0/model.toml"), "lite0/plan.toml");
  EXPECT_EQ(plan("other.onnx"), "other.onnx.plan.toml");
  EXPECT_EQ(entries(), 3) << "a trial left something behind";
  EXPECT_EQ(said_.str(), "");
}

TEST_F(PlanPlaceTest, IsTheCurrentFolderWhereTheModelsCannotBeWritten) {
  EXPECT_EQ(plan(kReadOnly), "self.plan.toml");
  EXPECT_EQ(plan(std::string(kReadOnly) + "/model.toml"), "self.plan.toml");
  EXPECT_EQ(plan(std::string(kReadOnly) + "/other.onnx"), "other.onnx.plan.toml");
  EXPECT_THAT(said_.str(), HasSubstr("the plan goes to self.plan.toml"));
}

TEST_F(PlanPlaceTest, IsWhereTheUserSaysOrNowhere) {
  EXPECT_EQ(place("lite0", "my.toml")->plan, "my.toml");
  EXPECT_FALSE(place("lite0", std::string(kReadOnly) + "/my.toml"));
  here_.write("folder/in it", "");
  const Result<PlanPlace> folder = place("lite0", "folder");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message, "cannot write folder: it is a folder");
}

TEST_F(PlanPlaceTest, IsNeverTakenFromWhatIsNoPlan) {
  here_.write("lite0/plan.toml", "precious = true\n");
  here_.write("self.plan.toml", "{\"precious\": true}\n");
  here_.write("empty", "");
  for (const Result<PlanPlace>& found :
       {place("lite0"), place(kReadOnly), place("lite0", "empty")}) {
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message, HasSubstr("is no plan: it would be lost"));
  }
  EXPECT_EQ(here_.read("lite0/plan.toml"), "precious = true\n");
  EXPECT_EQ(here_.read("self.plan.toml"), "{\"precious\": true}\n");
}

TEST_F(PlanPlaceTest, IsTakenFromAnOldPlanEvenIfThatWasSpoilt) {
  here_.write("lite0/plan.toml", std::string(tune::kPlanHeading) + "\nworkers = = 2\n");
  EXPECT_EQ(plan("lite0"), "lite0/plan.toml");
  here_.write("lite0/plan.toml", tune::to_toml({.made_by = "headrace 0.0.1", .numbers = {"a"}}));
  EXPECT_EQ(plan("lite0"), "lite0/plan.toml");
}

TEST_F(PlanPlaceTest, GoesWithoutAPageThatCannotBeWritten) {
  here_.write("lite0/model.toml", "");
  EXPECT_EQ(place("lite0", "", "none")->page, "");
  EXPECT_EQ(place("lite0", "", "page.html")->page, "page.html");
  EXPECT_EQ(said_.str(), "");
  const Result<PlanPlace> without = place("lite0", "", std::string(kReadOnly) + "/page.html");
  ASSERT_TRUE(without);
  EXPECT_EQ(without->page, "");
  EXPECT_THAT(said_.str(), HasSubstr("there will be no page with plots"));
}

}  // namespace
}  // namespace headrace::cli
