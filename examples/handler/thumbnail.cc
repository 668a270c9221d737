// Makes small JPEGs of JPEGs, at most 160 pixels on a side:
//
//   headrace run ./libthumbnail.so photos/ --files thumbs/ --out thumbs.jsonl
//
// libjpeg decodes at 1/2, 1/4 or 1/8 of the size at once, which is most of the speed; what is left to
// shrink is averaged. Orientation and colour profiles are left aside.
#include <headrace/handler.h>

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
// After <cstdio>, which it needs.
#include <jpeglib.h>

namespace {

constexpr unsigned kSide = 160;
constexpr std::uint64_t kMostPixels = 100'000'000;

// libjpeg reports errors by a jump: everything with a destructor lives here, outside of its reach.
struct Jpeg {
  struct Errors : jpeg_error_mgr {
    std::jmp_buf back;
    char message[JMSG_LENGTH_MAX];
  } errors;
  jpeg_decompress_struct in{};
  jpeg_compress_struct out{};
  unsigned char* file = nullptr;
  unsigned long size = 0;
  std::vector<unsigned char> pixels, small;

  Jpeg() {
    in.err = out.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr jpeg) {
      auto* self = static_cast<Errors*>(jpeg->err);
      self->format_message(jpeg, self->message);
      std::longjmp(self->back, 1);
    };
    errors.emit_message = [](j_common_ptr, int) {};
  }
  ~Jpeg() {
    jpeg_destroy_decompress(&in);
    jpeg_destroy_compress(&out);
    std::free(file);
  }
};

void decode(Jpeg& jpeg, std::span<const std::byte> bytes) {
  jpeg_decompress_struct& in = jpeg.in;
  jpeg_create_decompress(&in);
  jpeg_mem_src(&in, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&in, TRUE);
  if (std::uint64_t{in.image_width} * in.image_height > kMostPixels) return;
  const unsigned side = std::max(in.image_width, in.image_height);
  for (in.scale_num = in.scale_denom = 1; in.scale_denom < 8 && side / in.scale_denom >= 2 * kSide;)
    in.scale_denom *= 2;
  in.out_color_space = JCS_RGB;
  jpeg_start_decompress(&in);
  jpeg.pixels.resize(std::size_t{3} * in.output_width * in.output_height);
  while (in.output_scanline < in.output_height) {
    JSAMPROW row = jpeg.pixels.data() + std::size_t{3} * in.output_width * in.output_scanline;
    jpeg_read_scanlines(&in, &row, 1);
  }
}

// Each pixel of the thumbnail is the mean of `step` x `step` others.
void shrink(Jpeg& jpeg) {
  const unsigned width = jpeg.in.output_width, height = jpeg.in.output_height;
  const unsigned step = (std::max(width, height) + kSide - 1) / kSide;
  jpeg.out.image_width = std::max(width / step, 1U);
  jpeg.out.image_height = std::max(height / step, 1U);
  const unsigned across = std::min(step, width), down = std::min(step, height);
  for (unsigned y = 0; y < jpeg.out.image_height; ++y) {
    for (unsigned i = 0; i < 3 * jpeg.out.image_width; ++i) {
      unsigned sum = 0;
      for (unsigned k = 0; k < across * down; ++k) {
        const std::size_t row = y * step + k / across, column = i / 3 * step + k % across;
        sum += jpeg.pixels[(row * width + column) * 3 + i % 3];
      }
      jpeg.small.push_back(static_cast<unsigned char>(sum / (across * down)));
    }
  }
}

void encode(Jpeg& jpeg) {
  jpeg_compress_struct& out = jpeg.out;
  const unsigned width = out.image_width, height = out.image_height;
  jpeg_create_compress(&out);
  jpeg_mem_dest(&out, &jpeg.file, &jpeg.size);
  out.image_width = width;
  out.image_height = height;
  out.input_components = 3;
  out.in_color_space = JCS_RGB;
  jpeg_set_defaults(&out);
  jpeg_start_compress(&out, TRUE);
  while (out.next_scanline < height) {
    JSAMPROW row = jpeg.small.data() + std::size_t{3} * width * out.next_scanline;
    jpeg_write_scanlines(&out, &row, 1);
  }
  jpeg_finish_compress(&out);
}

headrace::HandlerResult thumbnail(std::span<const std::byte> bytes, std::string_view) {
  using headrace::HandlerError;
  using headrace::HandlerResult;
  if (bytes.size() < 3 || bytes[0] != std::byte{0xff} || bytes[1] != std::byte{0xd8})
    return HandlerResult::failure(HandlerError::unsupported, "is no JPEG");
  Jpeg jpeg;
  if (setjmp(jpeg.errors.back) != 0)
    return HandlerResult::failure(HandlerError::corrupt, jpeg.errors.message);
  decode(jpeg, bytes);
  if (jpeg.pixels.empty())
    return HandlerResult::failure(HandlerError::too_large, "has more than 100 million pixels");
  shrink(jpeg);
  encode(jpeg);
  return HandlerResult::bytes(std::string(reinterpret_cast<char*>(jpeg.file), jpeg.size));
}

}  // namespace

HEADRACE_HANDLER(thumbnail);
