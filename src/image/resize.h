// Scales planes with zimg: antialiased as Pillow's resize, only the region that is needed, to
// floats.
//
// Planning a scaling (zimg's filter tables) costs more than carrying it out, so plans are kept:
// pictures in one folder tend to share their sizes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/buffer.h"
#include "image/decoded.h"
#include "image/geometry.h"
#include "image/recipe.h"

struct zimg_filter_graph;

namespace headrace::image {

class Resizer {
 public:
  explicit Resizer(Filter filter);
  ~Resizer();
  Resizer(Resizer&&) noexcept;
  Resizer& operator=(Resizer&&) noexcept;

  // Scales `region` (in samples of `plane`) to `size`, into `out`: rows of samples,
  // stride(size.width) apart, aligned to kAlign, 0..65535 for 0..255. 16 bits and not floats,
  // because Pillow cuts off between its two passes what a bicubic filter overshoots, and so it is
  // here. The error says what zimg said.
  Result<Ok, std::string> resize(const Plane& plane, const Region& region, Size size,
                                 std::uint16_t* out);

  static std::size_t stride(std::uint32_t width) {
    return aligned(width * sizeof(std::uint16_t)) / sizeof(std::uint16_t);
  }

 private:
  struct Free {
    void operator()(zimg_filter_graph* graph) const;
  };
  using Graph = std::unique_ptr<zimg_filter_graph, Free>;
  struct Plan {
    Size from;
    Region region;
    Size to;
    Graph graph;
    std::uint64_t last_used = 0;
  };

  Graph build(Size from, const Region& region, Size to) const;
  // The plan, kept or new; null when zimg refuses. Valid until the next call.
  const zimg_filter_graph* plan(Size from, const Region& region, Size to);

  Filter filter_;
  std::vector<Plan> plans_;
  std::uint64_t clock_ = 0;
  Buffer work_;
};

}  // namespace headrace::image
