// What one process holds: one bit in shared memory, however many handles the process has.
//
// The first handle of a block sets the process's bit, the last one to go clears it. A forked child
// inherits handles that are its parent's business: there they clear nothing.
#pragma once

#include <memory>

#include "array/segment.h"

namespace headrace::array {

// The process holds this block while one of these lives.
class Held {
 public:
  virtual ~Held() = default;
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  const std::shared_ptr<Segment>& segment() const { return segment_; }
  const shm::BlockName& name() const { return name_; }

 protected:
  Held(std::shared_ptr<Segment> segment, const shm::BlockName& name)
      : segment_(std::move(segment)), name_(name) {}

 private:
  std::shared_ptr<Segment> segment_;
  shm::BlockName name_;
};

// Thread-safe. What it handed out may outlive it. A forked child makes one of its own.
class Holdings {
 public:
  explicit Holdings(shm::Participant self);

  // Something that mentions the block must go on doing so until this returns. An error if there is
  // no such block.
  Result<std::shared_ptr<const Held>> hold(const std::shared_ptr<Segment>& segment,
                                           const shm::BlockName& name);
  std::size_t count() const;  // blocks held
  shm::Participant self() const { return self_; }

 private:
  struct Table;
  class Entry;
  shm::Participant self_;
  std::shared_ptr<Table> table_;
};

}  // namespace headrace::array
