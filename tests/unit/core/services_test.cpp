#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <mamey/core/services.hpp>

#include "service_samples.hpp"

using namespace mamey;
using namespace service_samples;

TEST(services, a_constructor_gets_what_its_parameters_name) {
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>();
  service_provider provider(std::move(registrations));
  provider.start();
  EXPECT_EQ(provider.get<pricing>().total(), 10);
  EXPECT_EQ(&scope(provider).get<pricing>(), &provider.get<pricing>());
}

namespace {
struct a_struct {
  wall_clock& time;
  const pricing& prices;
  std::string cache = "kept";
  int count = 3;
};
class most_parameters_win {
 public:
  most_parameters_win() = default;
  explicit most_parameters_win(wall_clock&) : which(1) {}
  most_parameters_win(wall_clock&, const pricing&) : which(2) {}
  most_parameters_win(wall_clock&, const pricing&, int) : which(3) {}
  int which = 0;
};
struct twelve {
  wall_clock &a, &b, &c, &d, &e, &f, &g, &h, &i, &j, &k, &l;
};
}  // namespace

TEST(services, an_aggregate_needs_no_constructor) {
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>().add<a_struct>().add<twelve>();
  service_provider provider(std::move(registrations));
  provider.start();
  auto& made = provider.get<a_struct>();
  EXPECT_EQ(&made.time, &provider.get<wall_clock>());
  EXPECT_EQ(made.cache, "kept");
  EXPECT_EQ(made.count, 3);
  EXPECT_EQ(&provider.get<twelve>().l, &made.time);
}

TEST(services, of_several_constructors_the_one_with_the_most_injectable_parameters_is_called) {
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>().add<most_parameters_win>();
  service_provider provider(std::move(registrations));
  EXPECT_EQ(provider.get<most_parameters_win>().which, 2);
}

namespace {
struct counted {
  static inline int made = 0;
  counted() { ++made; }
};
struct other_counted : counted {};
struct holder {
  counted& first;
  other_counted& second;
};
}  // namespace

TEST(services, lifetimes_decide_how_many_objects_there_are) {
  services registrations;
  registrations.add<wall_clock>().add<counted>(lifetime::scoped).add<other_counted>(lifetime::transient).add<holder>(lifetime::transient);
  service_provider provider(std::move(registrations));
  provider.start();
  scope first(provider), second(provider);
  EXPECT_EQ(&first.get<wall_clock>(), &second.get<wall_clock>());
  EXPECT_NE(&first.get<counted>(), &second.get<counted>());
  EXPECT_EQ(&first.get<counted>(), &first.get<counted>());
  EXPECT_NE(&first.get<other_counted>(), &first.get<other_counted>());
  EXPECT_EQ(&first.get<holder>().first, &first.get<counted>());
}

TEST(services, singletons_are_built_at_start_and_nothing_else_is) {
  services registrations;
  registrations.add<counted>().add<other_counted>(lifetime::scoped);
  counted::made = 0;
  service_provider provider(std::move(registrations));
  EXPECT_EQ(counted::made, 0);
  provider.start();
  EXPECT_EQ(counted::made, 1);
}

TEST(services, a_factory_has_its_parameters_injected_and_may_return_a_value_a_pointer_or_a_reference) {
  services registrations;
  registrations.add<wall_clock>([] { return wall_clock{.now = 7}; })
      .add<pricing>([](const wall_clock& time) { return flat_pricing(time); })
      .add<std::string>([](pricing& prices) { return std::make_unique<std::string>(std::to_string(prices.total())); })
      .add<flat_pricing>([](pricing& prices) -> flat_pricing& { return dynamic_cast<flat_pricing&>(prices); })
      .add<std::vector<int>>([](const std::string& text) { return std::make_shared<std::vector<int>>(3, std::stoi(text)); });
  service_provider provider(std::move(registrations));
  provider.start();
  EXPECT_EQ(provider.get<std::vector<int>>(), (std::vector<int>{70, 70, 70}));
  EXPECT_EQ(&provider.get<flat_pricing>(), &provider.get<pricing>());
}

TEST(services, a_value_or_an_object_of_the_caller_can_be_registered) {
  wall_clock own{.now = 3};
  services registrations;
  registrations.add_reference<wall_clock>(own).add_value(std::string("orders")).add_value<pricing>(flat_pricing(own));
  service_provider provider(std::move(registrations));
  own.now = 4;
  EXPECT_EQ(provider.get<pricing>().total(), 40);
  EXPECT_EQ(provider.get<std::string>(), "orders");
}

