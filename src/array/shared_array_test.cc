#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <headrace/shared_array.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <numeric>
#include <random>

#include "array/fake_processes.h"

namespace headrace {
namespace {

using array::FakeProcess;
using array::FakeWorld;
using shm::Participant;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

// Bytes in flight with what they refer to, as a queue would carry them.
struct Parcel {
  std::vector<std::byte> bytes;
  std::vector<detail::Reference> references;
};

class SharedArrays : public testing::Test {
 protected:
  SharedArrays() { FakeWorld::current = &a; }
  ~SharedArrays() override { FakeWorld::current = nullptr; }

  template <class T>
  Parcel pack(const T& value) {
    Encoder encoder;
    encoder(value);
    for (const detail::Reference& each : encoder.references()) {
      world.mentioned.push_back(
          {.segment = each.segment, .block = each.block, .generation = each.generation});
    }
    return {std::move(encoder.bytes()), std::move(encoder.references())};
  }
  template <class T>
  T unpack(const Parcel& parcel) {
    return Decoder(parcel.bytes).operator()<T>();
  }
  // From the current process to another; returns what arrived there.
  template <class T>
  T send(T value, FakeProcess& to) {
    Parcel parcel = pack(value);
    parcel.references.clear();
    T arrived = to.run([&] { return unpack<T>(parcel); });
    world.mentioned.clear();
    return arrived;
  }

  FakeWorld world;
  FakeProcess a{world, Participant::of(1, 1)};
  FakeProcess b{world, Participant::of(2, 1)};
};

SharedArray<int> counted(std::initializer_list<std::size_t> shape) {
  SharedArray<int> array(shape);
  const std::span<int> all = array.span();
  std::iota(all.begin(), all.end(), 0);
  return array;
}

TEST_F(SharedArrays, AreZeroUnlessAskedNotTo) {
  for (int round = 0; round < 20; ++round) {
    SharedArray<int> array({100, 1000});
    for (const int value : array.span()) ASSERT_EQ(value, 0);
    std::fill(array.span().begin(), array.span().end(), -1);
  }
  const SharedArray<int> dirty({100, 1000}, uninitialized);
  EXPECT_EQ(dirty.size(), 100000U);
}

TEST_F(SharedArrays, ElementsLieRowByRow) {
  SharedArray<int> array = counted({2, 3, 4});
  EXPECT_THAT(array.shape(), ElementsAre(2, 3, 4));
  EXPECT_THAT(array.strides(), ElementsAre(12, 4, 1));
  EXPECT_EQ(array(1, 2, 3), 23);
  EXPECT_EQ(array.at(1, 0, 2), 14);
  array(0, 1, 0) = 99;
  EXPECT_EQ(array.data()[4], 99);
  EXPECT_EQ(array.row(1).row(2)[1], 21);
  EXPECT_THAT(array.row(1).row(0).span(), ElementsAre(12, 13, 14, 15));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(array.data()) % 64, 0U);
}

TEST_F(SharedArrays, AConstantArrayShowsConstants) {
  const SharedArray<int> array = counted({3});
  static_assert(std::is_same_v<decltype(array[0]), const int&>);
  static_assert(std::is_same_v<decltype(array.span()), std::span<const int>>);
  EXPECT_THAT(array.span(), ElementsAre(0, 1, 2));
}

TEST_F(SharedArrays, CheckedAccessNamesIndexAndShape) {
  SharedArray<int> array({10, 100});
  EXPECT_THAT([&] { array.at(3, 100); },
              ThrowsMessage<std::out_of_range>("index [3, 100] is outside of shape [10, 100]"));
  EXPECT_THROW(array.at(3), std::out_of_range);
  EXPECT_THROW(array.row(10), std::out_of_range);
  EXPECT_THROW(array.slice(1, 50, 101), std::out_of_range);
  EXPECT_THROW(array.slice(2, 0, 0), std::out_of_range);
  EXPECT_THROW(array.slice(0, 2, 1), std::out_of_range);
}

TEST_F(SharedArrays, ImpossibleShapesAreRefused) {
  EXPECT_THROW(SharedArray<int>(std::vector<std::size_t>{}), std::invalid_argument);
  EXPECT_THROW(SharedArray<int>({1, 1, 1, 1, 1, 1, 1, 1, 1}), std::invalid_argument);
  EXPECT_THROW(SharedArray<int>({std::size_t{1} << 40, std::size_t{1} << 40}),
               std::invalid_argument);
  EXPECT_THROW(SharedArray<int>({0, ~std::size_t{0}, 8}), std::invalid_argument);
  EXPECT_THAT([] { SharedArray<int>({std::size_t{1} << 30}); },
              ThrowsMessage<std::runtime_error>(HasSubstr("4096.0 MiB")));
  EXPECT_EQ(SharedArray<int>({5, 0, 3}).size(), 0U);
}

TEST_F(SharedArrays, SlicesAgreeWithIndicesForAnyShape) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::size_t> shape(1 + random() % 4);
    for (std::size_t& n : shape) n = 1 + random() % 6;
    SharedArray<int> array{std::span<const std::size_t>(shape)};
    std::iota(array.span().begin(), array.span().end(), 0);
    const std::size_t d = random() % shape.size();
    const std::size_t from = random() % (shape[d] + 1);
    const std::size_t to = from + random() % (shape[d] - from + 1);
    const ArrayView<int> part = array.slice(d, from, to);
    ASSERT_EQ(part.shape(d), to - from);
    std::size_t stride = 1;
    for (std::size_t k = shape.size(); k-- > d + 1;) stride *= shape[k];
    std::vector<std::size_t> index(shape.size());
    for (std::size_t n = 0; n < part.size(); ++n) {
      std::size_t rest = n;
      for (std::size_t k = shape.size(); k-- > 0; rest /= part.shape(k)) {
        index[k] = rest % part.shape(k);
      }
      const std::size_t at = part.layout().offset(index);
      index[d] += from;
      ASSERT_EQ(part.data()[at], static_cast<int>(array.view().layout().offset(index)));
    }
    if (part.size() > 0 && part.contiguous()) {
      ASSERT_EQ(part.span().back() - part.span().front(), static_cast<int>(part.size()) - 1);
    }
  }
}

