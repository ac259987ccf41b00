// A request body of everyday size, text to struct and struct to text, against nlohmann::json's conversions of the same struct. CPU time of
// this thread.

#include <ctime>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <mamey/core/json.hpp>

namespace bench {

enum class Status { placed, delivering, delivered };
NLOHMANN_JSON_SERIALIZE_ENUM(Status, {{Status::placed, "placed"}, {Status::delivering, "delivering"}, {Status::delivered, "delivered"}})

struct Line {
  std::string sku;
  int quantity = 1;
  double price = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Line, sku, quantity, price)

// Only types that both know: an id is a text here. One word each, for the other knows no camelCase.
struct Order {
  std::string id;
  std::string customer;
  Status status = Status::placed;
  std::vector<Line> lines;
  std::string note;
  bool urgent = false;
  std::int64_t total = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, id, customer, status, lines, note, urgent, total)

Order example() {
  return {.id = "0190163d-8694-739b-aea5-966c26f8ad91",
          .customer = "0190163d-8694-739b-aea5-966c26f8ad92",
          .status = Status::delivering,
          .lines = {{"sku-0001", 2, 10.25}, {"sku-0002", 1, 3.5}, {"sku-0003", 12, 0.99}},
          .note = "Leave it at the \"back\" door, please.",
          .urgent = true,
          .total = 3588};
}

double cpu_nanoseconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// The best of several rounds: what else the machine does only ever adds.
template <class Work>
double nanoseconds_each(Work work) {
  constexpr int rounds = 15;
  constexpr int count = 5000;
  double best = std::numeric_limits<double>::max();
  for (int round = 0; round < rounds; ++round) {
    const auto begin = cpu_nanoseconds();
    for (int i = 0; i < count; ++i) work();
    best = std::min(best, (cpu_nanoseconds() - begin) / count);
  }
  return best;
}

std::size_t used = 0;  // printed at the end, so that no work is optimised away

void compare(const char* what, double theirs, double ours) {
  std::printf("%-16s nlohmann %8.0f ns   mamey %8.0f ns   %5.1fx   goal >= 5x: %s\n", what, theirs, ours, theirs / ours,
              theirs >= 5 * ours ? "met" : "MISSED");
}

}  // namespace bench

int main() {
  using namespace bench;
  const auto order = example();
  const auto text = mamey::json::to_string(order);
  if (nlohmann::json::parse(text).get<Order>().lines.size() != order.lines.size()) return 1;

  const auto their_read = nanoseconds_each([&] { used += nlohmann::json::parse(text).get<Order>().lines.size(); });
  const auto our_read = nanoseconds_each([&] { used += mamey::json::parse<Order>(text).lines.size(); });
  const auto their_write = nanoseconds_each([&] { used += nlohmann::json(order).dump().size(); });
  const auto our_write = nanoseconds_each([&] { used += mamey::json::to_string(order).size(); });

  std::printf("%zu bytes\n", text.size());
  compare("text to struct", their_read, our_read);
  compare("struct to text", their_write, our_write);
  compare("both ways", their_read + their_write, our_read + our_write);
  return used == 0;
}
