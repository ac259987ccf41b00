#pragma once

/// @file
/// The small domain that the benchmarks of commands share.

#include <mamey/core/uuid.hpp>
#include <mamey/cqrs/pipeline.hpp>

namespace bench {

struct Opened {
  static constexpr mamey::message_options message{.exchange = "bench"};
  mamey::uuid account_id;
  int amount = 0;
};
struct AccountState {
  int balance = 0;
};
class Account : public mamey::aggregate<mamey::uuid, AccountState> {
  using aggregate::aggregate;

 public:
  static Account open(const mamey::uuid& id, int amount) {
    Account account(id, {.balance = amount});
    account.raise(Opened{id, amount});
    return account;
  }
};
struct Open {
  mamey::uuid account_id;
  int amount = 0;
};
inline void open_account(const Open& command, mamey::repository<Account>& accounts) {
  accounts.add(Account::open(command.account_id, command.amount));
}

struct Nothing {
  int value = 0;
};
inline long handled = 0;
inline void do_nothing(const Nothing& command) { handled += command.value; }

}  // namespace bench
