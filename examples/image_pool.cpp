// Maps a function over picture files in four processes: a result or an error for each, and the time taken.
#include <headrace/headrace.h>
#include <jpeglib.h>

#include <cstdio>

struct Picture {
  unsigned width, height;
  double light;  // mean, 0 to 1
};
[[noreturn]] void refuse(j_common_ptr jpeg) {
  char message[JMSG_LENGTH_MAX];
  jpeg->err->format_message(jpeg, message);
  jpeg_destroy(jpeg);
  throw std::runtime_error(message);
}

Picture look_at(const std::filesystem::path& file) {
  const std::unique_ptr<FILE, int (*)(FILE*)> input(std::fopen(file.c_str(), "rb"), &std::fclose);
  if (!input) throw std::runtime_error("cannot open it");
  jpeg_decompress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  errors.error_exit = refuse;
  jpeg_create_decompress(&jpeg);
  jpeg_stdio_src(&jpeg, input.get());
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = JCS_GRAYSCALE;
  jpeg_start_decompress(&jpeg);
  std::vector<JSAMPLE> line(jpeg.output_width);
  double sum = 0;
  for (JSAMPROW row = line.data(); jpeg.output_scanline < jpeg.output_height;) {
    jpeg_read_scanlines(&jpeg, &row, 1);
    for (const JSAMPLE pixel : line) sum += pixel;
  }
  const Picture found{jpeg.output_width, jpeg.output_height,
                      sum / 255 / jpeg.output_width / jpeg.output_height};
  jpeg_destroy_decompress(&jpeg);
  return found;
}

int main(int argc, char** argv) {
  headrace::init(argc, argv);
  if (argc != 2) return std::fputs("usage: image_pool FOLDER\n", stderr), 2;
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(argv[1])) files.push_back(file);
  const auto begin = std::chrono::steady_clock::now();
  headrace::Pool pool({.workers = 4});
  for (const auto& picture : pool.imap<look_at>(files)) {
    const std::string file = files[picture.index()].filename();
    std::printf("%-24s ", file.c_str());
    if (picture)
      std::printf("%u x %u, brightness %.2f\n", picture->width, picture->height, picture->light);
    else
      std::printf("failed: %s\n", picture.error().text().c_str());
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  std::printf("%zu files in %.2f s\n", files.size(), time.count());
}
