// What may take long is done beside the server's one thread.
//
// A model's files may lie on a network share that answers slowly, or never: read by the one thread, they
// would hold up every request. So somebody else reads them. Who hangs is left behind when the server ends,
// since nothing can end it; so what runs there must own all that it touches, and the process must not
// go on to destroy what is static while busy().
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

namespace headrace::server {

class Aside {
 public:
  // At once; past that something hangs, and more of it would not help.
  static constexpr unsigned kMost = 4;

  explicit Aside(boost::asio::io_context& io);
  Aside(const Aside&) = delete;
  Aside& operator=(const Aside&) = delete;
  // What still runs goes on, and its sequel never comes.
  ~Aside();

  // On the io_context's thread, after the work.
  using Sequel = std::function<void()>;
  using Work = std::function<Sequel()>;
  // Runs it on a thread of its own. False, and nothing happens, when kMost are under way. Work that
  // throws has no sequel. Once this is gone a sequel is dropped on the work's thread: it may hold
  // nothing that belongs to this one.
  bool run(Work work);
  bool busy() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace headrace::server