TEST(services, decorators_wrap_what_is_registered_in_the_order_they_are_added) {
  services registrations;
  registrations.decorate<pricing, doubled_pricing>()
      .add<wall_clock>()
      .add<pricing, flat_pricing>(lifetime::scoped)
      .decorate<pricing, one_more_pricing>();
  service_provider provider(std::move(registrations));
  provider.start();
  scope own(provider);
  EXPECT_EQ(own.get<pricing>().total(), 21);
  EXPECT_EQ(&own.get<pricing>(), &own.get<pricing>());
}

TEST(services, a_decorated_singleton_stays_one_object) {
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>().decorate<pricing, doubled_pricing>();
  service_provider provider(std::move(registrations));
  provider.start();
  EXPECT_EQ(&provider.get<pricing>(), &scope(provider).get<pricing>());
  EXPECT_EQ(provider.get<pricing>().total(), 20);
}

TEST(services, a_replacement_takes_the_place_of_everything_registered_so_far) {
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>().decorate<pricing, doubled_pricing>();
  wall_clock fixed{.now = 5};
  registrations.replace<pricing>(flat_pricing(fixed));
  registrations.replace<wall_clock>([] { return wall_clock{.now = 9}; });
  service_provider provider(std::move(registrations));
  EXPECT_EQ(provider.get<pricing>().total(), 50);
  EXPECT_EQ(provider.get<wall_clock>().now, 9);
}

TEST(services, a_replacement_by_reference_or_shared_pointer_is_the_object_itself) {
  wall_clock fixed{.now = 5};
  flat_pricing cheap(fixed);
  const auto shared = std::make_shared<wall_clock>(wall_clock{.now = 7});
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>();
  registrations.replace<pricing>(std::ref(cheap)).replace<wall_clock>(shared);
  service_provider provider(std::move(registrations));
  EXPECT_EQ(&provider.get<pricing>(), &cheap);
  EXPECT_EQ(&provider.get<wall_clock>(), shared.get());
}

namespace {
struct noisy {
  std::vector<std::string>& log;
  std::string name;
  ~noisy() { log.push_back(name); }
};
struct store : noisy {
  explicit store(std::vector<std::string>& out) : noisy{out, "store"} {}
};
struct cache : noisy {
  cache(std::vector<std::string>& out, store&) : noisy{out, "cache"} {}
};
struct session : noisy {
  session(std::vector<std::string>& out, cache&) : noisy{out, "session"} {}
};
struct work : noisy {
  work(std::vector<std::string>& out, session&) : noisy{out, "work"} {}
};
}  // namespace

TEST(services, objects_end_in_reverse_order_of_their_construction) {
  std::vector<std::string> ended;
  services registrations;
  registrations.add<cache>().add<store>().add_reference<std::vector<std::string>>(ended);
  registrations.add<work>(lifetime::scoped).add<session>(lifetime::scoped);
  {
    service_provider provider(std::move(registrations));
    provider.start();
    {
      scope own(provider);
      own.get<work>();
    }
    EXPECT_EQ(ended, (std::vector<std::string>{"work", "session"}));
  }
  EXPECT_EQ(ended, (std::vector<std::string>{"work", "session", "cache", "store"}));
}

TEST(services, a_scope_holds_any_number_of_objects) {
  services registrations;
  registrations.add<counted>(lifetime::transient).add<other_counted>(lifetime::scoped);
  service_provider provider(std::move(registrations));
  scope own(provider);
  for (int i = 0; i < 100; ++i) own.get<counted>();
  EXPECT_EQ(&own.get<other_counted>(), &own.get<other_counted>());
  wall_clock placed;
  own.place(placed);
  EXPECT_EQ(&own.get<wall_clock>(), &placed);
}

TEST(services, an_object_placed_in_a_scope_is_found_there_before_any_recipe) {
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>(lifetime::scoped);
  service_provider provider(std::move(registrations));
  provider.start();
  scope own(provider);
  const wall_clock placed{.now = 8};
  own.place(placed);
  EXPECT_EQ(own.get<pricing>().total(), 80);
  EXPECT_EQ(provider.get<wall_clock>().now, 1);
}

namespace {
struct wants_machinery {
  scope& own;
  service_provider& root;
};
}  // namespace