TEST_F(SharedArrays, ASpanOfWhatDoesNotLieInARowIsRefused) {
  SharedArray<int> array = counted({4, 4});
  EXPECT_THROW(array.slice(1, 0, 2).span(), std::logic_error);
  EXPECT_THAT(array.slice(0, 1, 2).span(), ElementsAre(4, 5, 6, 7));
}

TEST_F(SharedArrays, AnExclusiveArrayIsGivenAwayWithoutACopy) {
  SharedArray<int> here = counted({100, 100});
  const Parcel parcel = pack(here);
  EXPECT_LT(parcel.bytes.size(), 200U);
  EXPECT_FALSE(here);
  EXPECT_EQ(here.size(), 0U);
  EXPECT_THROW(here.span(), std::logic_error);
  EXPECT_THAT([&] { pack(here); }, ThrowsMessage<std::logic_error>(HasSubstr("freeze()")));
  auto there = b.run([&] { return unpack<SharedArray<int>>(parcel); });
  EXPECT_EQ(there(99, 99), 9999);
  there(0, 0) = 7;
  SharedArray<int> back = b.run([&] { return send(std::move(there), a); });
  EXPECT_EQ(back(0, 0), 7);
}

TEST_F(SharedArrays, ASendThatFailedCanBeUndone) {
  SharedArray<int> here = counted({10});
  const Parcel parcel = pack(here);
  here = unpack<SharedArray<int>>(parcel);
  EXPECT_THAT(here.span().first(3), ElementsAre(0, 1, 2));
  EXPECT_TRUE(here);
}

TEST_F(SharedArrays, ATaskThatIsRunAgainGetsItsArrayAgain) {
  const Parcel parcel = pack(counted({10}));
  FakeProcess second(world, Participant::of(3, 1));
  {
    auto first = b.run([&] { return unpack<SharedArray<int>>(parcel); });  // and b dies
    EXPECT_EQ(first[3], 3);
  }
  const auto again = second.run([&] { return unpack<SharedArray<int>>(parcel); });
  EXPECT_EQ(again[3], 3);
}

TEST_F(SharedArrays, ADefaultConstructedArrayTravelsAsNothing) {
  EXPECT_FALSE(send(SharedArray<int>(), b));
  EXPECT_FALSE(send(SharedArray<const int>(), b));
  EXPECT_FALSE(send(ArrayPart<int>(), b));
}

TEST_F(SharedArrays, AFrozenArrayIsReadByMany) {
  SharedArray<int> array = counted({10, 10});
  const SharedArray<const int> frozen = std::move(array).freeze();
  EXPECT_FALSE(array);  // NOLINT(bugprone-use-after-move)
  SharedArray<const int> copy;
  copy = frozen;
  EXPECT_EQ(copy.data(), frozen.data());
  const auto there = send(frozen, b);
  EXPECT_EQ(there(9, 9), 99);
  const auto row = send(frozen.row(4), b);
  EXPECT_THAT(row.shape(), ElementsAre(10));
  EXPECT_EQ(row[2], 42);
  const auto column = send(frozen.slice(1, 3, 4), b);
  EXPECT_EQ(column(5, 0), 53);
  EXPECT_TRUE(frozen);
}

