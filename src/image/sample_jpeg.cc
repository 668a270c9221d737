#include "image/sample_jpeg.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

// clang-format off
#include <jpeglib.h>  // wants <cstdio> before it
// clang-format on

namespace headrace::image {
namespace {

struct Errors {
  jpeg_error_mgr base;
  std::jmp_buf bail_out;
};

[[noreturn]] void on_error(j_common_ptr common) {
  std::longjmp(reinterpret_cast<Errors*>(common->err)->bail_out, 1);
}

std::vector<JSAMPLE> paint(std::uint32_t width, std::uint32_t height) {
  std::vector<JSAMPLE> rgb;
  rgb.reserve(std::size_t{3} * width * height);
  std::uint32_t grain = 1;
  for (std::uint32_t y = 0; y < height; ++y) {
    for (std::uint32_t x = 0; x < width; ++x) {
      grain = grain * 1'664'525U + 1'013'904'223U;
      const std::uint32_t noise = grain >> 28;
      rgb.push_back(static_cast<JSAMPLE>(x * 230 / width + noise));
      rgb.push_back(static_cast<JSAMPLE>(y * 230 / height + noise));
      rgb.push_back(static_cast<JSAMPLE>((x ^ y) / 8 % 230 + noise));
    }
  }
  return rgb;
}

// Holds nothing with a destructor, which an error would jump over.
bool encode(JSAMPLE* rgb, std::uint32_t width, std::uint32_t height, unsigned char** bytes,
            unsigned long* size) {
  jpeg_compress_struct jpeg{};
  Errors errors{};
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = on_error;
  if (setjmp(errors.bail_out) != 0) {
    jpeg_destroy_compress(&jpeg);
    return false;
  }
  jpeg_create_compress(&jpeg);
  jpeg_mem_dest(&jpeg, bytes, size);
  jpeg.image_width = width;
  jpeg.image_height = height;
  jpeg.input_components = 3;
  jpeg.in_color_space = JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 85, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  while (jpeg.next_scanline < height) {
    JSAMPROW row = rgb + std::size_t{3} * width * jpeg.next_scanline;
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  return true;
}

}  // namespace

Result<std::string> sample_jpeg(std::uint32_t width, std::uint32_t height) {
  std::vector<JSAMPLE> rgb = paint(width, height);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const bool encoded = encode(rgb.data(), width, height, &bytes, &size);
  const std::unique_ptr<unsigned char, void (*)(void*)> owner(bytes, std::free);
  if (!encoded) return Error{"cannot make a picture to measure with: name an INPUT"};
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace headrace::image
