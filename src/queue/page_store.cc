#include "queue/page_store.h"

#include <algorithm>
#include <cstring>

namespace headrace::queue {

bool PageStore::is_free(std::uint64_t word) const {
  const PageHolder holder = PageHolder::from(word);
  if (holder.index >= memory_.settings().records) return true;  // nobody, or nonsense
  const Control control = Control::from(memory_.record(holder.index).control.load());
  return control.generation != holder.generation;
}

bool PageStore::has_free(std::uint32_t count, std::uint32_t from) const {
  const std::uint32_t pages = memory_.settings().pages;
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < pages && found < count; ++i) {
    if (is_free(memory_.page_entry((from + i) % pages).holder.load())) ++found;
  }
  return found == count;
}

std::uint32_t PageStore::claim(const PageHolder& holder, std::uint32_t count,
                               std::atomic<std::uint32_t>& hint) {
  const std::uint32_t pages = memory_.settings().pages;
  const std::uint32_t from = hint.load(std::memory_order_relaxed);
  std::uint32_t first = 0;
  for (std::uint32_t i = 0; i < pages && count > 0; ++i) {
    const std::uint32_t page = (from + i) % pages;
    PageFormat& entry = memory_.page_entry(page);
    std::uint64_t word = entry.holder.load();
    if (!is_free(word) || !entry.holder.compare_exchange_strong(word, holder.word())) continue;
    entry.next = first;
    first = page + 1;
    --count;
    hint.store(first % pages, std::memory_order_relaxed);
  }
  return count == 0 ? first : 0;
}

void PageStore::write(std::uint32_t first, std::span<const std::byte> bytes) {
  const std::size_t page_bytes = memory_.settings().page_bytes;
  for (std::uint32_t page = first; !bytes.empty() && page - 1 < memory_.settings().pages;
       page = memory_.page_entry(page - 1).next) {
    const std::size_t length = std::min(bytes.size(), page_bytes);
    std::memcpy(memory_.page(page - 1), bytes.data(), length);
    bytes = bytes.subspan(length);
  }
}

bool PageStore::read(std::uint32_t first, const PageHolder& holder, std::uint64_t length,
                     std::vector<std::byte>& out) const {
  // The length falls with each page, so a chain that bites its tail ends too.
  for (std::uint32_t page = first; length > 0; page = memory_.page_entry(page - 1).next) {
    if (page - 1 >= memory_.settings().pages) return false;
    if (memory_.page_entry(page - 1).holder.load() != holder.word()) return false;
    const std::uint64_t part = std::min<std::uint64_t>(length, memory_.settings().page_bytes);
    const std::byte* bytes = memory_.page(page - 1);
    out.insert(out.end(), bytes, bytes + part);
    length -= part;
  }
  return true;
}

std::uint32_t PageStore::held() const {
  std::uint32_t count = 0;
  for (std::uint32_t page = 0; page < memory_.settings().pages; ++page) {
    if (!is_free(memory_.page_entry(page).holder.load())) ++count;
  }
  return count;
}

}  // namespace headrace::queue
