// What brings a worker the files of its items: a message on the control socket with a descriptor for
// each token in it, sent before those tokens are put into the mailbox. So a worker that sees a token
// finds its descriptor. From the supervisor to a worker only, hence believed.
//
//   kFiles, then the tokens, 8 bytes each, in the order of the descriptors
#pragma once

#include <cstring>
#include <span>
#include <vector>

#include "shm/mailbox_format.h"

namespace headrace::shm {

inline constexpr char kFiles = 'D';

inline void write_files_message(std::span<const Token> tokens, std::vector<char>& message) {
  message.resize(1 + tokens.size_bytes());
  message[0] = kFiles;
  std::memcpy(message.data() + 1, tokens.data(), tokens.size_bytes());
}

// The tokens of such a message; none when it is another.
inline void read_files_message(std::span<const char> message, std::vector<Token>& tokens) {
  const bool ours = !message.empty() && message[0] == kFiles;
  tokens.resize(ours ? (message.size() - 1) / sizeof(Token) : 0);
  if (!tokens.empty())
    std::memcpy(tokens.data(), message.data() + 1, tokens.size() * sizeof(Token));
}

}  // namespace headrace::shm
