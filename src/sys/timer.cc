#include "sys/timer.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace headrace::sys {
namespace {

void arm(int fd, std::chrono::nanoseconds moment) {
  using namespace std::chrono;
  const auto whole = duration_cast<seconds>(moment);
  itimerspec when{};  // all zeros: never
  when.it_value.tv_sec = whole.count();
  when.it_value.tv_nsec = (moment - whole).count();
  if (::timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, nullptr) != 0)
    throw std::system_error(errno, std::generic_category(), "timerfd_settime");
}

}  // namespace

Timer::Timer() : fd_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!fd_) throw std::system_error(errno, std::generic_category(), "timerfd_create");
}

void Timer::set(std::chrono::steady_clock::time_point moment) {
  using std::chrono::nanoseconds;
  arm(fd_.get(), std::max(nanoseconds(moment.time_since_epoch()), nanoseconds(1)));
}

void Timer::silence() {
  arm(fd_.get(), std::chrono::nanoseconds(0));
}

}  // namespace headrace::sys
