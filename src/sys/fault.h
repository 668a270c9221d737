// Last words of a process that is about to die of a bad address.
#pragma once

namespace headrace::sys {

// From now on, a store to memory that may only be read sends one message on the socket, `first`
// and a sentence, before it kills this process as it would have done anyway. Under the address
// sanitizer nothing is changed: it has more to say.
void tell_before_fault(int socket, char first);

}  // namespace headrace::sys