TEST_F(SharedArrays, AFrozenArrayCannotBeWrittenByAnotherProcess) {
  const SharedArray<const int> there = send(counted({10}).freeze(), b);
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGSEGV, SIG_DFL);
    const_cast<volatile int&>(there[0]) = 1;
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV);
}

TEST_F(SharedArrays, AStaleExclusiveHandleOfAFrozenArrayIsRefused) {
  const Parcel parcel = pack(counted({10}));
  const auto kept = b.run([&] { return unpack<SharedArray<int>>(parcel).freeze(); });
  EXPECT_THAT([&] { unpack<SharedArray<int>>(parcel); },
              ThrowsMessage<DecodeError>(HasSubstr("frozen")));
  EXPECT_EQ(kept[3], 3);
}

TEST_F(SharedArrays, TheMemoryIsUsedAgainWhenNobodyRefersToIt) {
  auto there = send(counted({1000}), b);
  a.store().collect();
  EXPECT_EQ(a.store().used_blocks(), 1U);
  there = {};
  EXPECT_EQ(a.store().collect(), 1U);
}

TEST_F(SharedArrays, BytesInFlightKeepTheMemory) {
  Parcel parcel = pack(counted({1000}));
  parcel.references.clear();  // the sender has let go
  EXPECT_EQ(a.store().collect(), 0U);
  world.mentioned.clear();  // nobody took it
  EXPECT_EQ(a.store().collect(), 1U);
  EXPECT_THROW(unpack<SharedArray<int>>(parcel), DecodeError);
}

TEST_F(SharedArrays, PartsAreDisjointAndMakeTheWhole) {
  for (const std::size_t count : {1U, 3U, 7U, 10U, 13U}) {
    SharedArray<int> array({10, 4});
    std::vector<ArrayPart<int>> parts = std::move(array).partition(count);
    EXPECT_FALSE(array);  // NOLINT(bugprone-use-after-move)
    ASSERT_EQ(parts.size(), count);
    std::size_t next = 0;
    for (ArrayPart<int>& part : parts) {
      EXPECT_EQ(part.first(0), next);
      EXPECT_THAT(part.whole_shape(), ElementsAre(10, 4));
      next += part.shape(0);
      for (std::size_t i = 0; i < part.shape(0); ++i) {
        for (std::size_t j = 0; j < 4; ++j)
          part(i, j) += static_cast<int>((part.first(0) + i) * 10 + j);
      }
    }
    EXPECT_EQ(next, 10U);
    const SharedArray<int> whole = join(std::move(parts));
    for (std::size_t i = 0; i < 10; ++i) {
      for (std::size_t j = 0; j < 4; ++j) ASSERT_EQ(whole(i, j), static_cast<int>(i * 10 + j));
    }
  }
}

TEST_F(SharedArrays, TilesCoverEveryElementOnce) {
  std::vector<ArrayPart<int>> parts = SharedArray<int>({7, 11}).tiles(3, 4);
  ASSERT_EQ(parts.size(), 12U);
  for (ArrayPart<int>& part : parts) {
    for (std::size_t i = 0; i < part.shape(0); ++i) {
      for (std::size_t j = 0; j < part.shape(1); ++j) {
        part(i, j) += static_cast<int>(100 * (part.first(0) + i) + part.first(1) + j);
      }
    }
  }
  std::swap(parts[0], parts[11]);
  const SharedArray<int> whole = join(std::move(parts));
  for (std::size_t i = 0; i < 7; ++i) {
    for (std::size_t j = 0; j < 11; ++j) ASSERT_EQ(whole(i, j), static_cast<int>(100 * i + j));
  }
  EXPECT_THROW(SharedArray<int>({7}).tiles(2, 2), std::invalid_argument);
  EXPECT_THROW(SharedArray<int>({7}).partition(0), std::invalid_argument);
  EXPECT_THROW(SharedArray<int>({7}).partition(~std::size_t{0}), std::invalid_argument);
}

