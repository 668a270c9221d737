#include "image/resize.h"

#include <zimg.h>

#include <algorithm>
#include <array>
#include <utility>

namespace headrace::image {
namespace {

// A plan is some 100 KB; looking one up among these is a matter of a microsecond.
constexpr std::size_t kMaxPlans = 64;

std::string what_zimg_said() {
  std::array<char, 256> text{};
  zimg_get_last_error(text.data(), text.size());
  zimg_clear_last_error();
  return text.data();
}

zimg_image_format format_of(Size size, zimg_pixel_type_e type) {
  zimg_image_format format;
  zimg_image_format_default(&format, ZIMG_API_VERSION);
  format.width = size.width;
  format.height = size.height;
  format.pixel_type = type;
  format.pixel_range = ZIMG_RANGE_FULL;
  format.depth = type == ZIMG_PIXEL_BYTE ? 8 : 16;
  return format;
}

}  // namespace

void Resizer::Free::operator()(zimg_filter_graph* graph) const {
  zimg_filter_graph_free(graph);
}

Resizer::Resizer(Filter filter) : filter_(filter) {
  plans_.reserve(kMaxPlans);
}
Resizer::~Resizer() = default;
Resizer::Resizer(Resizer&&) noexcept = default;
Resizer& Resizer::operator=(Resizer&&) noexcept = default;

Resizer::Graph Resizer::build(Size from, const Region& region, Size to) const {
  zimg_image_format source = format_of(from, ZIMG_PIXEL_BYTE);
  source.active_region.left = region.left;
  source.active_region.top = region.top;
  source.active_region.width = region.width;
  source.active_region.height = region.height;
  const zimg_image_format target = format_of(to, ZIMG_PIXEL_WORD);
  zimg_graph_builder_params params;
  zimg_graph_builder_params_default(&params, ZIMG_API_VERSION);
  params.cpu_type = ZIMG_CPU_AUTO_64B;
  params.resample_filter = ZIMG_RESIZE_BILINEAR;
  if (filter_ == Filter::bicubic) {
    params.resample_filter = ZIMG_RESIZE_BICUBIC;
    params.filter_param_a = 0;    // b and c of Mitchell and Netravali: together Keys' cubic with
    params.filter_param_b = 0.5;  // a = -0.5, which is Pillow's
  }
  return Graph(zimg_filter_graph_build(&source, &target, &params));
}

const zimg_filter_graph* Resizer::plan(Size from, const Region& region, Size to) {
  ++clock_;
  for (Plan& plan : plans_) {
    if (plan.from == from && plan.to == to && plan.region == region) {
      plan.last_used = clock_;
      return plan.graph.get();
    }
  }
  Graph graph = build(from, region, to);
  if (!graph) return nullptr;
  if (plans_.size() == kMaxPlans) {
    const auto oldest =
        std::min_element(plans_.begin(), plans_.end(),
                         [](const Plan& a, const Plan& b) { return a.last_used < b.last_used; });
    *oldest = std::move(plans_.back());
    plans_.pop_back();
  }
  plans_.push_back({from, region, to, std::move(graph), clock_});
  return plans_.back().graph.get();
}

Result<Ok, std::string> Resizer::resize(const Plane& plane, const Region& region, Size size,
                                        std::uint16_t* out) {
  const zimg_filter_graph* const graph = plan(plane.size, region, size);
  if (!graph) return what_zimg_said();
  std::size_t work_bytes = 0;
  zimg_filter_graph_get_tmp_size(graph, &work_bytes);

  zimg_image_buffer_const source{};
  source.version = ZIMG_API_VERSION;
  source.plane[0].data = plane.data;
  source.plane[0].stride = static_cast<std::ptrdiff_t>(plane.stride);
  source.plane[0].mask = ZIMG_BUFFER_MAX;
  zimg_image_buffer target{};
  target.version = ZIMG_API_VERSION;
  target.plane[0].data = out;
  target.plane[0].stride = static_cast<std::ptrdiff_t>(stride(size.width) * sizeof(std::uint16_t));
  target.plane[0].mask = ZIMG_BUFFER_MAX;
  if (zimg_filter_graph_process(graph, &source, &target, work_.at_least(work_bytes), nullptr,
                                nullptr, nullptr, nullptr) != ZIMG_ERROR_SUCCESS) {
    return what_zimg_said();
  }
  return Ok{};
}

}  // namespace headrace::image
