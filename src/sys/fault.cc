#include "sys/fault.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include <array>

namespace headrace::sys {
namespace {

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// What a signal handler needs must lie where it can find it.
int last_words_socket = -1;
std::array<char, 96> last_words{};

void speak(int /*signal*/, siginfo_t* info, void* /*context*/) {
  if (info->si_code == SEGV_ACCERR) {
    ::send(last_words_socket, last_words.data(), ::strlen(last_words.data()),
           MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  // The default action is in place again (SA_RESETHAND): the same instruction ends us now. A signal
  // that somebody sent does not come again by itself.
  if (info->si_code <= 0) ::raise(SIGSEGV);
}
#endif

}  // namespace

void tell_before_fault([[maybe_unused]] int socket, [[maybe_unused]] char first) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  last_words_socket = socket;
  last_words[0] = first;
  ::strncpy(&last_words[1], "it wrote to memory that is read-only, such as a frozen SharedArray",
            last_words.size() - 2);
  struct sigaction action {};
  action.sa_sigaction = speak;
  action.sa_flags = SA_SIGINFO | static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGSEGV, &action, nullptr);
#endif
}

}  // namespace headrace::sys
