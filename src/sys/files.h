// Reading inputs and writing results.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "sys/fd.h"

namespace headrace::sys {

// Why an input could not be read, in the vocabulary of items.
struct ReadError {
  ItemError code;  // not_found, unreadable or too_large
  std::string message;
  bool passing = false;  // no fault of the file: descriptors are short for now
};

// Opens a regular file of at most `limit` bytes for reading. Never blocks on a FIFO or a device: what
// is no regular file is refused. May take long where the disk is far away.
Result<Fd, ReadError> open_regular_file(const std::string& path, Bytes limit);
// Tells the kernel to read the file's first `bytes` in ahead. Only advice.
void will_need(int fd, Bytes bytes);
// All that an open file holds, in `buffer`, which is grown but never beyond `limit` and a byte. The place
// where others that share the descriptor read is neither used nor moved.
Result<std::span<const std::byte>, ReadError> read_whole(int fd, Bytes limit,
                                                         std::vector<std::byte>& buffer);
// Both in one.
Result<std::span<const std::byte>, ReadError> read_regular_file(const std::string& path,
                                                                Bytes limit,
                                                                std::vector<std::byte>& buffer);

// What a path names, without following the last link of a chain for ever.
enum class PathKind : unsigned char { missing, regular, folder, other, unreadable };
PathKind path_kind(const std::string& path);

// The names in a folder, in the order in which the file system gives them.
class FolderReader {
 public:
  struct Entry {
    std::string name;
    bool folder = false;  // a real one; a link to a folder is not
  };
  // The error is the system's, in words.
  static Result<FolderReader> open(const std::string& path);
  // Appends up to `count` entries, "." and ".." left out; false when the folder has no more.
  bool read(std::size_t count, std::vector<Entry>& entries);

  FolderReader(FolderReader&& other) noexcept;
  FolderReader& operator=(FolderReader&&) = delete;
  ~FolderReader();

 private:
  explicit FolderReader(void* stream) : stream_(stream) {}
  void* stream_;
};

// A file, or standard output, that only ever grows by whole records. Not thread-safe.
class RecordFile {
 public:
  enum class Mode : unsigned char {
    fresh,      // refuses a file that holds anything
    overwrite,  // empties it
    extend,     // goes on after what is there
  };
  // Takes an exclusive lock where the file system has locks, so that two runs cannot mix their
  // results.
  static Result<RecordFile> open(const std::string& path, Mode mode);
  static RecordFile standard_output();

  // Writes `records`, which ends at the end of a record. On failure (a full disk, say) the file is
  // cut back to where it was, so that it always ends with a whole record.
  Status append(std::string_view records);
  // Flushes to the device and reports errors that come late (network shares).
  Status finish();
  // Cuts the file to `size` bytes; for mending a torn last record.
  Status cut(std::uint64_t size);
  bool regular() const { return regular_; }
  int fd() const { return fd_.get(); }

 private:
  RecordFile(Fd fd, std::string name, bool regular, std::uint64_t size)
      : fd_(std::move(fd)), name_(std::move(name)), regular_(regular), size_(size) {}
  Fd fd_;
  std::string name_;
  bool regular_ = false;
  std::uint64_t size_ = 0;
};

// Replaces a file's content as one step: readers see the old or the new, never a part.
Status replace_file(const std::string& path, std::string_view content);

// Bytes as they come from a descriptor; blocks. Empty at the end of the file.
Result<std::size_t> read_some(int fd, std::span<char> into);
// Waits until `fd` has something to read; false when `stop` becomes readable first.
bool wait_readable(int fd, int stop);
Result<Fd> open_for_reading(const std::string& path);

// Opens /dev/null for each of descriptors 0 to 2 that the program was started without, so that
// nothing else gets such a number and is written to as if it were standard error. First thing in
// main.
void ensure_standard_streams();
// From now on, what this process prints goes where its complaints go, for code that does not know
// whose standard output it is.
void print_to_standard_error();

struct TerminalSize {
  unsigned columns = 80;
};
bool is_terminal(int fd);
TerminalSize terminal_size(int fd);
void write_text(int fd, std::string_view text);  // best effort, for progress
// The same without ever waiting for a reader of a pipe: false, and nothing is written, when there is no room.
bool write_if_room(int fd, std::string_view text);

}  // namespace headrace::sys
