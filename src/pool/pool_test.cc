// A pool over real processes: this program is its own worker.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <headrace/pool.h>
#include <headrace/queue.h>
#include <headrace/shared_array.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <numeric>
#include <sstream>
#include <thread>

namespace headrace {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

int square(int x) {
  return x * x;
}
std::string greet(const std::string& name, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += "hello " + name + " ";
  return text;
}
double sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}
std::vector<double> ramp(std::size_t count) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 0.0);
  return values;
}
int odd_ones_throw(int x) {
  if (x % 2 == 1) throw std::invalid_argument("odd: " + std::to_string(x));
  return x;
}
int negative_ones_kill(int x) {
  if (x < 0) ::raise(SIGABRT);
  return x;
}
int negative_ones_hang(int x) {
  while (x < 0) ::pause();
  return x;
}
int pid_of(int /*any*/) {
  return ::getpid();
}
int grow(std::size_t bytes) {
  static std::vector<std::vector<char>> kept;
  kept.emplace_back(bytes, 'x');
  return ::getpid();
}
void nothing(int /*any*/) {}
bool makes_a_pool() {
  const Pool inner({.workers = 1});
  return true;
}

std::vector<int> upto(int count) {
  std::vector<int> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

TEST(Pool, MapsInTheOrderOfTheInputs) {
  Pool pool({.workers = 3});
  const auto results = pool.map<square>(upto(5000));
  ASSERT_EQ(results.size(), 5000U);
  for (std::size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(results[i].index(), i);
    ASSERT_EQ(*results[i], static_cast<int>(i * i));
  }
}

TEST(Pool, TakesLambdasTuplesAndConvertibleArguments) {
  Pool pool({.workers = 2});
  const std::vector<std::tuple<std::string, int>> inputs{{"you", 1}, {"me", 2}};
  const auto greetings = pool.map<greet>(inputs);
  EXPECT_EQ(*greetings[1], "hello me hello me ");
  EXPECT_EQ(pool.submit<greet>("all", 1).get(), "hello all ");
  const auto half = pool.map<[](double x) { return x / 2; }>(upto(4));
  EXPECT_EQ(*half[3], 1.5);
  EXPECT_TRUE(pool.submit<nothing>(1).outcome().ok());
}

TEST(Pool, CarriesArgumentsAndResultsOfAnySize) {
  Pool pool({.workers = 2});
  for (const std::size_t count : {0UL, 1UL, 1000UL, 1'000'000UL}) {
    EXPECT_EQ(pool.submit<sum>(ramp(count)).get(),
              static_cast<double>(count) * (static_cast<double>(count) - 1) / 2);
    EXPECT_EQ(pool.submit<ramp>(count).get(), ramp(count));
  }
  std::vector<std::size_t> sizes(50, 20'000);
  for (const auto& result : pool.map<ramp>(sizes, {.chunk = 7})) EXPECT_EQ(result->size(), 20'000U);
}

std::vector<double> odd_ones_throw_else_row(int x) {
  if (x % 2 == 1) throw std::runtime_error(std::string(static_cast<std::size_t>(x) % 7, '!'));
  return ramp(static_cast<std::size_t>(x) % 50);
}
std::pair<std::vector<float>, std::string> row_and_text(int x) {
  return {std::vector<float>(static_cast<std::size_t>(x) % 5, 1.5F), std::to_string(x)};
}
int without_arguments() {
  return 7;
}

TEST(Pool, ResultsOfAnyLengthStandOneBehindTheOther) {
  Pool pool({.workers = 2});
  for (const std::size_t chunk : {2UL, 3UL, 16UL, 500UL}) {
    const auto rows = pool.map<odd_ones_throw_else_row>(upto(500), {.chunk = chunk});
    const auto pairs = pool.map<row_and_text>(upto(500), {.chunk = chunk});
    for (std::size_t i = 0; i < 500; ++i) {
      ASSERT_EQ(rows[i].ok(), i % 2 == 0) << i;
      if (i % 2 == 0) {
        EXPECT_EQ(*rows[i], ramp(i % 50));
      }
      ASSERT_EQ(*pairs[i], row_and_text(static_cast<int>(i)));
    }
  }
}

TEST(Pool, GivesResultsOutBeforeItReadsOn) {
  Pool pool({.workers = 2});
  int read = 0;
  auto slow = std::views::iota(0, 200) | std::views::transform([&](int i) {
                ++read;
                ::usleep(2000);
                return i;
              });
  auto stream = pool.imap<square>(slow);
  ASSERT_TRUE(stream.next());
  EXPECT_LT(read, 50);
}

TEST(Pool, ReadsInputsThatComeOnlyOnce) {
  Pool pool({.workers = 2});
  std::istringstream text("1 2 3 4");
  long sum = 0;
  for (const auto& result : pool.imap<square>(std::views::istream<int>(text))) sum += *result;
  EXPECT_EQ(sum, 30);
}

TEST(Pool, AMapUnderWayKeepsItsResultsWhenThePoolIsClosed) {
  Pool pool({.workers = 2});
  const auto results = pool.map<square>(upto(1000), {.chunk = 1, .progress = [&](std::size_t done) {
                                                       if (done == 10) pool.close();
                                                     }});
  ASSERT_EQ(results.size(), 1000U);
  EXPECT_EQ(*results[9], 81);
  EXPECT_EQ(results[999].error().kind, Failure::Kind::cancelled);
  EXPECT_THROW(pool.map<square>(upto(1)), PoolClosed);
}

TEST(Pool, AFunctionMayHaveNoParameters) {
  Pool pool({.workers = 1});
  EXPECT_EQ(pool.submit<without_arguments>().get(), 7);
  for (const auto& result :
       pool.map<without_arguments>(std::vector<std::tuple<>>(100), {.chunk = 10})) {
    EXPECT_EQ(*result, 7);
  }
}

TEST(Pool, AStreamThatIsLeftEarlyKeepsNothing) {
  Pool pool({.workers = 2});
  for (int i = 0; i < 5; ++i) {
    auto stream = pool.imap_unordered<square>(upto(100'000));
    ASSERT_TRUE(stream.next());
  }
  EXPECT_EQ(pool.submit<square>(5).get(), 25);
}

TEST(Pool, AnExceptionIsItsTasksError) {
  Pool pool({.workers = 2});
  const auto results = pool.map<odd_ones_throw>(upto(100), {.chunk = 9});
  for (int i = 0; i < 100; ++i) {
    const auto& result = results[static_cast<std::size_t>(i)];
    ASSERT_EQ(result.ok(), i % 2 == 0);
    if (result) continue;
    EXPECT_EQ(result.error().kind, Failure::Kind::exception);
    EXPECT_EQ(result.error().type, "std::invalid_argument");
    EXPECT_EQ(result.error().message, "odd: " + std::to_string(i));
  }
  EXPECT_THROW(static_cast<void>(pool.submit<odd_ones_throw>(1).get()), TaskError);
  EXPECT_EQ(pool.counts().deaths, 0U);
}

TEST(Pool, ADeathCostsOnlyTheTaskThatWasRunning) {
  Pool pool({.workers = 2});
  std::vector<int> inputs = upto(200);
  inputs[77] = -1;
  const auto results = pool.map<negative_ones_kill>(inputs, {.chunk = 20});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i == 77) continue;
    ASSERT_TRUE(results[i].ok()) << i << ": " << results[i].error().text();
    EXPECT_EQ(*results[i], inputs[i]);
  }
  ASSERT_FALSE(results[77].ok());
  EXPECT_EQ(results[77].error().kind, Failure::Kind::crashed);
  EXPECT_THAT(results[77].error().message, HasSubstr("SIGABRT"));
  EXPECT_EQ(results[77].error().attempts, 3U);
  EXPECT_EQ(pool.counts().deaths, 3U);
  EXPECT_EQ(pool.counts().retries, 2U);
  EXPECT_EQ(*pool.map<square>(upto(3))[2], 4) << "the pool is usable afterwards";
}

TEST(Pool, WorkersKilledFromOutsideLoseNothing) {
  Pool pool({.workers = 2});
  // After some progress each time: workers that are killed faster than they can start get nowhere.
  std::size_t next = 0;
  const auto kill_all = [&](std::size_t done) {
    if (done < next) return;
    next = done + 100;
    for (const int pid : pool.worker_pids()) ::kill(pid, SIGKILL);
  };
  const auto results =
      pool.map<square>(upto(3000), {.chunk = 4, .attempts = 100, .progress = kill_all});
  for (std::size_t i = 0; i < results.size(); ++i) {
    ASSERT_TRUE(results[i].ok()) << results[i].error().text();
    ASSERT_EQ(*results[i], static_cast<int>(i * i));
  }
  EXPECT_GE(pool.counts().deaths, 10U);
}

TEST(Pool, ATaskThatOutlivesItsDeadlineIsKilledAlone) {
  Pool pool({.workers = 2});
  std::vector<int> inputs = upto(20);
  inputs[5] = -1;
  const auto results = pool.map<negative_ones_hang>(inputs, {.deadline = 50ms, .attempts = 2});
  for (std::size_t i = 0; i < inputs.size(); ++i) EXPECT_EQ(results[i].ok(), i != 5) << i;
  EXPECT_EQ(results[5].error().kind, Failure::Kind::timeout);
  EXPECT_EQ(results[5].error().attempts, 2U);
}

TEST(Pool, AStopEndsTheCallAndKillsWhatRuns) {
  Pool pool({.workers = 2});
  std::stop_source stop;
  std::vector<int> inputs(100, -1);
  std::jthread stopper([&] { stop.request_stop(); });
  const auto results = pool.map<negative_ones_hang>(inputs, {.stop = stop.get_token()});
  ASSERT_EQ(results.size(), 100U);
  for (const auto& result : results) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, Failure::Kind::cancelled);
  }
  EXPECT_EQ(pool.submit<square>(3).get(), 9);
}

TEST(Pool, WhatIsReadWhileTheStopComesIsCancelledToo) {
  Pool pool({.workers = 2});
  std::stop_source stop;
  auto inputs =
      std::views::iota(0, 20) | std::views::transform([&](int i) {
        if (i < 5) return i;
        stop.request_stop();  // this input is read, and its task submitted, after the stop
        return -1;            // would hang
      });
  auto stream = pool.imap<negative_ones_hang>(inputs, {.chunk = 1, .stop = stop.get_token()});
  std::size_t cancelled = 0;
  while (auto outcome = stream.next()) cancelled += outcome->ok() ? 0 : 1;
  EXPECT_GE(cancelled, 1U);
}

TEST(Pool, ReadsALazyRangeNoFurtherThanItMust) {
  Pool pool({.workers = 2});
  int read = 0;
  auto endless = std::views::iota(0) | std::views::transform([&](int i) {
                   read = i;
                   return i;
                 });
  auto stream = pool.imap<square>(endless, {.chunk = 5, .look_ahead = 4});
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(**stream.next(), i * i);
    EXPECT_LE(read, i + 5 * 6);
  }
}

