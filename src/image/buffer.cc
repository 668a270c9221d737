#include "image/buffer.h"

namespace headrace::image {

std::byte* Buffer::at_least(std::size_t bytes) {
  if (bytes > size_) {
    release_over(0);  // first, so that the old and the new block never exist together
    block_.reset(
        static_cast<std::byte*>(::operator new[](aligned(bytes), std::align_val_t{kAlign})));
    size_ = aligned(bytes);
  }
  return block_.get();
}

void Buffer::release_over(std::size_t bytes) {
  if (size_ <= bytes) return;
  block_.reset();
  size_ = 0;
}

}  // namespace headrace::image
