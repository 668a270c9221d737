#include "pipeline/file_source.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "pipeline/temporary.h"
#include "sys/poller.h"

namespace headrace::pipeline {
namespace {

using namespace std::chrono_literals;

// All items of a source, waiting as the pipeline does.
std::vector<Input> all_of(Source& source) {
  sys::Poller poller;
  poller.watch(source.fd(), 1);
  std::vector<Input> inputs;
  for (Input input;;) {
    switch (source.next(input)) {
      case Source::Pulled::item:
        inputs.push_back(input);
        break;
      case Source::Pulled::end:
        return inputs;
      case Source::Pulled::not_yet:
        if (poller.wait(10s).empty()) return inputs;
        source.heard();
    }
  }
}

std::vector<std::string> names(const std::vector<Input>& inputs) {
  std::vector<std::string> out;
  for (const Input& input : inputs) out.push_back(input.name);
  return out;
}

TEST(FileSource, WalksFoldersInTheOrderOfNamesFilesFirst) {
  const TemporaryFolder folder;
  for (const char* name : {"f/z.jpg", "f/a.jpg", "f/b/2.jpg", "f/b/1.jpg", "f/.hidden", "f/a2/x"}) {
    folder.write(name, "x");
  }
  FileSource source({folder / "f", "alone.jpg"}, false);
  const auto inputs = all_of(source);
  const std::string f = folder / "f/";
  EXPECT_EQ(names(inputs), (std::vector<std::string>{f + "a.jpg", f + "z.jpg", f + "a2/x",
                                                     f + "b/1.jpg", f + "b/2.jpg", "alone.jpg"}));
  for (std::size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(inputs[i].index, i);
  EXPECT_EQ(source.total(), 6U);
}

TEST(FileSource, ReadsListsWithAnyLineEndsAndWithoutALastOne) {
  const TemporaryFolder folder;
  FileSource source({"@" + folder.write("list", "a\r\n\nb c\n\r\nlast")}, true);
  EXPECT_EQ(names(all_of(source)), (std::vector<std::string>{"a", "b c", "last"}));
}

TEST(FileSource, AListIsReadInConstantMemoryAheadOfItsReader) {
  const TemporaryFolder folder;
  std::string list;
  for (int i = 0; i < 50'000; ++i) list += std::to_string(i) + "\n";
  FileSource source({"@" + folder.write("list", list)}, true);
  const auto inputs = all_of(source);
  ASSERT_EQ(inputs.size(), 50'000U);
  EXPECT_EQ(inputs.back().name, "49999");
}

TEST(FileSource, AnEndlessLineIsCutAndNotKept) {
  const TemporaryFolder folder;
  FileSource source({"@" + folder.write("list", std::string(1 << 20, 'x') + "\nb\n")}, false);
  const auto inputs = all_of(source);
  ASSERT_EQ(inputs.size(), 2U);
  EXPECT_EQ(inputs[0].name.size(), 4097U);
  EXPECT_EQ(inputs[1].name, "b");
}

TEST(FileSource, AListThatIsNotThereIsTrouble) {
  FileSource source({"@/nonexistent/list"}, false);
  EXPECT_TRUE(all_of(source).empty());
  ASSERT_TRUE(source.trouble());
  EXPECT_NE(source.trouble()->message.find("/nonexistent/list"), std::string::npos);
}

TEST(FileSource, EndsItsThreadsWhileTheyWaitForRoom) {
  const TemporaryFolder folder;
  std::string list;
  for (int i = 0; i < 50'000; ++i) list += "name\n";
  FileSource source({"@" + folder.write("list", list)}, true);
  Input input;
  while (source.next(input) != Source::Pulled::item) {
  }
}

}  // namespace
}  // namespace headrace::pipeline
