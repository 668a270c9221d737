// The seccomp rules that container engines put on every container by default, for a test that has no engine.
//
// A program can work everywhere but there: these rules refuse system calls that a bare namespace allows. What is
// allowed is the list of Docker's default profile (moby/profiles, seccomp/default_linux.go, 2026) for x86-64 and a container
// without capabilities; names that this libseccomp does not know are left out, as engines do.
#pragma once

namespace headrace::container {

// Puts the rules on this process and whatever it starts. Takes no_new_privs or CAP_SYS_ADMIN. False: errno says why.
bool put_engine_rules();

}  // namespace headrace::container