TEST_F(SharedArrays, PartsAreWrittenElsewhereAndComeBack) {
  std::vector<ArrayPart<int>> parts = SharedArray<int>({8, 8}).tiles(2, 2);
  std::vector<ArrayPart<int>> done;
  for (ArrayPart<int>& part : parts) {
    ArrayPart<int> there = send(std::move(part), b);
    for (std::size_t i = 0; i < 4; ++i) there(i, i) = static_cast<int>(there.index()) + 1;
    done.push_back(b.run([&] { return send(std::move(there), a); }));
  }
  SharedArray<int> whole = join(std::move(done));
  EXPECT_EQ(whole(0, 0), 1);
  EXPECT_EQ(whole(0, 4), 2);
  EXPECT_EQ(whole(7, 3), 3);
  EXPECT_EQ(whole(7, 7), 4);
  whole(0, 1) = 5;  // the owner again
  EXPECT_EQ(whole(0, 1), 5);
}

TEST_F(SharedArrays, APartOfAKilledWorkerIsSentAgain) {
  std::vector<ArrayPart<int>> parts = counted({4, 4}).partition(2);
  const Parcel parcel = pack(parts[1]);
  {
    ArrayPart<int> lost = b.run([&] { return unpack<ArrayPart<int>>(parcel); });
    lost(0, 0) = 1;
  }
  FakeProcess second(world, Participant::of(3, 1));
  ArrayPart<int> again = second.run([&] { return unpack<ArrayPart<int>>(parcel); });
  again(0, 0) = 2;
  parts[1] = second.run([&] { return send(std::move(again), a); });
  EXPECT_EQ(join(std::move(parts))(2, 0), 2);
}

TEST_F(SharedArrays, JoinRefusesWhatIsNotTheWhole) {
  auto parts = SharedArray<int>({8}).partition(4);
  auto others = SharedArray<int>({8}).partition(4);
  std::swap(parts[2], others[2]);
  EXPECT_THAT([&] { join(std::move(parts)); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("part 2 is of another array")));
  std::swap(parts[2], others[2]);
  ArrayPart<int> away = std::move(parts.back());
  EXPECT_THROW(join(std::move(parts)), std::invalid_argument);
  parts.pop_back();  // NOLINT(bugprone-use-after-move)
  EXPECT_THAT([&] { join(std::move(parts)); },
              ThrowsMessage<std::invalid_argument>(HasSubstr("part 3 of 4 is missing")));
  parts.push_back(std::move(away));
  EXPECT_EQ(join(std::move(parts)).size(), 8U);
  EXPECT_THROW(join(std::vector<ArrayPart<int>>{}), std::invalid_argument);
}

TEST_F(SharedArrays, AStalePartOfAJoinedArrayIsRefused) {
  auto parts = SharedArray<int>({8}).partition(2);
  const Parcel parcel = pack(parts[0]);
  parts[0] = unpack<ArrayPart<int>>(parcel);
  const auto whole = join(std::move(parts));
  EXPECT_THROW(b.run([&] { return unpack<ArrayPart<int>>(parcel); }), DecodeError);
}

TEST_F(SharedArrays, HandlesSurviveAnyShapeWithinTheirSize) {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::size_t> shape(1 + random() % 8);
    for (std::size_t& n : shape) n = random() % 4;
    SharedArray<double> array{std::span<const std::size_t>(shape)};
    auto parts = std::move(array).partition(1 + random() % 5);
    std::size_t size = 0;
    for (auto& part : parts) {
      const Parcel parcel = pack(part);
      ASSERT_LT(parcel.bytes.size(), 200U);
      part = unpack<ArrayPart<double>>(parcel);
      size += part.size();
    }
    const auto frozen = join(std::move(parts)).freeze();
    ASSERT_EQ(frozen.size(), size);
    const std::size_t d = random() % shape.size();
    const auto slice = frozen.slice(d, shape[d] / 2, shape[d]);
    const auto there = send(slice, b);
    ASSERT_TRUE(std::ranges::equal(there.shape(), slice.shape()));
    ASSERT_TRUE(std::ranges::equal(there.strides(), slice.strides()));
    world.mentioned.clear();
  }
}

TEST_F(SharedArrays, TheElementTypeIsCompared) {
  const Parcel parcel = pack(SharedArray<float>({4}));
  EXPECT_THROW(unpack<SharedArray<double>>(parcel), DecodeError);
  EXPECT_THROW(unpack<SharedArray<int>>(parcel), DecodeError);
  EXPECT_THROW(unpack<SharedArray<const float>>(parcel), DecodeError);
  EXPECT_THROW(unpack<ArrayPart<float>>(parcel), DecodeError);
  EXPECT_EQ(unpack<SharedArray<float>>(parcel).size(), 4U);
}

