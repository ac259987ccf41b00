#pragma once

/// @file
/// What a consuming channel has been handed and how it is settled with the fewest frames: everything up to the last of an unbroken row goes
/// in one `multiple` acknowledgement. Pure.

#include <cstdint>
#include <deque>
#include <vector>

namespace mamey::inline v1::rabbitmq_detail {

class settlements {
 public:
  struct acknowledgement {
    std::uint64_t delivery_tag = 0;
    bool multiple = false;
    friend bool operator==(const acknowledgement&, const acknowledgement&) = default;
  };

  /// Tags come in ascending order, one after another.
  void delivered(std::uint64_t tag);
  /// False when it is not (or no longer) out.
  bool acknowledge(std::uint64_t tag);
  /// Given back: the broker knows already. False as above.
  bool given_back(std::uint64_t tag);
  /// The acknowledgements due; nothing is due afterwards.
  std::vector<acknowledgement> take();
  std::size_t outstanding() const noexcept { return outstanding_; }

 private:
  enum class fate : std::uint8_t { out, acknowledged, gone };
  fate* find(std::uint64_t tag);
  std::deque<fate> fates_;
  std::uint64_t first_ = 1;
  std::size_t outstanding_ = 0;
};

}  // namespace mamey::inline v1::rabbitmq_detail
