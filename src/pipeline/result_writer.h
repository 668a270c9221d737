// Brings lines of results to their file, on a thread of its own.
//
// On a network share a write may take seconds, and for ever once the share is gone; an error may pass
// within a minute, or come a minute late. The supervisor must look after its workers meanwhile, so it
// only hands lines over. The thread writes them, has the file system sync them every second, and holds
// them until then: whatever fails is written again, at the same place, until it is there or patience
// ends. Then the file is cut back to the lines that are kept, and the run ends with the reason.
//
// Bounded: in lines that wait, and in bytes that are held. Owns the thread; one that hangs in a call is
// left behind, and touches nothing of ours any more, nor the file once its call is over. Never counts a line as kept before it is synced.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"
#include "sys/files.h"

namespace headrace::pipeline {

class ResultWriter {
 public:
  using Clock = std::chrono::steady_clock;
  struct Settings {
    // How long errors that may pass are waited out, and how long one call to a file may take, which is
    // 3 s at least. A stream's reader may take as long as it likes.
    std::chrono::milliseconds patience{300'000};
    std::size_t most_waiting = 512 << 10;  // bytes handed over; more come only from items in flight
    std::size_t most_held = 1 << 20;       // bytes that are not synced
    std::chrono::milliseconds sync_every{1'000};
    // Between two writes, so that lines are written in lots.
    std::chrono::milliseconds gather{20};
  };
  // What keeps lines from their file.
  struct Trouble {
    Clock::time_point since{};
    std::string error{};  // empty: a call has not come back yet
  };

  ResultWriter(sys::RecordFile file, Settings settings);
  ~ResultWriter();
  ResultWriter(const ResultWriter&) = delete;
  ResultWriter& operator=(const ResultWriter&) = delete;

  // Takes whole lines, `count` of them.
  void give(std::string_view lines, std::uint64_t count);
  // False when enough of them wait; fd() says when that is over.
  bool room() const;
  // Nothing more is given: what is left is written, synced, and the file closed.
  void end();
  // Whether there is nothing more to wait for: all is kept, or never will be.
  bool over() const;
  // Why no more is written.
  std::optional<Error> error() const;
  std::optional<Trouble> trouble() const;
  // Lines that were given, and are not known to be kept.
  std::uint64_t not_kept() const;
  // Nobody waits any longer: what is not there yet is given up. The error says what was lost.
  Status finish();

  // Readable when one of the above has changed.
  int fd() const;
  void heard() const;

 private:
  struct Desk;
  std::shared_ptr<Desk> desk_;  // shared with the thread
  std::thread thread_;
};

}  // namespace headrace::pipeline
