#include "image/jpeg.h"

#include <array>
#include <csetjmp>
#include <cstdio>
#include <new>
#include <string>
#include <string_view>

// clang-format off
#include <jpeglib.h>  // wants <cstdio> before it
#include <jerror.h>   // wants jpeglib.h before it
// clang-format on

namespace headrace::image {
namespace {

// A crafted progressive file may hold thousands of scans, each costing a pass over the whole
// picture.
constexpr int kMaxScans = 500;

// After a scaled decode, the resizer must be left with at least this much to shrink: below,
// libjpeg's sharper scaling shows. At 1.0 one real picture in 30 is more than 2 levels off Pillow's
// result, at 1.75 none is, for some 5 % more time.
constexpr double kLeftToShrink = 1.75;

// Planes are worth their while from here. Below, halved chroma would have to be enlarged, and how
// that is done can be seen: then libjpeg does it, as it does for Pillow.
constexpr double kPlanesFrom = 2.0;

// The most rows that one call of libjpeg yields for one component: 4 blocks of 8.
constexpr unsigned kMaxRows = 32;

bool damages_pixels(int code) {
  switch (code) {
    case JWRN_HIT_MARKER:  // the entropy-coded data ended early; the rest is made up
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC:
      return true;
    default:
      return false;
  }
}

bool unsupported(int code) {
  switch (code) {
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
#if JPEG_LIB_VERSION < 70
    case JERR_ARITH_NOTIMPL:
#endif
    case JERR_CONVERSION_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOT_COMPILED:
      return true;
    default:
      return false;
  }
}

// Rows and columns that a block of 8 x 8 is decoded to. Later versions of the interface have one
// field for each direction; they are equal as long as one scale is asked for.
#if JPEG_LIB_VERSION >= 70
int scaled_size(const jpeg_component_info& component) {
  return component.DCT_h_scaled_size;
}
int least_scaled_size(const jpeg_decompress_struct& jpeg) {
  return jpeg.min_DCT_h_scaled_size;
}
#else
int scaled_size(const jpeg_component_info& component) {
  return component.DCT_scaled_size;
}
int least_scaled_size(const jpeg_decompress_struct& jpeg) {
  return jpeg.min_DCT_scaled_size;
}
#endif

// One row of four inks to red, green and blue. Inks are stored inverted (Adobe's habit, which
// Pillow takes for granted too): 255 is none.
void mix_inks(const std::byte* inks, std::size_t pixels, const std::array<std::byte*, 3>& rgb) {
  const auto* ink = reinterpret_cast<const std::uint8_t*>(inks);
  for (std::size_t x = 0; x < pixels; ++x, ink += 4) {
    const unsigned light = ink[3];
    for (unsigned i = 0; i < 3; ++i) {
      const unsigned dimmed = (255U - ink[i]) * light + 128;
      rgb[i][x] = static_cast<std::byte>(light - (((dimmed >> 8) + dimmed) >> 8));
    }
  }
}

ItemError classify(int code) {
  if (code == JERR_IMAGE_TOO_BIG || code == JERR_WIDTH_OVERFLOW || code == JERR_OUT_OF_MEMORY) {
    return ItemError::too_large;
  }
  return unsupported(code) ? ItemError::unsupported : ItemError::corrupt;
}

}  // namespace

// One libjpeg decompressor and what it reported about the picture at hand.
struct JpegDecoder::Session {
  Session();
  ~Session() { jpeg_destroy_decompress(&jpeg); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs `step`, out of which libjpeg jumps when it fails: nothing with a destructor may live in
  // it.
  template <class Step>
  bool attempt(Step step) {
    if (setjmp(bail_out) != 0) return false;
    step();
    return true;
  }

  DecodeResult decode(const Recipe& recipe, std::uint64_t max_pixels, Scratch& scratch);
  bool read_header(std::span<const std::byte> encoded);
  void choose_scale(double to_shrink);
  DecodeResult decode_planes(Decoded decoded, Buffer& buffer);
  DecodeResult decode_rows(Decoded decoded, Scratch& scratch);
  DecodeResult checked(const Decoded& decoded);
  PictureError failure();
  Turn turn() const;

  static Session& of(j_common_ptr common) { return *static_cast<Session*>(common->client_data); }
  static void on_error(j_common_ptr common);
  static void on_message(j_common_ptr common, int level);
  static void on_progress(j_common_ptr common);

  jpeg_decompress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf bail_out{};
  bool too_many_scans = false;
  bool early_end = false;
  std::array<char, JMSG_LENGTH_MAX> damage{};  // the first warning that cost pixels, or ""
};

JpegDecoder::Session::Session() {
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = on_error;
  errors.emit_message = on_message;
  jpeg.client_data = this;
  // Cannot fail but for want of memory, and then there is nothing to jump to but here.
  if (!attempt([this] { jpeg_create_decompress(&jpeg); })) throw std::bad_alloc();
  jpeg.client_data = this;
  progress.progress_monitor = on_progress;
  jpeg.progress = &progress;
  jpeg_save_markers(&jpeg, JPEG_APP0 + 1, 0xffff);  // EXIF
}

void JpegDecoder::Session::on_error(j_common_ptr common) {
  std::longjmp(of(common).bail_out, 1);
}

void JpegDecoder::Session::on_message(j_common_ptr common, int level) {
  if (level >= 0) return;  // a trace, no warning
  Session& self = of(common);
  const int code = common->err->msg_code;
  if (code == JWRN_JPEG_EOF) self.early_end = true;
  if (damages_pixels(code) && self.damage[0] == 0) {
    common->err->format_message(common, self.damage.data());
  }
}

void JpegDecoder::Session::on_progress(j_common_ptr common) {
  Session& self = of(common);
  if (self.jpeg.input_scan_number <= kMaxScans) return;
  self.too_many_scans = true;
  std::longjmp(self.bail_out, 1);
}

PictureError JpegDecoder::Session::failure() {
  std::array<char, JMSG_LENGTH_MAX> text{};
  errors.format_message(reinterpret_cast<j_common_ptr>(&jpeg), text.data());
  jpeg_abort_decompress(&jpeg);
  if (too_many_scans) {
    return corrupt("JPEG", "more than " + std::to_string(kMaxScans) + " scans");
  }
  const ItemError code = classify(errors.msg_code);
  if (code == ItemError::unsupported)
    return {code, "a JPEG of a rare kind: " + std::string(text.data())};
  if (code == ItemError::too_large) return {code, "JPEG: " + std::string(text.data())};
  return corrupt("JPEG", early_end ? "ends early (" + std::string(text.data()) + ")" : text.data());
}

// The picture, unless libjpeg had to invent a part of it.
DecodeResult JpegDecoder::Session::checked(const Decoded& decoded) {
  // The last scan may end without a marker, but a missing scan, or arithmetic codes that libjpeg
  // goes on decoding from zeros, leave no other trace than the early end.
  const bool whole_file_needed = jpeg_has_multiple_scans(&jpeg) != 0 || jpeg.arith_code != 0;
  jpeg_abort_decompress(&jpeg);
  if (early_end && (whole_file_needed || damage[0] != 0)) return corrupt("JPEG", "ends early");
  if (damage[0] != 0) return corrupt("JPEG", damage.data());
  return decoded;
}

Turn JpegDecoder::Session::turn() const {
  constexpr std::string_view kExif("Exif\0\0", 6);
  for (const jpeg_marker_struct* marker = jpeg.marker_list; marker; marker = marker->next) {
    const auto bytes = std::as_bytes(std::span(marker->data, marker->data_length));
    const std::string_view text(reinterpret_cast<const char*>(marker->data), marker->data_length);
    if (text.starts_with(kExif)) return turn_from_exif(bytes);
  }
  return {};
}

bool JpegDecoder::Session::read_header(std::span<const std::byte> encoded) {
  too_many_scans = early_end = false;
  damage[0] = 0;
  return attempt([&] {
    jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(encoded.data()), encoded.size());
    jpeg_read_header(&jpeg, TRUE);
  });
}

// Halving, quartering and an eighth are what libjpeg does with vector instructions.
void JpegDecoder::Session::choose_scale(double to_shrink) {
  jpeg.scale_denom = 8;
  jpeg.scale_num = 8;
  while (jpeg.scale_num > 1 && to_shrink * jpeg.scale_num / 2 / 8 >= kLeftToShrink) {
    jpeg.scale_num /= 2;
  }
}

DecodeResult JpegDecoder::Session::decode(const Recipe& recipe, std::uint64_t max_pixels,
                                          Scratch& scratch) {
  Decoded decoded;
  decoded.size = {jpeg.image_width, jpeg.image_height};
  decoded.turn = turn();
  if (auto fits = check_pixels("JPEG", decoded.size, max_pixels); !fits) {
    jpeg_abort_decompress(&jpeg);
    return fits.error();
  }
  const double to_shrink = shrink(place(recipe, turned(decoded.size, decoded.turn)));
  choose_scale(to_shrink);
  switch (jpeg.jpeg_color_space) {
    case JCS_GRAYSCALE:
      decoded.colors = Colors::gray;
      break;
    case JCS_RGB:
      decoded.colors = Colors::rgb;
      break;
    case JCS_YCbCr:
      decoded.colors = recipe.color == ColorOrder::gray ? Colors::gray : Colors::ycc_full;
      break;
    case JCS_CMYK:
    case JCS_YCCK:
      decoded.colors = Colors::rgb;
      return decode_rows(decoded, scratch);
    default:
      jpeg_abort_decompress(&jpeg);
      return PictureError{ItemError::unsupported, "a JPEG of a rare kind: it has " +
                                                      std::to_string(jpeg.num_components) +
                                                      " colour components"};
  }
  // Where the picture must be enlarged, how the chroma is upsampled can be seen: libjpeg's way is
  // Pillow's.
  if (decoded.colors == Colors::ycc_full && to_shrink < kPlanesFrom)
    return decode_rows(decoded, scratch);
  return decode_planes(decoded, scratch.planes);
}

// The planes as they are stored, without upsampling of chroma and conversion of colours.
DecodeResult JpegDecoder::Session::decode_planes(Decoded decoded, Buffer& buffer) {
  jpeg.raw_data_out = TRUE;
  jpeg.do_block_smoothing = FALSE;
  jpeg.out_color_space = jpeg.jpeg_color_space;
  for (int i = static_cast<int>(decoded.plane_count()); i < jpeg.num_components; ++i) {
    jpeg.comp_info[i].component_needed = FALSE;
  }
  if (!attempt([&] { jpeg_start_decompress(&jpeg); })) return failure();

  std::array<std::size_t, 3> starts{};
  std::size_t bytes = 0;
  for (unsigned i = 0; i < decoded.plane_count(); ++i) {
    const jpeg_component_info& component = jpeg.comp_info[i];
    const auto block = static_cast<std::size_t>(scaled_size(component));
    Plane& plane = decoded.planes[i];
    plane.size = {component.downsampled_width, component.downsampled_height};
    plane.stride = aligned(component.width_in_blocks * block);
    plane.scale_x =
        component.h_samp_factor * static_cast<double>(block) / (8 * jpeg.max_h_samp_factor);
    plane.scale_y =
        component.v_samp_factor * static_cast<double>(block) / (8 * jpeg.max_v_samp_factor);
    starts[i] = bytes;
    bytes += plane.stride * jpeg.total_iMCU_rows * component.v_samp_factor * block;
  }
  std::byte* const base = buffer.at_least(bytes);
  std::array<JSAMPROW, 3> next{};
  for (unsigned i = 0; i < decoded.plane_count(); ++i) {
    decoded.planes[i].data = base + starts[i];
    next[i] = reinterpret_cast<JSAMPROW>(base + starts[i]);
  }

  const bool done = attempt([&] {
    const auto lines = static_cast<JDIMENSION>(jpeg.max_v_samp_factor * least_scaled_size(jpeg));
    std::array<std::array<JSAMPROW, kMaxRows>, 3> rows;
    std::array<JSAMPARRAY, 3> table = {rows[0].data(), rows[1].data(), rows[2].data()};
    while (jpeg.output_scanline < jpeg.output_height) {
      for (unsigned i = 0; i < decoded.plane_count(); ++i) {
        const int count = jpeg.comp_info[i].v_samp_factor * scaled_size(jpeg.comp_info[i]);
        for (int row = 0; row < count; ++row, next[i] += decoded.planes[i].stride) {
          rows[i][static_cast<unsigned>(row)] = next[i];
        }
      }
      jpeg_read_raw_data(&jpeg, table.data(), lines);
    }
  });
  return done ? checked(decoded) : failure();
}

// The pixels as libjpeg upsamples and converts them.
DecodeResult JpegDecoder::Session::decode_rows(Decoded decoded, Scratch& scratch) {
  const bool inks = jpeg.num_components == 4;
  jpeg.out_color_space = inks ? JCS_CMYK : JCS_EXT_RGBX;
  if (!attempt([&] { jpeg_start_decompress(&jpeg); })) return failure();
  const Size whole = decoded.size;
  decoded.colors = Colors::rgb;
  decoded.size = {jpeg.output_width, jpeg.output_height};
  std::array<std::byte*, 3> rgb = lay_out_full_planes(decoded, scratch.planes);
  for (Plane& plane : decoded.planes) plane.scale_x = plane.scale_y = jpeg.scale_num / 8.0;
  decoded.size = whole;
  std::byte* const packed = scratch.packed.at_least(std::size_t{4} * jpeg.output_width);

  const bool done = attempt([&] {
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW rows[] = {reinterpret_cast<JSAMPROW>(packed)};
      jpeg_read_scanlines(&jpeg, rows, 1);
      if (inks) {
        mix_inks(packed, jpeg.output_width, rgb);
      } else {
        part_rgbx(packed, jpeg.output_width, rgb);
      }
      for (unsigned i = 0; i < 3; ++i) rgb[i] += decoded.planes[i].stride;
    }
  });
  return done ? checked(decoded) : failure();
}

JpegDecoder::JpegDecoder() : session_(std::make_unique<Session>()) {}
JpegDecoder::~JpegDecoder() = default;
JpegDecoder::JpegDecoder(JpegDecoder&&) noexcept = default;
JpegDecoder& JpegDecoder::operator=(JpegDecoder&&) noexcept = default;

DecodeResult JpegDecoder::decode(std::span<const std::byte> encoded, const Recipe& recipe,
                                 std::uint64_t max_pixels, Scratch& scratch) {
  if (!session_->read_header(encoded)) return session_->failure();
  return session_->decode(recipe, max_pixels, scratch);
}

}  // namespace headrace::image
