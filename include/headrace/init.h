// The one line that a program which uses Pool owes it.
//
//     int main(int argc, char** argv) {
//       headrace::init(argc, argv);
//       ...
//
// Why: a worker is this same program, started anew. It must become a worker before the program's own
// main() opens files, starts threads or parses options. A forked copy would need no such line, but
// inherits locks whose owners do not exist in it; a hook that runs before main() would find static
// objects of other files not yet constructed. In a worker, init() never returns.
//
// Pool's constructor throws std::logic_error when this line was forgotten.
#pragma once

namespace headrace {

void init(int argc, char** argv);

// Whether this process is a worker of a Pool.
bool in_worker();

}  // namespace headrace
