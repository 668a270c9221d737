// Looks after a running job: what it uses of its container, and what has to be done about it.
//
// Owns the looking (control groups, /proc) and the doing (a fleet's workers); what is to be done is
// decided by plan/governor.h. Called by the owner of the fleet, on the fleet's thread. Looks about
// once a second, more often while memory runs short, and costs about a thousandth of a core (docs/governor.md).
#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "plan/governor.h"
#include "supervisor/fleet.h"
#include "sys/cgroup.h"
#include "sys/process.h"

namespace headrace::supervisor {

// What it saw last, and what has come together since the start.
struct Readings {
  Cpus budget{};
  Cpus used{};                          // by supervisor and workers, over the last second
  Cpus own{};                           // of that by the supervisor
  std::optional<double> throttled{};    // share of the last second's periods
  std::optional<Bytes> memory_limit{};  // the nearest one
  Bytes memory_in_use{};                // against it, page cache left out
  Bytes memory_peak{};                  // the most of that seen
  std::optional<Bytes> peak_limit{};    // what it was against then
  Bytes workers_memory{};               // private to all workers together
  std::optional<sys::Pressure> cpu_pressure{};
  std::optional<sys::Pressure> memory_pressure{};
  std::uint64_t oom_kills = 0;          // in the container since the start
  std::uint64_t throttled_periods = 0;  // since the start
  std::uint64_t periods = 0;
  std::chrono::nanoseconds throttled_time{0};
  std::chrono::milliseconds held{0};  // how long nothing was handed out
  std::vector<Bytes> shares{};        // PSS by worker, seldom; 0: not read yet
  std::uint64_t looks = 0;
  std::chrono::nanoseconds cost{0};  // time spent on looking and deciding
  // Of the whole container, of which this job may have only a share.
  struct Whole {
    Cpus budget{};
    std::optional<Bytes> group_limit{};  // the nearest of a control group
    Bytes group_in_use{};                // against it, by everybody in it
    std::optional<Bytes> own_limit{};    // that the user set for all jobs together
    std::optional<Bytes> available{};    // of the machine's memory
  };
  Whole whole{};
};

// An act, for the summary.
struct Intervention {
  double seconds = 0;  // since the start
  std::string text;
};

class Watch {
 public:
  enum class Mode : unsigned char {
    act,   // look and act
    look,  // only look
  };
  struct Settings {
    Mode mode = Mode::act;
    plan::Wishes wishes{};
    unsigned threads = 1;  // of each worker
    unsigned streams = 1;  // in each worker
    unsigned spare = 0;    // workers beyond those that are fed (FleetSettings)
    bool gives_up = true;  // the job, when not one worker fits; otherwise only before one was ready
    // How a container with these facts would be planned now.
    struct Planned {
      Cpus cpus{};
      Bytes memory{};  // the limit
      unsigned workers = 1;
      unsigned threads = 1;  // of each
      // What the container gives to all jobs in it, where this one has a share; none: it has all.
      std::optional<Cpus> whole_cpus{};
      std::optional<Bytes> whole_memory{};
    };

    std::function<Planned(const sys::CgroupFacts&)> plan{};
    std::function<Start(unsigned threads)> start{};
    // For a job that does not fit: what there should be, by what is known of it.
    std::function<std::string(Bytes taken)> advice{};
    // A limit that the user set for this job alone.
    std::optional<Bytes> own_limit{};
    // Of the control groups' files, as sys/cgroup.h has it: "" but for tests.
    std::string root{};
  };
  // Fleet and log outlive it.
  Watch(Settings settings, Fleet& fleet, spdlog::logger& log);

  // Looks and acts if it is time; `items` are done in all. Returns how long the next call may wait.
  std::chrono::milliseconds step(Clock::time_point now, std::uint64_t items);
  // Counts what has happened since the last look; at the end of a job.
  void conclude(Clock::time_point now) { look(now); }
  // The owner has changed what each worker is.
  void set_threads(unsigned threads) { settings_.threads = threads; }
  unsigned threads() const { return settings_.threads; }
  // The job is nearly over: from now on no worker is added, and none replaced but in need.
  void let_run_out() { runs_out_ = true; }

  const Readings& readings() const { return readings_; }
  // Of one worker's process, at the last look; nothing while there is none.
  struct Use {
    Bytes memory{};  // private to it
    Cpus cpus{};
  };
  Use use_of(std::uint32_t worker) const;
  // The first hundred.
  const std::vector<Intervention>& interventions() const { return interventions_; }
  // The last hundred, oldest first.
  const std::deque<Intervention>& last_interventions() const { return last_interventions_; }
  std::uint64_t acts() const { return acts_; }

 private:
  struct Known {  // of one worker's process
    int pid = 0;
    Bytes memory{};
    Bytes baseline{};
    double cpu_seconds = 0;
    Cpus used{};
    std::optional<sys::RunTimes> run_times{};  // when appetite was read last
    Clock::time_point share_read{};
  };
  Known& of(const Worker& worker);

  void look(Clock::time_point now);
  void look_at_workers();
  void notice_time(Clock::time_point now);
  void count_cpu(double passed);
  void read_share(Clock::time_point now);
  void count_throttling();
  void read_appetite(Clock::time_point now);
  void take_plan();
  void nearest_limit();
  bool offer_limit(Bytes limit, Bytes in_use);
  bool glance(Clock::time_point now);
  void notice_kernel_kills(Clock::time_point now);
  plan::Sight sight(Clock::time_point now, std::uint64_t items);
  void act(const plan::Decision& decision, Clock::time_point now);
  void refuse(const std::string& why, Bytes taken);
  void record(Clock::time_point now, std::string text);
  double seconds(Clock::time_point now) const {
    return std::chrono::duration<double>(now - begin_).count();
  }

  Settings settings_;
  Fleet& fleet_;
  spdlog::logger& log_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point next_look_;  // of any kind
  Clock::time_point next_glance_;
  std::optional<std::size_t>
      glances_;                  // at this level of memory; none: there is no limit to run into
  Clock::time_point last_look_;  // of any kind
  Clock::time_point last_full_;  // when everything was read
  sys::CgroupFacts facts_;
  std::optional<sys::Throttling> throttling_;  // as it was then
  std::optional<double> appetite_;             // plan::Sight has it
  std::optional<Clock::time_point> appetite_read_;
  std::vector<Known> known_;  // by worker
  std::size_t turn_ = 0;      // the worker that is looked at first
  std::vector<plan::WorkerSight> sights_;
  std::optional<Settings::Planned> planned_;
  Readings readings_;
  plan::History history_;
  std::vector<Intervention> interventions_;
  std::deque<Intervention> last_interventions_;
  std::uint64_t acts_ = 0;
  std::string last_text_;
  double own_seconds_ = 0;  // CPU time of this process, then
  bool runs_out_ = false;
  std::uint64_t kernel_kills_ = 0;
  std::uint64_t restarts_ = 0;
  unsigned kills_while_loading_ = 0;
};

}  // namespace headrace::supervisor
