#include <gtest/gtest.h>

#include <string>

#include <mamey/core/services.hpp>

#include "service_samples.hpp"

using namespace mamey;
using namespace service_samples;

TEST(service_graph, a_missing_service_is_named_with_the_handler_that_needs_it) {
  services registrations;
  registrations.need({.message = "CreateOrder", .handler = "create_order", .module = "orders"}, service_list<orders::Pricing>);
  EXPECT_EQ(refusal(registrations),
            "CreateOrder needs orders::Pricing, which nobody added: add it as a service, or as options, "
            ".options<orders::Pricing>(\"section\") (handler create_order, module orders)");
}

TEST(service_graph, a_missing_service_further_down_is_named_with_the_chain) {
  services registrations;
  registrations.add<orders::Pricing, orders::flat_rate>();
  registrations.need({"CreateOrder", "create_order", "orders"}, service_list<orders::Pricing>);
  EXPECT_EQ(refusal(registrations),
            "CreateOrder needs orders::Pricing (orders::flat_rate), which needs orders::Rates, which nobody added: add it as a service, or "
            "as options, "
            ".options<orders::Rates>(\"section\") (handler create_order, module orders)");
}

TEST(service_graph, a_service_nobody_handles_with_is_checked_too_and_every_mistake_is_listed_once) {
  services registrations;
  registrations.add<orders::Pricing, orders::flat_rate>().add<orders::Helper>(lifetime::scoped);
  registrations.need({.message = "CreateOrder"}, service_list<orders::Pricing>);
  EXPECT_EQ(refusal(registrations),
            "CreateOrder needs orders::Pricing (orders::flat_rate), which needs orders::Rates, which nobody added: add it as a service, or "
            "as options, "
            ".options<orders::Rates>(\"section\")\n"
            "orders::Helper needs orders::Session, which nobody added: add it as a service, or as options, "
            ".options<orders::Session>(\"section\")");
}

TEST(service_graph, a_circle_is_refused) {
  services registrations;
  registrations.add<orders::Egg>().add<orders::Chicken>();
  EXPECT_EQ(refusal(registrations), "orders::Egg needs orders::Chicken, which needs orders::Egg: a circle");
}

TEST(service_graph, a_singleton_must_not_hold_a_scoped_service_even_through_a_transient_one) {
  services registrations;
  registrations.add<orders::Session>(lifetime::scoped).add<orders::Helper>(lifetime::transient).add<orders::Cache>();
  registrations.need({"CreateOrder", "create_order", "orders"}, service_list<orders::Cache>);
  EXPECT_EQ(refusal(registrations),
            "CreateOrder needs orders::Cache, a singleton, which needs orders::Helper, which needs orders::Session, which lives only as "
            "long as one "
            "request or message (scoped): let a handler or a scoped service ask for it (handler create_order, module orders)");
  services fine;
  fine.add<orders::Session>(lifetime::scoped).add<orders::Helper>(lifetime::transient).add<orders::Cache>(lifetime::scoped);
  EXPECT_EQ(refusal(fine), "");
}

TEST(service_graph, a_placed_service_is_scoped_and_needs_no_recipe) {
  services registrations;
  registrations.add_placed<orders::Session>().add<orders::Helper>();
  EXPECT_EQ(refusal(registrations),
            "orders::Helper, a singleton, needs orders::Session, which lives only as long as one request or message (scoped): let a "
            "handler or a scoped service ask for it");
  service_provider provider([] {
    services fine;
    fine.add_placed<orders::Session>().add<orders::Helper>(lifetime::scoped);
    return fine;
  }());
  scope own(provider);
  EXPECT_EQ(reason_of([&] { own.get<orders::Helper>(); }), "orders::Session was asked for, but it was not placed in this scope");
}

TEST(service_graph, adding_twice_and_decorating_nothing_are_mistakes) {
  services registrations;
  registrations.add<orders::Session>().add<orders::Session>().add<wall_clock>().decorate<pricing, doubled_pricing>();
  const auto said = refusal(registrations);
  EXPECT_NE(said.find("orders::Session was added twice"), std::string::npos) << said;
  EXPECT_NE(said.find("doubled_pricing decorates"), std::string::npos) << said;
}

TEST(service_graph, a_decorator_is_not_a_circle_but_its_other_needs_are_checked) {
  services registrations;
  registrations.add_value<pricing>(flat_pricing(wall_clock{})).decorate<pricing, doubled_pricing>();
  EXPECT_NE(refusal(registrations).find("wall_clock, which nobody added"), std::string::npos);
}

TEST(service_graph, a_circle_that_only_run_time_lookups_make_is_refused_when_it_closes) {
  services registrations;
  registrations.add<wall_clock>([](service_provider& provider) { return wall_clock{provider.get<wall_clock>().now}; });
  service_provider provider(std::move(registrations));
  EXPECT_NE(reason_of([&] { provider.start(); }).find("a circle"), std::string::npos);
}