// Bytes of a process that went wrong: any, and nearly right ones. Whatever is accepted lies in the
// block.
template <class A>
void attack(const Parcel& good, std::size_t elements) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes = good.bytes;
    if (round % 10 == 0) {
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
    } else {
      for (std::size_t change = 1 + random() % 3; change > 0; --change) {
        const std::size_t at = random() % (bytes.size() / 8) * 8;
        std::uint64_t value = random();
        if (random() % 2 == 0) value >>= random() % 64;
        if (random() % 4 == 0) value = 0 - value % 4;
        std::memcpy(bytes.data() + at, &value, at == 0 ? 4 : 8);
      }
      if (random() % 5 == 0) bytes.resize(random() % (bytes.size() + 1));
    }
    try {
      const A array = Decoder(bytes).operator()<A>();
      ASSERT_LE(array.size(), elements);
      if (array.size() == 0) continue;
      std::size_t last = 0;
      for (std::size_t d = 0; d < array.dimensions(); ++d) {
        last += (array.shape(d) - 1) * array.strides()[d];
      }
      ASSERT_LT(last, elements);
      static_cast<void>(*static_cast<const volatile int*>(array.data()));
      static_cast<void>(*static_cast<const volatile int*>(array.data() + last));
    } catch (const DecodeError&) {
    }
  }
}

TEST_F(SharedArrays, HostileHandlesAreErrorsAndNothingElse) {
  const auto frozen = counted({16, 16}).freeze();
  attack<SharedArray<const int>>(pack(frozen), 256);
  const Parcel exclusive = pack(counted({16, 16}));
  attack<SharedArray<int>>(exclusive, 256);
  auto parts = counted({16, 16}).tiles(2, 2);
  const Parcel part = pack(parts[3]);
  attack<ArrayPart<int>>(part, 256);
}

TEST_F(SharedArrays, TravelInContainersAndStructures) {
  struct Job {
    std::string name;
    SharedArray<int> array;
    auto headrace_members() { return std::tie(name, array); }
  };
  Job job{"one", counted({3})};
  const Job there = send(std::move(job), b);
  EXPECT_EQ(there.array[2], 2);
  const auto parts = send(counted({6}).partition(3), b);
  EXPECT_EQ(parts[2][1], 5);
}

#ifdef HEADRACE_CHECK_ARRAYS

TEST_F(SharedArrays, CheckedIndicesNameTheArray) {
  SharedArray<int> array({10, 10});
  EXPECT_THAT([&] { array(3, 10) = 1; },
              ThrowsMessage<std::logic_error>(testing::AllOf(
                  HasSubstr("array "), HasSubstr("[3, 10]"), HasSubstr("[10, 10]"))));
  EXPECT_THROW(array(3) = 1, std::logic_error);
  EXPECT_THROW(array[11] = 1, std::logic_error);
}

TEST_F(SharedArrays, CheckedAccessFindsTwoOwners) {
  const Parcel parcel = pack(counted({10}));
  auto first = b.run([&] { return unpack<SharedArray<int>>(parcel); });
  first[1] = 5;
  auto second = unpack<SharedArray<int>>(parcel);  // the same bytes delivered twice, both alive
  second[1] = 6;
  EXPECT_THAT([&] { first[1] = 7; },
              ThrowsMessage<std::logic_error>(testing::AllOf(
                  HasSubstr("participant 2.1"), HasSubstr("participant 1.1"), HasSubstr("[1]"))));
  EXPECT_THROW(first.span(), std::logic_error);
}

TEST_F(SharedArrays, CheckedAccessFindsTwoOwnersOfAPart) {
  auto parts = counted({4, 4}).partition(2);
  const Parcel parcel = pack(parts[0]);
  auto first = b.run([&] { return unpack<ArrayPart<int>>(parcel); });
  first(0, 0) = 1;
  FakeProcess second(world, Participant::of(3, 1));
  auto again = second.run([&] { return unpack<ArrayPart<int>>(parcel); });
  EXPECT_THROW(first(0, 0) = 2, std::logic_error);
  again(0, 0) = 2;
  parts[1](0, 0) = 3;  // the other part is its owner's still
}

TEST_F(SharedArrays, CheckedFrozenArraysFaultInTheirOwnProcessToo) {
  const auto frozen = counted({10}).freeze();
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGSEGV, SIG_DFL);
    const_cast<volatile int&>(frozen[0]) = 1;
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
}

#endif

}  // namespace
}  // namespace headrace
