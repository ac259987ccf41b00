/// The code of docs/scheduling.md.

#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/domain/delayed_messages.hpp>
#include <mamey/testing/harness.hpp>

namespace {

using namespace std::chrono_literals;

int cleaned = 0;
std::vector<std::string> closed, reminded;

struct CleanUp {};
struct DayBegan {
  static constexpr mamey::message_options message{.exchange = "library"};
};
struct CloseDay {
  mamey::timestamp day;
};

void clean_up(const CleanUp&) { ++cleaned; }
void close_day(const CloseDay& command) { closed.push_back(mamey::format_timestamp(command.day)); }

// snippet jobs
mamey::module library() {
  return mamey::module("library")
      .commands<clean_up, close_day>()
      .every(5min, mamey::send<CleanUp>())
      .cron("0 6 * * mon-fri", "Europe/Berlin", mamey::publish<DayBegan>());
}
// end jobs

// snippet occurrence
mamey::module closing() {
  return mamey::module("closing").commands<close_day>().cron(
      "0 0 * * *", "Europe/Berlin", mamey::send([](const mamey::occurrence& due) { return CloseDay{.day = due.time}; }),
      {.name = "close the day", .missed = mamey::missed_runs::skip});
}
// end occurrence

// snippet harness
TEST(library, begins_its_day_at_six_in_berlin_on_working_days) {
  mamey::testing::harness tested{library()};
  tested.start_at(*mamey::parse_timestamp("2026-03-27T12:00:00Z"));  // a Friday; clocks go forward on Sunday

  tested.advance(24h * 3);

  EXPECT_EQ(tested.published<DayBegan>().size(), 1);  // on Monday
  EXPECT_EQ(cleaned, 3 * 24 * 12);
}
// end harness

TEST(library, closes_the_day_with_its_time) {
  mamey::testing::harness tested{closing()};
  tested.start_at(*mamey::parse_timestamp("2026-03-28T12:00:00Z"));
  tested.advance(24h * 2);
  EXPECT_EQ(closed, (std::vector<std::string>{"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"}));
}

struct LendBook {
  std::string book, reader;
};
struct ReturnBook {
  std::string book;
};
struct RemindReader {
  std::string book, reader;
};

// snippet delayed
void lend_book(const LendBook& command, mamey::publisher& messages) {
  messages.send_later(RemindReader{command.book, command.reader}, 24h * 14, command.book);  // the key: the book
}

void return_book(const ReturnBook& command, mamey::delayed_messages& later) {
  const auto done = later.cancel<RemindReader>(command.book);
  if (done.running > 0) throw mamey::conflict("reminding", "the reader of {} is being reminded just now", command.book);
}
// end delayed

void remind_reader(const RemindReader& command) { reminded.push_back(command.reader); }

TEST(library, reminds_nobody_who_has_returned_the_book) {
  mamey::testing::harness tested{mamey::module("lending").commands<lend_book, return_book, remind_reader>()};
  tested.send(LendBook{"dune", "ann"});
  tested.send(LendBook{"emma", "bob"});
  tested.send(ReturnBook{"dune"});
  tested.advance(24h * 15);
  EXPECT_EQ(reminded, (std::vector<std::string>{"bob"}));
}

}  // namespace
