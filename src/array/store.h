// Where one process makes its arrays: a list of segments of its own, bounded in bytes.
//
// Touching fresh memory is what makes large arrays slow (about 1 GiB/s), so freed blocks are used
// again before a new segment is made, and a new segment is populated at once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "array/own_segment.h"
#include "array/segment.h"

namespace headrace::array {

struct StoreSettings {
  Bytes segment = 64_MiB;       // the usual size of a segment; larger arrays get one of their own
  Bytes first_segment = 8_MiB;  // segments grow from this to `segment`, each as large as all before
  Bytes limit = {~std::uint64_t{0}};  // of all own segments together
  std::uint32_t blocks = 4096;        // a segment
};

// What the store needs from its process.
struct StoreWorld {
  shm::Participant self = {};
  Mentions mentions = {};
  // Tells the others of a new segment; called before any block of it can leave the process. An
  // error ends the allocation with that error.
  std::function<Status(const std::shared_ptr<Segment>&)> announce = {};
  // Tells that the store dropped an empty segment of its own, to make room for another one.
  // May be left out.
  std::function<void(std::uint64_t id)> retire = {};
  // How much memory the process may still take, for instance from its control group. May be left
  // out.
  std::function<Bytes()> memory_left = {};
};

// Thread-safe. The callbacks are called with the store's lock held: they must not call the store.
class ArrayStore {
 public:
  ArrayStore(StoreSettings settings, StoreWorld world);

  struct Loan {
    std::shared_ptr<Segment> segment;
    shm::BlockName name;
    Extent extent;
    bool fresh = false;  // still all zeros
  };
  // A block that the process holds (its bit is set) and may write. Contents as they happen to be.
  Result<Loan> allocate(Bytes bytes);
  // Frees what nothing refers to, in all segments. Returns how many blocks. allocate() does so by
  // itself when there is no room.
  std::size_t collect();

  // The same, and drops the segments that are empty then. Gives their memory back once every other
  // process has dropped them too.
  void trim();

  std::vector<std::shared_ptr<Segment>> segments() const;
  // Of all own segments, used or not.
  Bytes reserved() const;
  std::size_t used_blocks() const;

 private:
  std::optional<Loan> from_existing(Bytes bytes);
  Result<Bytes> size_of_next(Bytes bytes);  // of a segment that has room for `bytes`
  Status add_segment(Bytes bytes);
  void drop_empty_segments();
  std::size_t collect_all();
  Bytes reserved_now() const;

  const StoreSettings settings_;
  const StoreWorld world_;
  mutable std::mutex mutex_;
  std::vector<OwnSegment> segments_;  // guarded by mutex_
};

}  // namespace headrace::array