long peak_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    long kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib;
  }
  return 0;
}

TEST(Pool, AMillionInputsNeedNoMoreMemoryThanAFew) {
  Pool pool({.workers = 2});
  const auto run = [&](int count) {
    long sum = 0;
    for (const auto& result : pool.imap<pid_of>(std::views::iota(0, count))) sum += *result > 0;
    return sum;
  };
  run(20'000);
  const long before = peak_kib();
  EXPECT_EQ(run(1'000'000), 1'000'000);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what was freed
  EXPECT_LT(peak_kib() - before, 8 << 10);
#else
  static_cast<void>(before);
#endif
}

TEST(Pool, UnorderedOutcomesSayWhichTheyAre) {
  Pool pool({.workers = 3});
  std::vector<bool> seen(1000);
  for (auto& outcome : pool.imap_unordered<square>(upto(1000))) {
    EXPECT_EQ(*outcome, static_cast<int>(outcome.index() * outcome.index()));
    EXPECT_FALSE(seen[outcome.index()]);
    seen[outcome.index()] = true;
  }
  EXPECT_THAT(seen, testing::Each(true));
}

TEST(Pool, AnExceptionOfTheRangeComesAfterWhatWasBeforeIt) {
  Pool pool({.workers = 2});
  auto inputs = std::views::iota(0, 20) | std::views::transform([](int i) {
                  if (i == 10) throw std::runtime_error("no more");
                  return i;
                });
  auto stream = pool.imap<square>(inputs, {.chunk = 3});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(**stream.next(), i * i);
  EXPECT_THROW(static_cast<void>(stream.next()), std::runtime_error);
  EXPECT_FALSE(stream.next());
}

TEST(Pool, ARangeThatFailsOnTheWayToItsNextInputLosesNone) {
  Pool pool({.workers = 2});
  std::istringstream text("3 5 seven");
  text.exceptions(std::ios::failbit);
  auto inputs = std::views::istream<int>(text);
  auto stream = pool.imap<square>(inputs, {.chunk = 8});
  EXPECT_EQ(**stream.next(), 9);
  EXPECT_EQ(**stream.next(), 25);
  EXPECT_THROW(static_cast<void>(stream.next()), std::ios::failure);
}

struct Counter {
  std::string name;
  int calls = 0;
};
Counter make_counter(const std::string& name) {
  if (name.empty()) throw std::invalid_argument("a counter wants a name");
  return {.name = name};
}
std::string count(Counter& counter, int /*any*/) {
  return counter.name + std::to_string(++counter.calls);
}

TEST(Pool, AWorkerKeepsItsState) {
  Pool pool({.workers = 1}, worker_state<make_counter>("c"));
  const auto results = pool.map<count>(upto(3));
  EXPECT_EQ(*results[0], "c1");
  EXPECT_EQ(*results[2], "c3");
}

TEST(Pool, SaysWhyAStateCouldNotBeMade) {
  Pool pool({.workers = 2}, worker_state<make_counter>(""));
  const auto results = pool.map<count>(upto(10));
  for (const auto& result : results) {
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().kind, Failure::Kind::pool);
    EXPECT_THAT(result.error().message, HasSubstr("a counter wants a name"));
  }
}

