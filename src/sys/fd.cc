#include "sys/fd.h"

#include <unistd.h>

namespace headrace::sys {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

}  // namespace headrace::sys
