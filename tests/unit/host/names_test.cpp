// Types, handlers and applications go by names without namespaces: two of one name are refused at the start, or keep apart.

#include <gtest/gtest.h>

#include <mamey/application.hpp>
#include <mamey/testing/harness.hpp>

namespace sales {
struct OrderState {
  std::string line;
};
class Order : public mamey::aggregate<std::string, OrderState> {};
struct Place {
  std::string id;
};
struct Placed {
  std::string id;
};
void place(const Place&, mamey::repository<Order>&) {}
void on_placed(const Placed&) {}
}  // namespace sales
namespace repairs {
struct OrderState {
  std::string part;
};
class Order : public mamey::aggregate<std::string, OrderState> {};
struct Take {
  std::string id;
};
struct Placed {
  std::string id;
};
void take(const Take&, mamey::repository<Order>&) {}
void place(const Take&) {}
void hear_placed(const Placed&) {}
void on_placed(const Take&) {}
}  // namespace repairs
namespace views {
struct Order {
  std::string id;
};
struct Show {
  using result = int;
};
int show(const Show&, mamey::read_models<Order>&) { return 0; }
}  // namespace views
namespace archive {
struct Order {
  static constexpr const char* collection = "ORDERS";
  std::string id;
};
struct Show {
  using result = int;
};
int show(const Show&, mamey::read_models<Order>&) { return 0; }
}  // namespace archive
namespace named {
struct Order {
  static constexpr const char* collection = "shown_orders";
  std::string id;
};
struct Show {
  using result = int;
};
int show(const Show&, mamey::read_models<Order>&) { return 0; }
}  // namespace named
namespace {

using namespace mamey;

std::string refusal_of(application what) {
  mamey::testing::harness here{std::move(what)};
  try {
    (void)here.get("/ping");
  } catch (const error& refused) {
    return refused.code() == "name_taken" ? refused.reason() : refused.code() + " " + refused.reason();
  }
  return {};
}
application of(module part) { return application("shop").add(std::move(part)); }

TEST(names, two_types_in_one_table_are_refused_with_their_namespaces) {
  EXPECT_EQ(refusal_of(of(module("a").commands<sales::place>().commands<repairs::take>())),
            "repairs::Order and sales::Order would both be kept in the table orders: give one of them a name of its own, `static constexpr "
            "const char* collection = "
            "\"other_orders\";`");
  EXPECT_NE(refusal_of(application("shop").add(module("a").commands<sales::place>()).add(module("b").queries<views::show>()))
                .find("sales::Order and views::Order"),
            std::string::npos);
  EXPECT_NE(refusal_of(of(module("a").commands<sales::place>().queries<archive::show>())).find("archive::Order and sales::Order"),
            std::string::npos)
      << "a database may take no notice of case";
  EXPECT_EQ(refusal_of(of(module("a").commands<sales::place>().queries<named::show>())), "");
}

TEST(names, two_types_of_one_name_on_the_bus_are_refused_with_their_namespaces) {
  EXPECT_NE(refusal_of(of(module("a").events<sales::on_placed, repairs::hear_placed>()))
                .find("handles sales::Placed and repairs::Placed, which are both called Placed on the bus"),
            std::string::npos);
  EXPECT_NE(refusal_of(of(module("a").publishes<sales::Placed, repairs::Placed>())).find("publishes sales::Placed and repairs::Placed"),
            std::string::npos);
}

TEST(names, two_handlers_of_one_name_are_refused_where_messages_wait_for_them) {
  EXPECT_NE(refusal_of(of(module("a").events<sales::on_placed>().commands<repairs::on_placed>()))
                .find("sales::on_placed and repairs::on_placed are both called on_placed"),
            std::string::npos);
}

TEST(names, namesakes_are_measured_apart) {
  mamey::testing::harness here{of(module("a").queries<views::show>().queries<named::show>())};
  (void)here.ask(views::Show{});
  (void)here.ask(named::Show{});
  (void)here.ask(named::Show{});
  const auto page = here.get("/metrics").body;
  EXPECT_NE(page.find("mamey_handled_total{handler=\"views::show\",outcome=\"ok\"} 1"), std::string::npos) << page;
  EXPECT_NE(page.find("mamey_handled_total{handler=\"named::show\",outcome=\"ok\"} 2"), std::string::npos);
}

TEST(names, a_repository_in_an_initializer_is_refused_with_what_works) {
  mamey::testing::harness here{
      of(module("a").services([](services& into) { into.add_initializer("seed", [](repository<sales::Order>&) {}); }))};
  try {
    (void)here.get("/ping");
    FAIL() << "it started";
  } catch (const error& refused) {
    EXPECT_NE(refused.reason().find("initializer seed needs"), std::string::npos) << refused.reason();
    EXPECT_NE(refused.reason().find("ask for mamey::dispatcher& and send a command"), std::string::npos) << refused.reason();
  }
}

int seeds = 0;
struct Seed {};
void seed(const Seed&) { ++seeds; }

TEST(names, an_initializer_may_send_commands) {
  seeds = 0;
  mamey::testing::harness here{of(module("a").commands<seed>().services(
      [](services& into) { into.add_initializer("seed", [](dispatcher& others) { others.send(Seed{}); }); }))};
  (void)here.get("/ping");
  EXPECT_EQ(seeds, 1);
}

TEST(names, two_applications_of_one_name_are_no_host) {
  std::string program = "hosts";
  char* arguments[] = {program.data(), nullptr};
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(host("hosts").add(application("shop")).add(application("shop")).run(1, arguments), 1);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("two applications of this host are called shop"), std::string::npos);
}

}  // namespace
