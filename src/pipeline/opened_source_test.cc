#include "pipeline/opened_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pipeline/resumed_source.h"
#include "pipeline/temporary.h"
#include "sys/rlimit.h"

namespace headrace::pipeline {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Opened = Result<sys::Fd, sys::ReadError>;

// Inputs that are all there at once.
class Given : public Source {
 public:
  explicit Given(std::vector<std::string> names) {
    for (std::string& name : names)
      inputs_.push_back({.index = inputs_.size(), .name = std::move(name)});
  }
  static std::vector<std::string> numbered(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
    return names;
  }
  Pulled next(Input& input) override {
    if (given_ == inputs_.size()) return Pulled::end;
    input = inputs_[given_++];
    return Pulled::item;
  }
  int fd() const override { return bell_.fd(); }
  void heard() override { bell_.silence(); }
  std::optional<std::uint64_t> total() const override { return inputs_.size(); }
  std::optional<Error> trouble() const override { return std::nullopt; }
  Input& operator[](std::size_t i) { return inputs_[i]; }

 private:
  std::vector<Input> inputs_;
  std::size_t given_ = 0;
  sys::Bell bell_;
};

Opened some_file(const std::string&) {
  return sys::open_regular_file("/proc/self/exe", Bytes{1ULL << 40});
}

// The next item, waited for as the pipeline does; nothing at the end.
std::optional<Input> next_of(Source& source) {
  sys::Poller poller;
  poller.watch(source.fd(), 1);
  for (Input input;;) {
    switch (source.next(input)) {
      case Source::Pulled::item:
        return input;
      case Source::Pulled::end:
        return std::nullopt;
      case Source::Pulled::not_yet:
        // A late open is found at a look, not by news.
        poller.wait(10ms);
        source.heard();
    }
  }
}

std::map<std::uint64_t, Input> all_of(Source& source) {
  std::map<std::uint64_t, Input> all;
  while (auto input = next_of(source)) {
    const std::uint64_t index = input->index;
    EXPECT_TRUE(all.emplace(index, std::move(*input)).second) << index << " came twice";
  }
  return all;
}

std::string content_of(const Input& input) {
  std::vector<std::byte> buffer;
  const auto content = sys::read_whole(input.file->get(), 1_MiB, buffer);
  if (!content) return "unreadable: " + content.error().message;
  return {reinterpret_cast<const char*>(content->data()), content->size()};
}

TEST(OpenedSource, OpensEveryFile) {
  const TemporaryFolder folder;
  std::vector<std::string> names;
  for (int i = 0; i < 200; ++i)
    names.push_back(folder.write(std::to_string(i), "content " + std::to_string(i)));
  Given given(names);
  OpenedSource source(given, {.open = open_files(1_MiB), .ahead = 16});
  const auto all = all_of(source);
  ASSERT_EQ(all.size(), 200U);
  for (const auto& [index, input] : all) {
    EXPECT_EQ(input.name, names[index]);
    ASSERT_TRUE(input.file) << input.unfit->message;
    EXPECT_EQ(content_of(input), "content " + std::to_string(index));
  }
}

TEST(OpenedSource, KeepsTheOrderAsLongAsNoneIsSlow) {
  Given given(Given::numbered(500));
  OpenedSource source(given, {.open = some_file, .threads = 1, .most_threads = 1});
  for (std::uint64_t i = 0; i < 500; ++i) EXPECT_EQ(next_of(source)->index, i);
  EXPECT_FALSE(next_of(source));
  EXPECT_FALSE(source.trouble());
}

TEST(OpenedSource, WhatCannotBeOpenedIsUnfit) {
  const TemporaryFolder folder;
  const std::string large = folder.write("large", std::string(11, 'x'));
  Given given({folder / "missing", folder / "", large, "/dev/null", std::string("a\0b", 3)});
  OpenedSource source(given, {.open = open_files(Bytes{10})});
  const auto all = all_of(source);
  ASSERT_EQ(all.size(), 5U);
  for (const auto& [index, input] : all) {
    ASSERT_TRUE(input.unfit) << input.name;
    EXPECT_FALSE(input.file);
  }
  EXPECT_EQ(all.at(0).unfit->code, ItemError::not_found);
  EXPECT_THAT(all.at(1).unfit->message, HasSubstr("is a folder"));
  EXPECT_EQ(all.at(2).unfit->code, ItemError::too_large);
  EXPECT_THAT(all.at(3).unfit->message, HasSubstr("is a device"));
  EXPECT_EQ(all.at(4).unfit->code, ItemError::not_found);
}

TEST(OpenedSource, WhatNeedsNoFileIsNotOpened) {
  Given given(Given::numbered(3));
  given[0].unfit = {ItemError::unreadable, "a locked folder"};
  given[1].answered = true;
  std::atomic<int> opens = 0;
  OpenedSource source(given, {.open = [&](const std::string& name) {
                        ++opens;
                        return some_file(name);
                      }});
  const auto all = all_of(source);
  EXPECT_EQ(opens, 1);
  EXPECT_EQ(all.at(0).unfit->message, "a locked folder");
  EXPECT_TRUE(all.at(1).answered);
  EXPECT_TRUE(all.at(2).file);
}

TEST(OpenedSource, IsNeverFurtherAheadThanItMayBe) {
  Given given(Given::numbered(1000));
  std::atomic<std::size_t> opens = 0;
  OpenedSource source(given, {.open =
                                  [&](const std::string& name) {
                                    ++opens;
                                    return some_file(name);
                                  },
                              .ahead = 8});
  for (std::size_t taken = 0; taken < 1000; ++taken) {
    EXPECT_LE(opens, taken + 8);
    ASSERT_TRUE(next_of(source));
  }
}

TEST(OpenedSource, HoldsNoMoreFilesThanItMay) {
  Given given(Given::numbered(20));
  OpenedSource source(given, {.open = some_file, .most_open = 5});
  std::vector<Input> held;
  for (int i = 0; i < 5; ++i) held.push_back(*next_of(source));
  Input sixth;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(source.next(sixth), Source::Pulled::not_yet);
  held.pop_back();
  EXPECT_TRUE(next_of(source));
  held.clear();
  int rest = 0;
  while (next_of(source)) ++rest;
  EXPECT_EQ(rest, 14);
}

TEST(OpenedSource, LeavesNoDescriptorBehind) {
  const std::uint64_t before = sys::open_descriptors();
  {
    Given given(Given::numbered(20'000));
    OpenedSource source(given, {.open = [](const std::string& name) {
                          return name.ends_with('7')
                                     ? Opened(sys::ReadError{ItemError::unreadable, "no"})
                                     : some_file(name);
                        }});
    // Some stay behind in it, unasked for.
    for (int i = 0; i < 19'900; ++i) ASSERT_TRUE(next_of(source));
  }
  // A thread that was in the middle of an open ends on its own.
  while (sys::open_descriptors() != before) std::this_thread::yield();
}

// An opener that hangs at "hang" until it is let go.
class Hanging {
 public:
  ~Hanging() {
    if (!let_go_) let_go();
  }
  OpenInput open() const {
    return [gate = gate_](const std::string& name) {
      if (name == "hang") gate.wait();
      return some_file(name);
    };
  }
  void let_go() {
    let_go_ = true;
    promise_.set_value();
  }

 private:
  std::promise<void> promise_;
  std::shared_future<void> gate_ = promise_.get_future().share();
  bool let_go_ = false;
};

TEST(OpenedSource, AHangingOpenHoldsUpNeitherTheOthersNorTheEnd) {
  Hanging hanging;
  std::vector<std::string> names = Given::numbered(300);
  names[0] = names[100] = "hang";
  Given given(names);
  OpenedSource source(given, {.open = hanging.open()});
  for (int i = 0; i < 298; ++i) EXPECT_NE(next_of(source)->name, "hang");
  Input input;
  EXPECT_EQ(source.next(input), Source::Pulled::not_yet);
}

TEST(OpenedSource, AnOpenThatTakesTooLongIsATimeout) {
  Hanging hanging;
  Given given({"0", "hang", "2"});
  OpenedSource source(given, {.open = hanging.open(), .threads = 1, .timeout = 20ms});
  const auto all = all_of(source);
  ASSERT_EQ(all.size(), 3U);
  ASSERT_TRUE(all.at(1).unfit);
  EXPECT_EQ(all.at(1).unfit->code, ItemError::timeout);
  EXPECT_THAT(all.at(1).unfit->message, HasSubstr("0.02 s"));
  EXPECT_TRUE(all.at(2).file);
  EXPECT_FALSE(source.trouble());
}

TEST(OpenedSource, AHangingOpenThatWasGivenUpIsNotCountedAsOpen) {
  Hanging hanging;
  Given given({"hang", "hang", "2", "3"});
  OpenedSource source(given, {.open = hanging.open(), .most_open = 3, .timeout = 20ms});
  const auto all = all_of(source);
  ASSERT_EQ(all.size(), 4U);
  EXPECT_TRUE(all.at(0).unfit && all.at(1).unfit);
  EXPECT_TRUE(all.at(2).file && all.at(3).file);
}

TEST(OpenedSource, WhoWasNotAskedForLongDoesNotTakeThatForHanging) {
  Hanging hanging;
  Given given({"hang"});
  OpenedSource source(given, {.open = hanging.open(), .timeout = 300ms});
  Input input;
  ASSERT_EQ(source.next(input), Source::Pulled::not_yet);
  const auto until = std::chrono::steady_clock::now() + 350ms;
  while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
  ASSERT_EQ(source.next(input), Source::Pulled::not_yet);
  hanging.let_go();
  EXPECT_TRUE(next_of(source)->file);
}

TEST(OpenedSource, AShortageOfDescriptorsIsNoHangingOpen) {
  Given given({"a"});
  std::atomic<int> tries = 0;
  OpenedSource source(
      given, {.open =
                  [&](const std::string& name) {
                    if (++tries < 7)
                      return Opened(sys::ReadError{ItemError::unreadable, "too many", true});
                    return some_file(name);
                  },
              .timeout = 200ms});
  EXPECT_TRUE(next_of(source)->file);
  EXPECT_EQ(tries, 7);
}

TEST(OpenedSource, WhenEveryOpenHangsThatIsTrouble) {
  Hanging hanging;
  Given given(std::vector<std::string>(1000, "hang"));
  OpenedSource source(given, {.open = hanging.open(), .threads = 2, .timeout = 1ms});
  EXPECT_LT(all_of(source).size(), 100U);
  ASSERT_TRUE(source.trouble());
  EXPECT_THAT(source.trouble()->message, HasSubstr("network share"));
}

TEST(OpenedSource, WithAWindowNobodyGetsFarAheadOfAHangingOpen) {
  Hanging hanging;
  std::vector<std::string> names = Given::numbered(50);
  names[2] = "hang";
  Given given(names);
  OpenedSource source(given, {.open = hanging.open(), .window = 4});
  std::set<std::uint64_t> first;
  for (int i = 0; i < 5; ++i) first.insert(next_of(source)->index);
  EXPECT_EQ(first, (std::set<std::uint64_t>{0, 1, 3, 4, 5}));
  Input input;
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(source.next(input), Source::Pulled::not_yet);
  hanging.let_go();
  EXPECT_EQ(next_of(source)->index, 2U);
  EXPECT_EQ(all_of(source).size(), 44U);
}

TEST(OpenedSource, TriesAgainWhileDescriptorsAreShort) {
  Given given({"a"});
  std::atomic<int> tries = 0;
  OpenedSource source(given, {.open = [&](const std::string& name) {
                        if (++tries < 3)
                          return Opened(sys::ReadError{ItemError::unreadable, "too many", true});
                        return some_file(name);
                      }});
  EXPECT_TRUE(next_of(source)->file);
  EXPECT_EQ(tries, 3);
}

TEST(OpenedSource, AShareThatIsAwayForTooLongIsTheInputsFailure) {
  Given given({"a", "b"});
  OpenedSource source(
      given, {.open =
                  [](const std::string& name) {
                    return name == "a"
                               ? Opened(sys::ReadError{ItemError::unreadable, "Host is down", true})
                               : some_file(name);
                  },
              .patience = 1ms});
  const auto all = all_of(source);
  ASSERT_TRUE(all.at(0).unfit);
  EXPECT_EQ(all.at(0).unfit->message, "Host is down");
  EXPECT_TRUE(all.at(1).file);
  EXPECT_FALSE(source.trouble());
}

TEST(OpenedSource, AShareThatIsAwayForEveryInputIsTrouble) {
  Given given(Given::numbered(1000));
  OpenedSource source(
      given, {.open =
                  [](const std::string&) {
                    return Opened(sys::ReadError{ItemError::unreadable, "Host is down", true});
                  },
              .patience = 1ms});
  EXPECT_TRUE(all_of(source).empty()) << "none of them is to get a line";
  ASSERT_TRUE(source.trouble());
  EXPECT_THAT(source.trouble()->message, HasSubstr("(Host is down): is a disk or a network share"));
}

TEST(OpenedSource, InputsThatRanOutOfPatienceWithTheShareAreOpenedOnceItIsBack) {
  Given given(Given::numbered(60));
  std::atomic<int> opens = 0;
  OpenedSource source(
      given, {.open =
                  [&opens](const std::string& name) {
                    return opens++ < 20
                               ? Opened(sys::ReadError{ItemError::unreadable, "Host is down", true})
                               : some_file(name);
                  },
              .patience = 0ms});
  const auto all = all_of(source);
  EXPECT_EQ(all.size(), 60U);
  for (const auto& [index, input] : all) EXPECT_TRUE(input.file) << index;
  EXPECT_FALSE(source.trouble());
}

TEST(OpenedSource, InputsThatCannotBeOpenedAtTheVeryEndFailAlone) {
  Given given(Given::numbered(3));
  OpenedSource source(given,
                      {.open =
                           [](const std::string&) {
                             return Opened(sys::ReadError{ItemError::unreadable, "bad disk", true});
                           },
                       .ahead = 1,
                       .patience = 0ms});
  const auto all = all_of(source);
  EXPECT_EQ(all.size(), 3U);
  for (const auto& [index, input] : all) EXPECT_TRUE(input.unfit) << index;
}

// Each open waits until so many are under way, so it hangs unless they are.
TEST(OpenedSource, SlowOpensAreUnderWayAtOnce) {
  constexpr std::size_t kAtOnce = 24;
  Given given(Given::numbered(kAtOnce));
  std::atomic<std::size_t> under_way = 0;
  OpenedSource source(given, {.open = [&](const std::string& name) {
                        ++under_way;
                        while (under_way < kAtOnce) std::this_thread::yield();
                        return some_file(name);
                      }});
  EXPECT_EQ(all_of(source).size(), kAtOnce);
}

TEST(ResumedSource, MarksWhatHasAnAnswerAsOftenAsItHas) {
  const TemporaryFolder folder;
  const auto line = [](const std::string& name) {
    return R"({"index":0,"input":")" + name + R"(","status":"ok","attempts":1,"worker":0,)" +
           R"("result":1,"ms":{}})" + "\n";
  };
  const std::string results = folder.write("out.jsonl", line("b") + line("xxxx"));
  Given given({"a", "b", "b", "xxxxyy"});
  const auto file = sys::RecordFile::open(results, sys::RecordFile::Mode::extend);
  ResumedSource source(given, *Answered::read(*file, 0ms), /*longest=*/4);
  const auto all = all_of(source);
  EXPECT_FALSE(all.at(0).answered);
  EXPECT_TRUE(all.at(1).answered);
  EXPECT_FALSE(all.at(2).answered);
  EXPECT_TRUE(all.at(3).answered);
}

}  // namespace
}  // namespace headrace::pipeline
