// Reading inputs and writing results.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "sys/fd.h"

namespace headrace::sys {

// Whether an error may be gone at the next try: above all what a network share says while it is away.
bool may_pass(int error_number);

// What a file system said.
struct FileError {
  std::string message;
  bool passing = false;  // it may say otherwise in a moment
  // Somebody else is to do something first: let go of the lock, or begin to read a FIFO.
  enum class Awaits : unsigned char { nothing, lock, reader };
  Awaits awaits = Awaits::nothing;
};

// Why an input could not be read, in the vocabulary of items.
struct ReadError {
  ItemError code;  // not_found, unreadable or too_large
  std::string message;
  bool passing =
      false;  // no fault of the file: descriptors are short for now, or its share is away
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
enum class PathKind : unsigned char {
  missing,
  regular,
  folder,
  other,
  unreadable,
  away,  // the file system does not say so for now
};
PathKind path_kind(const std::string& path);
// The same of a path that may be a link: the link itself, not what it leads to.
PathKind entry_kind(const std::string& path);

// The names in a folder, in the order in which the file system gives them.
class FolderReader {
 public:
  struct Entry {
    std::string name;
    // A real folder; a link to one is not. Nothing when the file system does not tell with the name:
    // that takes an entry_kind(), which may be slow.
    std::optional<bool> folder;
  };
  // The error is the system's, in words.
  static Result<FolderReader, FileError> open(const std::string& path);
  // Appends up to `count` entries, "." and ".." left out; false when the folder has no more. After an
  // error that may pass, another call goes on where this one ended.
  Result<bool, FileError> read(std::size_t count, std::vector<Entry>& entries);

  FolderReader(FolderReader&& other) noexcept;
  FolderReader& operator=(FolderReader&&) = delete;
  ~FolderReader();

 private:
  explicit FolderReader(void* stream) : stream_(stream) {}
  void* stream_;
};

// A file of records that only ever grows, or a stream (standard output, a pipe). A record ends with a
// line end.
//
// A network share may take a write and say at the next sync that it came to nothing; or say that it
// failed, and carry it out later. So records have their places: they are held until they are synced, and
// to write them again is to put the same bytes in the same place. Where a share has no locks, two runs
// may have one file open: the size gives the other away, and then nothing is cut off any more.
// Not thread-safe; every call may block for as long as the file system likes.
class RecordFile {
 public:
  enum class Mode : unsigned char {
    fresh,      // refuses a file that holds anything
    overwrite,  // empties it
    extend,     // goes on after what is there
  };
  // Takes an exclusive lock where the file system has locks, so that two runs cannot mix their
  // results. Never waits for a FIFO's reader: the error says that there is none yet.
  static Result<RecordFile, FileError> open(const std::string& path, Mode mode);
  static RecordFile standard_output();

  // Bytes that it holds, from `at` on; 0 at its end. Through this descriptor, since an SMB share
  // refuses what is locked to every other one, of this process too.
  Result<std::size_t, FileError> read(std::uint64_t at, std::span<char> into) const;
  // Cuts the file to `size` bytes; for mending a torn last record. Not after take().
  Result<Ok, FileError> cut(std::uint64_t size);

  // Takes whole records, to be written next and held until they are synced.
  void take(std::string_view records);
  std::size_t held() const { return held_.size(); }  // bytes
  // Writes what is held and not there yet; nothing once `abandoned` is set, which another thread may do.
  // After an error the end of the file is anybody's guess until a call succeeds, and all that is held is
  // written again: the error may have been that of an earlier write.
  Result<Ok, FileError> write(const std::atomic<bool>* abandoned = nullptr);
  // Has the file system keep what write() wrote, and looks whether it is all there. After an error all
  // that is held is to be written again: the next write() does.
  Result<Ok, FileError> sync();
  // For when errors go on: opens the file anew, since its server may have forgotten this descriptor. The
  // error, which may pass: somebody has its lock, or the server does not say.
  Result<Ok, FileError> reopen();
  // Reports the errors that come last of all. Once; the file is closed even so. After an error no record
  // that was taken counts as synced any more.
  Result<Ok, FileError> close();
  // For the last time: brings what whole records there is still room for, and cuts off the rest, as far as
  // that can be done and is surely ours.
  void give_up(const std::atomic<bool>* abandoned = nullptr);

  std::uint64_t synced_bytes() const { return synced_; }  // with what it held when it was opened
  std::uint64_t synced_records() const { return synced_records_; }  // of those that were taken
  const std::string& name() const { return name_; }
  bool regular() const { return regular_; }
  bool locked() const { return locked_; }  // otherwise the file system has no locks

 private:
  RecordFile(Fd fd, std::string name, bool regular, std::uint64_t size)
      : fd_(std::move(fd)),
        name_(std::move(name)),
        regular_(regular),
        synced_(size),
        reached_(size) {}
  static Result<RecordFile, FileError> open_fifo(const std::string& path);
  Result<Ok, FileError> failure(int number) const;
  Result<Ok, FileError> write_on(const std::atomic<bool>* abandoned);
  Result<Ok, FileError> check_size(std::uint64_t least);
  Result<Ok, FileError> lock();

  Fd fd_;
  std::string name_;
  bool regular_ = false;
  bool locked_ = false;
  bool lock_lost_ = false;     // it had one, and did not get it again
  bool had_name_ = false;      // not all file systems count
  bool shared_ = false;        // somebody else writes to it
  std::uint64_t synced_ = 0;   // bytes of whole records that the file system keeps
  std::uint64_t reached_ = 0;  // where the furthest write ended, or may have ended
  std::string held_{};         // what comes after synced_
  std::size_t written_ = 0;    // of it
  std::uint64_t synced_records_ = 0;
};

// Replaces a file's content as one step: readers see the old or the new, never a part. Errors that may
// pass are tried again for some seconds.
Status replace_file(const std::string& path, std::string_view content);

// Bytes as they come from a descriptor; blocks. Empty at the end of the file.
Result<std::size_t, FileError> read_some(int fd, std::span<char> into);
// Waits until `fd` has something to read; false when `stop` becomes readable first.
bool wait_readable(int fd, int stop);
// Waits that long; false when `stop` becomes readable first.
bool wait_out(std::chrono::milliseconds time, int stop);
Result<Fd, FileError> open_for_reading(const std::string& path);

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
