#pragma once

// A small world of services for the tests of injection.

#include <gtest/gtest.h>

#include <string>

#include <mamey/core/error.hpp>
#include <mamey/core/services.hpp>

namespace service_samples {

struct wall_clock {
  int now = 1;
};

struct pricing {
  virtual ~pricing() = default;
  virtual int total() const = 0;
};

struct flat_pricing : pricing {
  explicit flat_pricing(const wall_clock& time) : time_(time) {}
  int total() const override { return 10 * time_.now; }

 private:
  const wall_clock& time_;
};

struct doubled_pricing : pricing {
  doubled_pricing(pricing& inner, wall_clock&) : inner_(inner) {}
  int total() const override { return 2 * inner_.total(); }

 private:
  pricing& inner_;
};

struct one_more_pricing : pricing {
  explicit one_more_pricing(pricing& inner) : inner_(inner) {}
  int total() const override { return inner_.total() + 1; }

 private:
  pricing& inner_;
};

/// What the graph check says; empty when all is well.
inline std::string refusal(const mamey::services& registrations) {
  try {
    registrations.check();
  } catch (const mamey::error& e) {
    EXPECT_EQ(e.code(), "service_graph");
    return e.reason();
  }
  return "";
}

inline std::string reason_of(auto&& action) {
  try {
    action();
  } catch (const mamey::error& e) {
    return e.reason();
  }
  return "";
}

}  // namespace service_samples

namespace orders {
struct Rates {};
struct Pricing {
  virtual ~Pricing() = default;
};
struct flat_rate : Pricing {
  explicit flat_rate(Rates&) {}
};
struct Chicken;
struct Egg {
  Chicken& chicken;
};
struct Chicken {
  Egg& egg;
};
struct Session {};
struct Helper {
  Session& session;
};
struct Cache {
  Helper& helper;
};
}  // namespace orders
