#include "shm/slots.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <set>

#include "shm/brief.h"

namespace headrace::shm {
namespace {

using namespace std::chrono_literals;

sys::Fd again(int fd) {
  return sys::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

struct Sides {
  SlotArea area;
  SlotView view;
};

Sides make_sides(std::uint32_t count = 3) {
  Result<SlotArea> area =
      SlotArea::create({.count = count, .input_capacity = 100, .result_capacity = 50});
  Result<SlotView> view = SlotView::attach(again(area->fd()));
  return {std::move(*area), std::move(*view)};
}

void reply(const SlotView& view, Token token, std::string_view text,
           std::optional<ItemError> error = {}) {
  std::memcpy(view.result(token).data(), text.data(), text.size());
  view.write_reply(token, error, text.size(), std::chrono::steady_clock::time_point(5s), 2ms, 3ms);
}

TEST(Slots, AnItemGoesThroughAndItsAnswerComesBack) {
  Sides s = make_sides();
  const Token token = *s.area.claim("a/b.jpg");
  EXPECT_EQ(s.view.input(token), "a/b.jpg");
  reply(s.view, token, "{\"x\":1}");
  Reply answer;
  ASSERT_TRUE(s.area.read_reply(token, answer));
  EXPECT_EQ(answer.text, "{\"x\":1}");
  EXPECT_FALSE(answer.error);
  EXPECT_EQ(answer.decode, 2ms);
  EXPECT_EQ(answer.infer, 3ms);
  EXPECT_EQ(answer.started, std::chrono::steady_clock::time_point(5s));
}

TEST(Slots, AreClaimedUntilNoneIsLeftAndComeBackWhenReleased) {
  Sides s = make_sides(3);
  std::set<std::uint32_t> slots;
  std::vector<Token> tokens;
  for (int i = 0; i < 3; ++i) {
    tokens.push_back(*s.area.claim("x"));
    slots.insert(token_slot(tokens.back()));
  }
  EXPECT_EQ(slots.size(), 3U);
  EXPECT_FALSE(s.area.claim("x"));
  s.area.release(tokens[1]);
  const auto token = s.area.claim("y");
  ASSERT_TRUE(token);
  EXPECT_EQ(token_slot(*token), token_slot(tokens[1]));
  EXPECT_NE(*token, tokens[1]) << "a new use of a slot has a new generation";
}

TEST(Slots, AnAnswerToAnEarlierAttemptIsNoAnswer) {
  Sides s = make_sides();
  const Token first = *s.area.claim("x");
  reply(s.view, first, "1");
  const Token second = s.area.renew(first);
  Reply answer;
  EXPECT_FALSE(s.area.read_reply(second, answer));
  reply(s.view, second, "2");
  ASSERT_TRUE(s.area.read_reply(second, answer));
  EXPECT_EQ(answer.text, "2");
}

TEST(Slots, NonsenseInAReplyIsRefused) {
  Sides s = make_sides();
  const Token token = *s.area.claim("x");
  reply(s.view, token, "{}");
  sys::SharedMemory memory = std::move(*sys::SharedMemory::attach(again(s.area.fd()), Bytes{128}));
  auto& raw = *reinterpret_cast<ReplyFormat*>(memory.bytes().data() + sizeof(SlotsFormat) +
                                              sizeof(RequestFormat) +
                                              token_slot(token) * std::size_t{128 + 128 + 64});
  Reply answer;
  ASSERT_TRUE(s.area.read_reply(token, answer)) << "the test looks at the right place";
  raw.result_bytes = 1 << 30;
  EXPECT_FALSE(s.area.read_reply(token, answer));
  raw.result_bytes = 2;
  raw.error = 77;
  EXPECT_FALSE(s.area.read_reply(token, answer));
}

TEST(Slots, AScribbledHeaderDoesNotLeadTheSupervisorAstray) {
  Sides s = make_sides();
  const Token token = *s.area.claim("x");
  reply(s.view, token, "{}");
  sys::SharedMemory memory = std::move(*sys::SharedMemory::attach(again(s.area.fd()), Bytes{128}));
  std::memset(memory.bytes().data(), 0xFF, sizeof(SlotsFormat));
  Reply answer;
  ASSERT_TRUE(s.area.read_reply(token, answer));
  EXPECT_EQ(answer.text, "{}");
  EXPECT_TRUE(s.area.claim("another"));
}

TEST(Slots, ATokenThatNamesNoSlotIsHarmlessInAWorker) {
  const Sides s = make_sides(3);
  EXPECT_EQ(s.view.input(make_token(3, 1)), "");
  EXPECT_EQ(s.view.input(make_token(0xFFFFFFFF, 1)), "");
}

TEST(SharedMemory, RefusesADescriptorThatCouldBeTruncatedUnderIt) {
  sys::Fd unsealed(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  ASSERT_EQ(::ftruncate(unsealed.get(), 4096), 0);
  EXPECT_FALSE(sys::SharedMemory::attach(again(unsealed.get()), Bytes{128}));
}

TEST(SharedMemory, CannotBeResizedByAnybody) {
  const Result<sys::SharedMemory> memory = sys::SharedMemory::create("test", Bytes{8192});
  ASSERT_TRUE(memory);
  EXPECT_NE(::ftruncate(memory->fd(), 0), 0);
  EXPECT_NE(::ftruncate(memory->fd(), 1 << 20), 0);
  EXPECT_FALSE(sys::SharedMemory::attach(again(memory->fd()), Bytes{8193}))
      << "smaller than asked for";
}

TEST(Brief, SurvivesTheTripAndGarbageIsAnError) {
  const Brief brief{.supervisor_pid = 12, .worker = 3, .batch = 8, .body = R"({"a":"\n"})"};
  const Result<Brief> back = brief_from_json(to_json(brief));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->supervisor_pid, 12);
  EXPECT_EQ(back->worker, 3U);
  EXPECT_EQ(back->batch, 8U);
  EXPECT_EQ(back->body, brief.body);
  for (const char* garbage : {"", "{", "[]", "{}", R"({"supervisor_pid":"x"})"}) {
    EXPECT_FALSE(brief_from_json(garbage)) << garbage;
  }
}

}  // namespace
}  // namespace headrace::shm
