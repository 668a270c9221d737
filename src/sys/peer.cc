#include "sys/peer.h"

#include <fcntl.h>
#include <poll.h>

namespace headrace::sys {

bool peer_closed(int fd) {
  pollfd what{fd, POLLRDHUP, 0};
  return ::poll(&what, 1, 0) > 0 && what.revents != 0;
}

void keep_from_children(int fd) {
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace headrace::sys
