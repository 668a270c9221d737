#include "array/holdings.h"

#include <map>
#include <mutex>
#include <tuple>

#include "sys/process.h"

namespace headrace::array {

struct Holdings::Table {
  using Key = std::tuple<std::uint64_t, std::uint32_t, std::uint32_t>;
  static Key key(const shm::BlockName& name) { return {name.segment, name.block, name.generation}; }
  struct Slot {
    std::weak_ptr<const Held> held;
    const Entry* entry = nullptr;  // only compared
  };
  std::mutex mutex;
  std::map<Key, Slot> slots;  // guarded by mutex
};

class Holdings::Entry : public Held {
 public:
  Entry(std::shared_ptr<Table> table, shm::Participant self, std::shared_ptr<Segment> of,
        const shm::BlockName& name)
      : Held(std::move(of), name), table_(std::move(table)), self_(self), pid_(sys::own_pid()) {}

  ~Entry() override {
    // In a forked child the bit is the parent's, and the mutex may be locked by nobody.
    if (sys::own_pid() != pid_) return;
    const std::lock_guard lock(table_->mutex);
    const auto slot = table_->slots.find(Table::key(name()));
    // Somebody may have taken hold anew since our last owner let go: then the bit is theirs.
    if (slot == table_->slots.end() || slot->second.entry != this) return;
    table_->slots.erase(slot);
    segment()->drop(self_, name());
  }

 private:
  std::shared_ptr<Table> table_;
  shm::Participant self_;
  int pid_;
};

Holdings::Holdings(shm::Participant self) : self_(self), table_(std::make_shared<Table>()) {}

Result<std::shared_ptr<const Held>> Holdings::hold(const std::shared_ptr<Segment>& segment,
                                                   const shm::BlockName& name) {
  const std::lock_guard lock(table_->mutex);
  const auto found = table_->slots.find(Table::key(name));
  if (found != table_->slots.end()) {
    if (std::shared_ptr<const Held> held = found->second.held.lock()) return held;
  }
  if (Status done = segment->hold(self_, name); !done) return done.error();
  const auto entry = std::make_shared<const Entry>(table_, self_, segment, name);
  table_->slots[Table::key(name)] = {.held = entry, .entry = entry.get()};
  return std::shared_ptr<const Held>(entry);
}

std::size_t Holdings::count() const {
  const std::lock_guard lock(table_->mutex);
  return table_->slots.size();
}

}  // namespace headrace::array