TEST(Pool, AFunctionThatWantsAnotherStateSaysSo) {
  Pool pool({.workers = 1});
  const auto result = pool.submit<count>(1).outcome();
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.error().message, HasSubstr("worker_state"));
}

TEST(Pool, ReplacesWorkersAfterSoManyTasks) {
  Pool pool({.workers = 1, .tasks_per_worker = 10});
  std::set<int> pids;
  for (const auto& result : pool.map<pid_of>(upto(60), {.chunk = 1})) pids.insert(*result);
  EXPECT_GE(pids.size(), 3U);
  EXPECT_EQ(pool.counts().deaths, 0U);
}

TEST(Pool, ReplacesWorkersThatGrow) {
  Pool pool({.workers = 1, .memory_growth = 32 << 20});
  const int first = pool.submit<grow>(0).get();
  // The pool looks once a second, at its own pace.
  while (pool.submit<grow>(64 << 10).get() == first) ::usleep(1000);
  EXPECT_EQ(pool.counts().recycled, 1U);
  EXPECT_EQ(pool.counts().deaths, 0U);
}

TEST(Pool, CloseLetsWhatWasSubmittedEnd) {
  Pool pool({.workers = 2});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 100; ++i) futures.push_back(pool.submit<square>(i));
  pool.close();
  EXPECT_THROW(pool.submit<square>(1), std::logic_error);
  pool.join();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(futures[static_cast<std::size_t>(i)].get(), i * i);
  EXPECT_TRUE(pool.worker_pids().empty());
}

