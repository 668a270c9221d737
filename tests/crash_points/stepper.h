// Kills a process at every instruction of one operation.
//
// "What if it is killed here?" is a question for every line of code that several processes share.
// Random kills answer it for the lines where much time passes; the others are where mistakes hide.
// Here a child process is single-stepped (ptrace) through an operation, killed after k instructions,
// reaped, and then a check looks at the shared memory that it left; k = 0, 1, 2, ... to the end.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace headrace::crash_points {

// One life and death: what it needs is set up, afresh each time, by whoever constructs it.
class Trial {
 public:
  Trial();
  virtual ~Trial();
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  // In the child. One thread, no allocation if the steps are not to be spent there.
  virtual void operate() = 0;
  // In the parent, after the child was killed and reaped.
  virtual void check() = 0;
  // The memory that outlives the child; for Where::every_change.
  virtual std::span<const std::byte> memory() const = 0;

  // What the child tells the check about how far it came; 0 at first.
  std::atomic<std::uint64_t>& progress() const { return *progress_; }

 private:
  std::atomic<std::uint64_t>* progress_;
};

enum class Where : unsigned char {
  every_instruction,
  // After each instruction that changed memory() or progress(). As good, because nothing else
  // outlives the child, so the deaths between two changes are all alike; and much faster.
  every_change,
};

struct Sweep {
  std::size_t instructions = 0;  // from the beginning to the end of the operation
  std::size_t kills = 0;
  bool finished = false;  // false: it ended otherwise than by coming to its end
};

// `fresh` makes a trial for each kill. Prints one line. Stops early at a failed assertion.
Sweep kill_everywhere(const std::string& name, Where where,
                      const std::function<std::unique_ptr<Trial>()>& fresh);

// Empty, or why processes cannot be stepped here (a sandbox, a sanitizer).
std::string cannot_step();

// HEADRACE_CRASH_POINTS=full: also the long forms.
bool full_size();

}  // namespace headrace::crash_points
