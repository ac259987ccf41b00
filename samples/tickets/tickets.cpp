#include "tickets.hpp"

namespace tickets {

// snippet aggregate-rules
Ticket Ticket::open(const OpenTicket& command) {
  Ticket ticket(command.ticket_id, {.customer_id = command.customer_id, .subject = command.subject});
  ticket.raise(TicketChanged{ticket.id(), ticket.state()});
  ticket.raise(TicketOpened{ticket.id(), command.customer_id, command.subject});
  return ticket;
}

void Ticket::close() {
  if (state().status == Status::closed) throw mamey::domain_error("ticket_closed", "ticket {} is closed already", id());
  change().status = Status::closed;
  raise(TicketChanged{id(), state()});
}
// end aggregate-rules

// snippet command-handlers
void open_ticket(const OpenTicket& command, mamey::repository<Ticket>& tickets) { tickets.add(Ticket::open(command)); }

void close_ticket(const CloseTicket& command, mamey::repository<Ticket>& tickets) {
  auto ticket = tickets.get(command.ticket_id);  // throws not_found
  ticket.close();
  tickets.save(ticket);
}
// end command-handlers

// snippet event-handlers
void show_ticket(const TicketChanged& event, mamey::read_models<TicketDto>& shown) {
  shown.put({.id = event.ticket_id, .customer_id = event.state.customer_id, .subject = event.state.subject, .status = event.state.status});
}

void on_answer_accepted(const AnswerAccepted& event, mamey::repository<Ticket>& tickets) {
  auto ticket = tickets.get(event.ticket_id);
  if (ticket.state().status == Status::closed) return;  // another handler has closed it
  ticket.close();
  tickets.save(ticket);
}
// end event-handlers

// snippet query-handlers
std::optional<TicketDto> get_ticket(const GetTicket& query, mamey::read_models<TicketDto>& tickets) {
  return tickets.find(query.ticket_id);
}

mamey::page<TicketDto> browse_tickets(const BrowseTickets& query, mamey::read_models<TicketDto>& tickets) {
  return tickets.list(mamey::where<&TicketDto::status>(query.status), query.paging);
}
// end query-handlers

// snippet module
mamey::module service() {
  return mamey::module("tickets")
      .commands<open_ticket, close_ticket>()
      .queries<get_ticket, browse_tickets>()
      .events<on_answer_accepted>()
      .domain_events<show_ticket>()
      .post<OpenTicket>("/tickets", mamey::created("/tickets/{ticketId}"))
      .post<CloseTicket>("/tickets/{ticketId}/close")
      .get<GetTicket>("/tickets/{ticketId}")
      .get<BrowseTickets>("/tickets");
}
// end module

}  // namespace tickets