TEST(Pool, JoinGivesUpAtItsDeadline) {
  Pool pool({.workers = 1});
  auto never = pool.submit<negative_ones_hang>(-1);
  EXPECT_THROW(pool.join(1s), std::logic_error) << "before close";
  pool.close();
  EXPECT_FALSE(pool.join(10ms));
  pool.terminate();
  EXPECT_TRUE(pool.join(1h));
  EXPECT_EQ(never.outcome().error().kind, Failure::Kind::cancelled);
}

TEST(Pool, TheDestructorWaitsForNobody) {
  std::optional<Future<int>> future;
  {
    Pool pool({.workers = 2});
    for (int i = 0; i < 10'000; ++i) future = pool.submit<negative_ones_hang>(-1);
  }
  EXPECT_EQ(future->outcome().error().kind, Failure::Kind::cancelled);
}

TEST(Pool, AFutureCanBeCancelledAndWaitedForInTime) {
  Pool pool({.workers = 1});
  auto future = pool.submit<negative_ones_hang>(-1);
  EXPECT_FALSE(future.wait_for(5ms));
  EXPECT_FALSE(future.ready());
  future.cancel();
  EXPECT_EQ(future.outcome().error().kind, Failure::Kind::cancelled);
  EXPECT_EQ(pool.submit<square>(2).get(), 4);
}

TEST(Pool, APoolInsideAWorkerIsRefused) {
  Pool pool({.workers = 1});
  const auto result = pool.submit<makes_a_pool>().outcome();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().type, "std::logic_error");
  EXPECT_THAT(result.error().message, HasSubstr("outer pool"));
}

