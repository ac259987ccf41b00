#include <gtest/gtest.h>

#include <concepts>

#include <mamey/core/signature.hpp>

#include "service_samples.hpp"

using namespace mamey;
using namespace service_samples;

namespace {
struct CreateOrder {
  int quantity = 0;
};
int create_order(const CreateOrder& command, const wall_clock& time, pricing& prices) {
  return command.quantity * time.now * prices.total();
}

struct order_handler {
  wall_clock& time;
  long handle(const CreateOrder& command, pricing& prices) { return command.quantity + time.now + prices.total(); }
};
}  // namespace

TEST(signature, takes_a_function_apart_and_calls_it_with_its_dependencies) {
  using parts = signature<decltype(create_order)>;
  static_assert(std::same_as<parts::message, CreateOrder> && std::same_as<parts::result, int> && !parts::is_class);
  static_assert(std::same_as<parts::dependencies, type_list<wall_clock, pricing>>);
  services registrations;
  registrations.need({.message = "CreateOrder"}, parts::needs);
  EXPECT_NE(refusal(registrations).find("wall_clock, which nobody added"), std::string::npos);
  registrations.add<wall_clock>().add<pricing, flat_pricing>();
  service_provider provider(std::move(registrations));
  scope own(provider);
  EXPECT_EQ(parts::call(create_order, own, {.quantity = 2}), 20);
  const auto lambda = [](const CreateOrder& command) noexcept { return command.quantity; };
  EXPECT_EQ(signature<decltype(lambda)>::call(lambda, own, {.quantity = 2}), 2);
  EXPECT_EQ(function_name<create_order>.substr(function_name<create_order>.rfind(':') + 1), "create_order");
}

TEST(signature, a_class_with_handle_gets_dependencies_through_constructor_and_handle) {
  using parts = signature<order_handler>;
  static_assert(std::same_as<parts::message, CreateOrder> && std::same_as<parts::result, long> && parts::is_class);
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>().need({.message = "CreateOrder"}, parts::needs);
  parts::add_to(registrations);
  parts::add_to(registrations);
  service_provider provider(std::move(registrations));
  scope own(provider);
  EXPECT_EQ(parts::call(own, {.quantity = 2}), 13);
}
