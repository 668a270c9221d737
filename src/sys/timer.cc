#include "sys/timer.h"

#include <signal.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
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

// What a signal handler needs must lie where it can find it.
std::array<char, 128> last_words_of_all{};
std::size_t last_words_length = 0;
int last_code = 0;

void end_now(int /*signal*/) {
  [[maybe_unused]] const ssize_t lost =
      ::write(STDOUT_FILENO, last_words_of_all.data(), last_words_length);
  ::_exit(last_code);
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

void end_after(std::chrono::milliseconds patience, std::string_view last_words, int code) {
  last_words_length = last_words.copy(last_words_of_all.data(), last_words_of_all.size());
  last_code = code;
  struct sigaction action {};
  action.sa_handler = end_now;
  ::sigaction(SIGALRM, &action, nullptr);
  sigset_t alarm;
  ::sigemptyset(&alarm);
  ::sigaddset(&alarm, SIGALRM);
  ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(patience);
  itimerval when{};
  when.it_value.tv_sec = whole.count();
  when.it_value.tv_usec = std::chrono::microseconds(patience - whole).count();
  ::setitimer(ITIMER_REAL, &when, nullptr);
}

}  // namespace headrace::sys
