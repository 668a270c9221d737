// Inputs whose files are open by the time they are asked for.
//
// A worker decodes bytes from strangers, so it must not be able to open files; it gets a descriptor
// of each input instead. Opening may take milliseconds on a network share, and for ever on a dead one,
// and the supervisor must not wait: so a few threads open ahead. What cannot be opened comes out
// unfit, and costs no worker.
//
// Bounded: in files opened ahead, in open files altogether, and in opens that never end. Owns the
// threads; a thread that hangs in an open is left behind, and touches nothing of ours any more.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/units.h"
#include "pipeline/source.h"
#include "sys/files.h"
#include "sys/poller.h"
#include "sys/timer.h"

namespace headrace::pipeline {

// Called on several threads at once.
using OpenInput = std::function<Result<sys::Fd, sys::ReadError>(const std::string& name)>;

// Opens regular files of at most `limit`, and has the kernel read their beginning in ahead.
OpenInput open_files(Bytes limit);

class OpenedSource : public Source {
 public:
  struct Settings {
    OpenInput open{};
    unsigned threads = 4;          // to begin with
    unsigned most_threads = 32;    // with what is slow to open, one more at a time
    std::size_t ahead = 64;        // inputs that were not yet asked for
    std::size_t most_open = 1024;  // files altogether: those, and those that were handed out
    // One open that takes longer is given up, and its input fails as `timeout`; 0: no such limit.
    std::chrono::milliseconds timeout{0};
    // How long errors that may pass are tried again: a network share that is away is no input's fault. Who
    // runs out of it is held back until another open succeeds, and tried once more.
    std::chrono::milliseconds patience{300'000};
    // No input is handed out that lies so far behind one which is still to be opened: what keeps an
    // order of answers takes no more then.
    std::uint64_t window = std::numeric_limits<std::uint64_t>::max();
  };

  // `inner` outlives it, and is asked by nobody else.
  OpenedSource(Source& inner, Settings settings);
  ~OpenedSource() override;

  // Nearly in the order of `inner`: what is slow to open is overtaken. Inputs that are unfit or
  // answered already come through as they are.
  Pulled next(Input& input) override;
  int fd() const override { return news_.get(); }
  void heard() override;
  std::optional<std::uint64_t> total() const override { return inner_.total(); }
  std::optional<Error> trouble() const override;
  // What nothing goes on without, and since when: nothing while some input is ready.
  struct Waiting {
    std::chrono::steady_clock::time_point since{};
    std::string name{};
  };
  std::optional<Waiting> waiting() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Desk;
  struct Job {
    Input input;
    std::shared_ptr<sys::Fd> file;  // counts as open from here on
    Clock::time_point begun{};
    Clock::time_point since{};                      // the same, or when it was tried again
    std::optional<Clock::time_point> found_late{};  // when it was first seen to be late
    bool once_more = false;                         // it was held back
  };

  static void work(const std::shared_ptr<Desk>& desk, std::uint64_t number);
  bool start_thread();
  void collect();
  void give_up_late();
  void end_holding_back();
  void add_thread_if_slow();
  bool may_go() const;
  bool is_empty() const { return ready_.empty() && opening_.empty(); }
  void pull();
  std::shared_ptr<sys::Fd> count_one() const;

  Source& inner_;
  Settings settings_;
  std::shared_ptr<Desk> desk_;  // shared with the threads
  // How many files are open or about to be; whoever closes one counts down.
  std::shared_ptr<std::atomic<std::size_t>> open_ =
      std::make_shared<std::atomic<std::size_t>>(std::size_t{0});
  std::map<std::uint64_t, Input> ready_;  // by index
  std::set<std::uint64_t> opening_;       // indices of those at the desk
  bool inner_ended_ = false;
  std::uint64_t left_behind_ = 0;  // threads
  std::optional<Error> trouble_;
  std::string no_thread_{};  // why the last that was wanted could not be started
  sys::Timer look_{};        // to see what is slow
  sys::Poller all_{};        // the desk's bell, the inner source, and the timer
  sys::Fd news_;
  std::map<std::uint64_t, std::thread> threads_;  // by number
  std::uint64_t next_number_ = 0;
};

}  // namespace headrace::pipeline
