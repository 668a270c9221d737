#include "shm/slots.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <map>
#include <random>
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

Sides make_sides_with_bodies(Bytes bodies, std::uint32_t count = 3) {
  Result<SlotArea> area = SlotArea::create(
      {.count = count, .input_capacity = 64, .result_capacity = 64, .bodies = bodies});
  Result<SlotView> view = SlotView::attach(again(area->fd()));
  return {std::move(*area), std::move(*view)};
}

void fill(std::span<std::byte> bytes, unsigned char with) {
  std::memset(bytes.data(), with, bytes.size());
}

std::string filled(std::size_t bytes, unsigned char with) {
  std::string text(bytes, '\0');
  std::memset(text.data(), with, bytes);
  return text;
}

TEST(Bodies, AWorkerReadsWhatTheSupervisorWrote) {
  Sides s = make_sides_with_bodies(64_KiB);
  const Token token = *s.area.claim_body(1000);
  const std::span<std::byte> body = s.area.input(token);
  ASSERT_EQ(body.size(), 1000U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(body.data()) % 64, 0U);
  fill(body, 'b');
  const Token named = *s.area.claim("a name");
  EXPECT_EQ(s.view.input(token), filled(1000, 'b'));
  EXPECT_EQ(s.view.input(named), "a name");
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(s.view.input(token).data()) % 64, 0U);
}

TEST(Bodies, RunOutOfSlotsOrOfBytesAndComeBack) {
  Sides s = make_sides_with_bodies(4_KiB, 3);
  const Token large = *s.area.claim_body(3 << 10);
  EXPECT_FALSE(s.area.claim_body(2 << 10)) << "no bytes";
  EXPECT_EQ(s.area.free(), 2U) << "and no slot is lost by asking";
  EXPECT_EQ(s.area.bodies_free(), 1_KiB);
  ASSERT_TRUE(s.area.claim_body(0));
  const Token last = *s.area.claim_body(1);
  EXPECT_FALSE(s.area.claim_body(1)) << "no slot";
  EXPECT_EQ(s.area.bodies_free(), Bytes{1024 - 2 * 64});
  s.area.release(large);
  s.area.release(last);
  EXPECT_FALSE(s.area.claim_body(std::numeric_limits<std::size_t>::max()));
  EXPECT_TRUE(s.area.claim_body(3 << 10));
}

TEST(Bodies, StayWithTheItemWhenItIsTriedAgain) {
  Sides s = make_sides_with_bodies(4_KiB);
  const Token first = *s.area.claim_body(100);
  fill(s.area.input(first), 'x');
  sys::SharedMemory memory = std::move(*sys::SharedMemory::attach(again(s.area.fd()), Bytes{128}));
  std::memset(memory.bytes().data() + sizeof(SlotsFormat), 0xFF, sizeof(RequestFormat));
  const Token second = s.area.renew(first);
  EXPECT_EQ(s.view.input(second), filled(100, 'x')) << "whatever the dead worker wrote there";
  EXPECT_EQ(s.area.bodies_free(), Bytes{4096 - 128});
  s.area.release(second);
  EXPECT_EQ(s.area.bodies_free(), 4_KiB);
}

TEST(Bodies, ShrinkAndGrowInPlaceWhileThereIsRoomBehindThem) {
  Sides s = make_sides_with_bodies(4_KiB);
  const Token token = *s.area.claim_body(1000);
  fill(s.area.input(token), 'x');
  const std::byte* const place = s.area.input(token).data();
  ASSERT_TRUE(s.area.resize_body(token, 10));
  EXPECT_EQ(s.view.input(token), filled(10, 'x'));
  EXPECT_EQ(s.area.bodies_free(), Bytes{4096 - 64});
  ASSERT_TRUE(s.area.resize_body(token, 4096));
  EXPECT_EQ(s.area.input(token).data(), place);
  EXPECT_EQ(s.area.bodies_free(), Bytes{0});
  EXPECT_FALSE(s.area.resize_body(token, 4097));
  EXPECT_EQ(s.area.input(token).size(), 4096U);
  s.area.release(token);
  EXPECT_EQ(s.area.largest_free(), 4_KiB);
}

TEST(Bodies, MoveWithTheirContentWhenANeighbourIsInTheWay) {
  Sides s = make_sides_with_bodies(4_KiB);
  const Token token = *s.area.claim_body(640);
  const Token neighbour = *s.area.claim_body(640);
  fill(s.area.input(token), 'x');
  fill(s.area.input(neighbour), 'n');
  ASSERT_TRUE(s.area.resize_body(token, 2000));
  fill(s.area.input(token).subspan(640), 'y');
  EXPECT_EQ(s.view.input(token), filled(640, 'x') + filled(1360, 'y'));
  EXPECT_EQ(s.view.input(neighbour), filled(640, 'n'));
  EXPECT_FALSE(s.area.resize_body(token, 3000)) << "neither behind it nor elsewhere";
  EXPECT_EQ(s.view.input(token).size(), 2000U);
}

TEST(Bodies, NeverOverlapAndAllComesBack) {
  constexpr std::uint64_t kRoom = 1 << 16;
  constexpr std::uint32_t kSlots = 24;
  Sides s = make_sides_with_bodies(Bytes{kRoom}, kSlots);
  std::mt19937 random(7);
  std::map<Token, unsigned char> live;  // and what each is filled with
  unsigned char next = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto bytes = static_cast<std::size_t>(random() % 9000);
    const auto one = live.empty()
                         ? live.end()
                         : std::next(live.begin(), static_cast<long>(random() % live.size()));
    switch (random() % 4) {
      case 0:
      case 1:
        if (const auto token = s.area.claim_body(bytes)) {
          fill(s.area.input(*token), ++next);
          live.emplace(*token, next);
        }
        break;
      case 2:
        if (one != live.end() && s.area.resize_body(one->first, bytes))
          fill(s.area.input(one->first), one->second);
        break;
      default:
        if (one == live.end()) break;
        s.area.release(one->first);
        live.erase(one);
    }
    if (i % 50 != 0) continue;
    for (const auto& [token, with] : live)
      ASSERT_EQ(s.view.input(token), filled(s.area.input(token).size(), with)) << "at step " << i;
  }
  for (const auto& [token, with] : live) s.area.release(token);
  EXPECT_EQ(s.area.bodies_free(), Bytes{kRoom});
  EXPECT_EQ(s.area.largest_free(), Bytes{kRoom});
  EXPECT_EQ(s.area.free(), kSlots);
}

TEST(Bodies, ARequestThatPointsOutOfTheMemoryIsEmpty) {
  Sides s = make_sides_with_bodies(4_KiB);
  const Token token = *s.area.claim_body(100);
  sys::SharedMemory memory = std::move(*sys::SharedMemory::attach(again(s.area.fd()), Bytes{128}));
  auto& raw = *reinterpret_cast<RequestFormat*>(memory.bytes().data() + sizeof(SlotsFormat));
  ASSERT_EQ(raw.input_bytes, 100U) << "the test looks at the right place";
  const std::uint64_t all = memory.bytes().size();
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t wrong[][2] = {{all, 1},     {all + 1, 0}, {all - 10, 11}, {kMost, 2},
                                    {0, all + 1}, {2, kMost},   {kMost, kMost}};
  for (const auto& [at, bytes] : wrong) {
    raw.input_at = at;
    raw.input_bytes = bytes;
    EXPECT_TRUE(s.view.input(token).empty()) << at << " " << bytes;
  }
  EXPECT_EQ(s.area.input(token).size(), 100U) << "the supervisor knows better";
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
