#pragma once

/// @file
/// The order, with the rules for its changes.

#include "messages.hpp"

namespace orders {

struct OrderState {
  mamey::uuid customer_id;
  std::vector<Line> lines;
  mamey::decimal total;
  Status status = Status::placed;
  std::string correlation_id;
  static constexpr auto indexes() { return mamey::indexed<&OrderState::correlation_id>; }
};

// Domain events: they stay in this module
struct OrderChanged {
  mamey::uuid order_id;
  OrderState state;
};

class Order : public mamey::aggregate<mamey::uuid, OrderState> {
  using aggregate::aggregate;

 public:
  static Order place(const CreateOrder& command, mamey::decimal total, std::string correlation_id);
  void ship();
  void complete();
  void cancel();

 private:
  void become(Status status);
};

}  // namespace orders