TEST(services, once_started_every_thread_finds_the_singletons_without_a_lock) {
  services registrations;
  registrations.add<wall_clock>().add<pricing, flat_pricing>().add<counted>(lifetime::scoped);
  service_provider provider(std::move(registrations));
  provider.start();
  const auto* expected = &provider.get<pricing>();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        scope own(provider);
        if (&own.get<pricing>() != expected) ADD_FAILURE();
      }
    });
  }
}

TEST(services, the_scope_and_the_provider_can_be_asked_for) {
  services registrations;
  registrations.add<wants_machinery>(lifetime::scoped);
  service_provider provider(std::move(registrations));
  provider.start();
  scope own(provider);
  EXPECT_EQ(&own.get<wants_machinery>().own, &own);
  EXPECT_EQ(&own.get<wants_machinery>().root, &provider);
}

// ── Initializers ──

TEST(services, initializers_run_in_order_after_all_singletons_with_their_parameters_injected) {
  std::vector<std::string> ran;
  counted::made = 0;
  services registrations;
  registrations.add_initializer("migrations", [&](other_counted&) { ran.push_back("migrations " + std::to_string(counted::made)); });
  registrations.add_initializer("topology", [&](counted&) { ran.push_back("topology"); });
  registrations.add<counted>().add<other_counted>(lifetime::scoped);
  service_provider provider(std::move(registrations));
  provider.start();
  EXPECT_EQ(ran, (std::vector<std::string>{"migrations 2", "topology"}));
}

TEST(services, a_failed_start_says_what_was_being_done_and_keeps_the_kind) {
  services registrations;
  registrations.add_initializer("migrations", [] { throw unavailable("no_store", "the store is away"); });
  service_provider provider(std::move(registrations));
  try {
    provider.start();
    FAIL();
  } catch (const error& e) {
    EXPECT_EQ(e.kind(), error_kind::unavailable);
    EXPECT_EQ(e.code(), "no_store");
    EXPECT_EQ(e.reason(), "initializer migrations: the store is away");
  }
  services second;
  second.add<orders::Session>([](orders::Rates&) { return orders::Session{}; }).add<orders::Rates>([]() -> orders::Rates {
    throw std::runtime_error("no rates");
  });
  service_provider other(std::move(second));
  EXPECT_EQ(reason_of([&] { other.start(); }), "cannot make orders::Rates: no rates");
}

TEST(services, what_was_built_before_a_failed_start_is_ended) {
  std::vector<std::string> ended;
  {
    services registrations;
    registrations.add_reference<std::vector<std::string>>(ended).add<store>();
    registrations.add<wall_clock>([]() -> wall_clock { throw std::runtime_error("broken"); });
    service_provider provider(std::move(registrations));
    EXPECT_THROW(provider.start(), error);
  }
  EXPECT_EQ(ended, std::vector<std::string>{"store"});
}

// ── Open generics ──

namespace {
template <class T>
struct shelf {
  orders::Session& session;
  std::string kind = "default";
};
}  // namespace

template <class T>
struct mamey::default_recipe<shelf<T>> {
  static constexpr auto life = mamey::lifetime::scoped;
  static shelf<T> make(orders::Session& session) { return {session}; }
};

TEST(services, a_default_recipe_makes_what_nobody_added) {
  services registrations;
  registrations.add<orders::Session>(lifetime::scoped).need({.message = "CreateOrder"}, service_list<shelf<int>>);
  service_provider provider(std::move(registrations));
  provider.start();
  scope own(provider);
  EXPECT_EQ(&own.get<shelf<int>>().session, &own.get<orders::Session>());
  EXPECT_EQ(&own.get<shelf<int>>(), &own.get<shelf<int>>());
  EXPECT_EQ(&own.get<shelf<long>>(), &own.get<shelf<long>>());  // not declared: still found
}

TEST(services, a_default_recipe_is_checked_and_yields_to_add_replace_and_decorate) {
  services missing;
  missing.need({.message = "CreateOrder"}, service_list<shelf<int>>);
  EXPECT_NE(refusal(missing).find("needs orders::Session, which nobody added"), std::string::npos);

  services registrations;
  registrations.add<orders::Session>(lifetime::scoped);
  registrations.add<shelf<int>>([](orders::Session& session) { return shelf<int>{session, "own"}; }, lifetime::scoped);
  service_provider provider(std::move(registrations));
  scope own(provider);
  EXPECT_EQ(own.get<shelf<int>>().kind, "own");
}