TEST(Pool, AProgramMayIgnoreItsChildren) {
  const auto before = ::signal(SIGCHLD, SIG_IGN);  // then the kernel reaps them by itself
  {
    Pool pool({.workers = 2});
    const auto results = pool.map<negative_ones_kill>(std::vector{1, -1, 2}, {.attempts = 2});
    EXPECT_EQ(*results[2], 2);
    EXPECT_EQ(results[1].error().kind, Failure::Kind::crashed);
  }
  ::signal(SIGCHLD, before);
}

TEST(Pool, ManyThreadsMaySubmit) {
  Pool pool({.workers = 2});
  std::vector<std::jthread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i)
        good += pool.submit<square>(t * i).get() == t * i * t * i ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(good, 1600);
}

TEST(Pool, TellsHowFarItIs) {
  Pool pool({.workers = 2});
  std::vector<std::size_t> said;
  pool.map<square>(upto(100),
                   {.chunk = 10, .progress = [&](std::size_t done) { said.push_back(done); }});
  EXPECT_EQ(said.size(), 10U);
  EXPECT_EQ(said.back(), 100U);
}

// --- arrays and queues through a pool -------------------------------------------------------------

double row_sum(const SharedArray<const double>& a, std::size_t row) {
  double total = 0;
  for (std::size_t i = 0; i < a.shape()[1]; ++i) total += a(row, i);
  return total;
}
SharedArray<int> filled(std::size_t count, int value) {
  SharedArray<int> a({count});
  for (std::size_t i = 0; i < count; ++i) a(i) = value;
  return a;
}
SharedArray<int> doubled(SharedArray<int> a) {
  for (std::size_t i = 0; i < a.size(); ++i) a(i) *= 2;
  return a;
}
int writes_frozen(const SharedArray<const int>& a) {
  *const_cast<int*>(a.data()) = 1;
  return 0;
}

TEST(PoolWithQueues, APutThatDidNotPutGivesTheArrayBack) {
  Queue<SharedArray<int>> queue({.items = 1});
  queue.put(filled(3, 1));
  SharedArray<int> mine = filled(3, 2);
  EXPECT_FALSE(queue.try_put(std::move(mine)));
  EXPECT_EQ(mine(2), 2);
  EXPECT_FALSE(queue.put_for(std::move(mine), 1ms));
  EXPECT_EQ(mine(2), 2);
  queue.close();
  EXPECT_THROW(queue.put(std::move(mine)), QueueClosed);
  EXPECT_EQ(mine(2), 2);
}

TEST(PoolWithArrays, ASizeThatCannotBeIsRefused) {
  EXPECT_THROW(SharedArray<float>({std::size_t{1} << 42}), std::runtime_error);
  EXPECT_THROW(Queue<int>({.bytes = std::size_t{1} << 50}), std::runtime_error);
}

TEST(PoolWithArrays, WorkersReadOneFrozenArray) {
  Pool pool({.workers = 2});
  SharedArray<double> a({100, 100});
  for (std::size_t i = 0; i < 100; ++i) {
    for (std::size_t j = 0; j < 100; ++j) a(i, j) = static_cast<double>(i);
  }
  const SharedArray<const double> frozen = std::move(a).freeze();
  std::vector<std::tuple<SharedArray<const double>, std::size_t>> rows;
  for (std::size_t i = 0; i < 100; ++i) rows.emplace_back(frozen, i);
  const auto sums = pool.map<row_sum>(rows);
  for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(*sums[i], 100.0 * static_cast<double>(i));
}

