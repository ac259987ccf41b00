#include <mamey/core/gzip.hpp>

#include <zlib.h>

#include <algorithm>

#include <mamey/core/error.hpp>

namespace mamey::inline v1 {

std::string unpacked_gzip(std::string_view body, std::size_t most) {
  if (!body.starts_with("\x1f\x8b")) throw domain_error("unreadable_encoding", "the body says that it is packed with gzip, and is not");
  struct inflation {
    inflation() { usable = ::inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK; }  // 16: with gzip's header and check sum
    ~inflation() {
      if (usable) ::inflateEnd(&stream);
    }
    inflation(const inflation&) = delete;
    inflation& operator=(const inflation&) = delete;
    ::z_stream stream{};
    bool usable = false;
  } from;
  if (!from.usable) throw internal_error("no_memory", "zlib has no memory to unpack a body of {} bytes", body.size());
  from.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));  // zlib only reads it
  from.stream.avail_in = static_cast<uInt>(std::min<std::size_t>(body.size(), most));
  std::string text;
  for (int result = Z_OK; result != Z_STREAM_END;) {
    const auto filled = text.size();
    if (filled > most) throw domain_error("unreadable_encoding", "the body is packed with gzip and larger than {} bytes unpacked", most);
    text.resize(filled + std::max<std::size_t>(std::size_t{4} << 10, filled));
    from.stream.next_out = reinterpret_cast<Bytef*>(text.data() + filled);
    from.stream.avail_out = static_cast<uInt>(text.size() - filled);
    result = ::inflate(&from.stream, Z_NO_FLUSH);
    text.resize(text.size() - from.stream.avail_out);
    if (result == Z_STREAM_END && from.stream.avail_in > 0) {  // RFC 1952 §2.2: a file may have several members
      if (from.stream.next_in[0] != 0x1f || ::inflateReset(&from.stream) != Z_OK)
        throw domain_error("unreadable_encoding", "the body is packed with gzip, and something else comes behind its end");
      result = Z_OK;
      continue;
    }
    const bool goes_on = result == Z_STREAM_END || (result == Z_OK && text.size() > filled);
    if (!goes_on) throw domain_error("unreadable_encoding", "the body is packed with gzip and damaged");
  }
  if (text.size() > most) throw domain_error("unreadable_encoding", "the body is packed with gzip and larger than {} bytes unpacked", most);
  return text;
}

}  // namespace mamey::inline v1
