#pragma once

/// @file
/// The service of docs/getting-started.md: customers open tickets, and an accepted answer closes them.

#include <optional>
#include <string>

#include <mamey/application.hpp>

namespace tickets {

// snippet commands
enum class Status { open, closed };

struct OpenTicket {
  mamey::uuid ticket_id, customer_id;
  std::string subject;
  static constexpr auto rules() {
    return mamey::all(mamey::field<&OpenTicket::ticket_id>.generated(), mamey::field<&OpenTicket::customer_id>.required(),
                      mamey::field<&OpenTicket::subject>.length(1, 200));
  }
};

struct CloseTicket {
  mamey::uuid ticket_id;
};
// end commands

// snippet events
struct TicketOpened {  // a contract with other services: it declares its exchange
  static constexpr mamey::message_options message{.exchange = "tickets"};
  mamey::uuid ticket_id, customer_id;
  std::string subject;
};

struct AnswerAccepted {  // a contract of another service: the members that we read
  static constexpr mamey::message_options message{.exchange = "mail"};
  mamey::uuid ticket_id;
};
// end events

// snippet aggregate
struct TicketState {
  mamey::uuid customer_id;
  std::string subject;
  Status status = Status::open;
};

struct TicketChanged {  // a domain event: it stays in the module
  mamey::uuid ticket_id;
  TicketState state;
};

class Ticket : public mamey::aggregate<mamey::uuid, TicketState> {
  using aggregate::aggregate;

 public:
  static Ticket open(const OpenTicket& command);
  void close();
};
// end aggregate

// snippet query
struct TicketDto {
  mamey::uuid id, customer_id;
  std::string subject;
  Status status = Status::open;
  static constexpr auto indexes() { return mamey::indexed<&TicketDto::customer_id, &TicketDto::status>; }
};

struct GetTicket {
  using result = std::optional<TicketDto>;
  mamey::uuid ticket_id;
};

struct BrowseTickets {
  using result = mamey::page<TicketDto>;
  std::optional<Status> status;
  mamey::paging paging;
};
// end query

mamey::module service();

}  // namespace tickets
