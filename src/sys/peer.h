// What portable interfaces to sockets leave out.
#pragma once

namespace headrace::sys {

// Whether the peer has sent its last byte or is gone, though bytes that it sent before may still be
// unread. Never blocks, reads nothing.
bool peer_closed(int fd);

// Programs that this process starts do not get the descriptor. A socket that lived on in a worker
// would keep a client waiting for a connection that was closed long ago.
void keep_from_children(int fd);

}  // namespace headrace::sys