TEST(PoolWithArrays, ArraysGoToWorkersAndComeBack) {
  Pool pool({.workers = 2});
  for (int i = 0; i < 20; ++i) {
    auto made = pool.submit<filled>(100'000, i).get();
    EXPECT_EQ(made(99'999), i);
    auto back = pool.submit<doubled>(std::move(made)).get();
    EXPECT_EQ(back(0), 2 * i);
    EXPECT_EQ(back.size(), 100'000U);
  }
}

TEST(PoolWithArrays, AWriteToAFrozenArrayIsThatTasksError) {
  Pool pool({.workers = 1});
  const SharedArray<const int> frozen = filled(10, 7).freeze();
  const auto result = pool.submit_with<writes_frozen>({.attempts = 1}, frozen).outcome();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind, Failure::Kind::crashed);
  EXPECT_EQ(frozen(0), 7);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_THAT(result.error().message, HasSubstr("SIGSEGV"));
  EXPECT_THAT(result.error().message, HasSubstr("frozen"));
#endif
}

int relay(Queue<int> from, Queue<int> to) {
  int done = 0;
  while (auto item = from.get()) {
    to.put(*item * 10);
    ++done;
  }
  return done;
}

TEST(PoolWithQueues, WorkersTakeFromOneQueueAndPutIntoAnother) {
  Pool pool({.workers = 3});
  Queue<int> tasks({.items = 64});
  Queue<int> results({.items = 4096});
  std::vector<Future<int>> workers;
  for (int i = 0; i < 3; ++i) workers.push_back(pool.submit<relay>(tasks, results));
  for (int i = 0; i < 1000; ++i) tasks.put(i);
  tasks.close();
  int done = 0;
  for (auto& worker : workers) done += worker.get();
  EXPECT_EQ(done, 1000);
  results.close();
  std::set<int> seen;
  while (auto result = results.take()) seen.insert(*result);
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_EQ(*seen.rbegin(), 9990);
}

int dies_at_thirteen(Queue<int> from) {
  int done = 0;
  while (auto item = from.get()) {
    if (*item == 13) ::raise(SIGKILL);
    ++done;
  }
  return done;
}

TEST(PoolWithQueues, AnItemThatKillsItsConsumersBecomesADeadLetter) {
  Pool pool({.workers = 2, .attempts = 5});
  Queue<int> tasks({.attempts = 3});
  for (int i = 0; i < 20; ++i) tasks.put(i);
  tasks.close();
  auto first = pool.submit<dies_at_thirteen>(tasks);
  auto second = pool.submit<dies_at_thirteen>(tasks);
  first.get();
  second.get();
  const auto dead = tasks.take_dead_letters();
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].value, 13);
  EXPECT_EQ(dead[0].attempts, 3U);
  EXPECT_EQ(tasks.size(), 0U);
}

SharedArray<const int> take_array(Queue<SharedArray<const int>> from) {
  return *from.take();
}

int send_arrays(Queue<SharedArray<const int>> to, int count) {
  for (int i = 0; i < count; ++i) to.put(filled(5000, i).freeze());
  return count;
}

TEST(PoolWithQueues, ArraysThatWorkersMakeReachEverybody) {
  Pool pool({.workers = 2});
  Queue<SharedArray<const int>> queue({.items = 8});
  auto sender = pool.submit<send_arrays>(queue, 40);
  for (int i = 0; i < 40; i += 2) {
    EXPECT_EQ((*queue.get())(0), i);
    EXPECT_EQ(pool.submit<take_array>(queue).get()(4999), i + 1) << "by way of the other worker";
  }
  EXPECT_EQ(sender.get(), 40);
}

TEST(PoolWithQueues, AnArrayInAQueueOutlivesItsSender) {
  Pool pool({.workers = 2});
  Queue<SharedArray<const int>> queue;
  for (int i = 0; i < 50; ++i) {
    queue.put(filled(5000, i).freeze());
    filled(5000, -1);  // would reuse the block if nobody kept it
    const auto back = pool.submit<take_array>(queue).get();
    ASSERT_EQ(back(4999), i);
  }
}

struct Goodbye {
  Queue<int> to;
  ~Goodbye() { to.put(::getpid()); }
};
Goodbye make_goodbye(Queue<int> to) {
  return {std::move(to)};
}
int use(Goodbye& /*state*/, int x) {
  return x;
}

TEST(PoolWithQueues, AStateIsDestroyedWhenItsWorkerLeavesInOrder) {
  Queue<int> farewells;
  {
    Pool pool({.workers = 1}, worker_state<make_goodbye>(farewells));
    EXPECT_EQ(pool.submit<use>(7).get(), 7);
    pool.close();
    pool.join();
    EXPECT_EQ(farewells.size(), 1U);
  }
}

int drops(Queue<SharedArray<const int>> from) {
  while (auto item = from.get()) item.give_back();
  return 0;
}

TEST(PoolWithQueues, ADeadLetterKeepsItsArray) {
  Pool pool({.workers = 1});
  Queue<SharedArray<const int>> queue({.attempts = 2});
  for (int i = 0; i < 10; ++i) queue.put(filled(5000, i).freeze());
  queue.close();
  pool.submit<drops>(queue).get();
  for (int i = 0; i < 20; ++i) filled(5000, -1);  // would reuse their blocks
  std::set<int> seen;
  for (const auto& letter : queue.take_dead_letters()) seen.insert(letter.value(4999));
  EXPECT_THAT(seen, ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9));
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
  headrace::init(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
