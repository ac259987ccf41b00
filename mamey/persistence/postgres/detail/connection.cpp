#include <mamey/persistence/postgres/detail/connection.hpp>

#include <libpq-fe.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <mamey/core/error.hpp>
#include <mamey/runtime/context.hpp>
#include <mamey/runtime/fiber.hpp>

namespace mamey::inline v1::postgres_detail {
namespace {

std::string field(const PGresult* result, int code) {
  const char* const text = PQresultErrorField(result, code);
  return text == nullptr ? std::string() : text;
}

server_error error_of(const PGresult* result) {
  server_error made{.state = field(result, PG_DIAG_SQLSTATE),
                    .message = field(result, PG_DIAG_MESSAGE_PRIMARY),
                    .detail = field(result, PG_DIAG_MESSAGE_DETAIL),
                    .constraint = field(result, PG_DIAG_CONSTRAINT_NAME),
                    .table = field(result, PG_DIAG_TABLE_NAME),
                    .routine = field(result, PG_DIAG_SOURCE_FUNCTION)};
  if (made.message.empty()) made.message = PQresultErrorMessage(result);
  return made;
}

std::string words_of(const PGconn* session) {
  std::string text = PQerrorMessage(session);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::ranges::replace_if(text, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return text.empty() ? "the connection broke" : text;
}

/// Less never meets a socket that is full in the middle of an exchange.
constexpr std::size_t libpq_sends_at_once = 4096;

}  // namespace

std::size_t exchange::bytes() const noexcept {
  std::size_t sum = 0;
  for (const auto& each : steps) sum += each.text.size() + each.values.bytes() + 64;
  return sum;
}

void exchange::throw_if_failed() const {
  if (failed) throw_error(error, steps[*failed].text);
  if (end == ending::unsent || end == ending::lost)
    throw unavailable("connection_lost", "the connection to the database broke: {cause}", trouble);
}

void exchange::start_over() {
  for (auto& each : steps) each.result = {}, each.too_large = false;
  end = ending::none;
  failed.reset();
  error = {};
  trouble.clear();
  answers_.clear();
}

connection::connection(session_handle session, surroundings around)
    : session_(std::move(session)), around_(std::move(around)), era_(around_.era ? around_.era->now() : 0), opened_(steady_now()) {
  PQsetnonblocking(session_.get(), 1);
  PQenterPipelineMode(session_.get());
}

connection::~connection() = default;

bool connection::retired() const {
  const std::lock_guard lock(mutex_);
  return retired_ || outlived() || (swollen_ && PQtransactionStatus(session_.get()) == PQTRANS_IDLE);
}

bool connection::in_transaction() const {
  const std::lock_guard lock(mutex_);
  const auto status = PQtransactionStatus(session_.get());
  return status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
}

bool connection::looks_alive() {
  const std::lock_guard lock(mutex_);
  if (retired_ || outlived()) return false;
  if (!in_flight_.empty()) return true;
  // A server says farewell before it closes: the end stands behind it.
  while (!retired_ && more_input()) retired_ = PQconsumeInput(session_.get()) == 0 || PQstatus(session_.get()) == CONNECTION_BAD;
  return !retired_;
}

// -- sending ----------------------------------------------------------------------------------------------------------

void connection::run(const exchange_ptr& work) {
  check_context();
  work->loop_ = in_fiber() ? event_loop::current() : nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (retired_) {
      work->end = exchange::ending::unsent;
      work->trouble = "it was given up";
      return;
    }
    send(work);
  }
  await(work);
}

void connection::post(const exchange_ptr& work) noexcept {
  const std::lock_guard lock(mutex_);
  work->abandoned_ = true;
  if (!retired_) send(work);
}

void connection::send(const exchange_ptr& work) {
  ERR_clear_error();
  in_flight_.push_back(work);
  const bool follows_unsent = std::exchange(unflushed_, true);  // without its Sync the server applies nothing of it
  for (std::size_t i = 0; i < work->steps.size(); ++i) {
    if (!send_step(*work, i)) return lose(words_of(session_.get()));
  }
  if (PQpipelineSync(session_.get()) == 0) return lose(words_of(session_.get()));
  const int left = PQflush(session_.get());
  if (left < 0) return lose(words_of(session_.get()));
  unflushed_ = left > 0;
  if (!follows_unsent && !unflushed_ && work->bytes() < libpq_sends_at_once) return;
  // Where the socket does not take all, libpq reads meanwhile. A reader that sleeps must look at what it read.
  read_while_sending_ = true;
  if (reader_ != nullptr) socket_.interrupt();
}

bool connection::send_step(exchange& work, std::size_t index) {
  const auto& text = work.steps[index].text;
  const auto& values = work.steps[index].values;
  const auto count = values.values_.size();
  std::vector<const char*> contents(count);
  std::vector<int> lengths(count), formats(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& value = values.values_[i];
    contents[i] = value.is_null ? nullptr : value.text.data();
    lengths[i] = static_cast<int>(value.text.size());
    formats[i] = value.is_binary ? 1 : 0;
  }
  auto known = prepared_.find(text);
  if (known == prepared_.end() && prepared_.size() < around_.most_prepared) {
    auto name = "m" + std::to_string(++names_given_);
    if (PQsendPrepare(session_.get(), name.c_str(), text.c_str(), 0, nullptr) == 0) return false;
    work.answers_.push_back({index, true});
    known = prepared_.emplace(text, prepared{.name = std::move(name)}).first;
  } else if (known == prepared_.end() || known->second.state == preparation::sent) {
    // Whether the preparation before it succeeds is not known yet: this one stands for itself.
    work.answers_.push_back({index, false});
    return PQsendQueryParams(session_.get(), text.c_str(), static_cast<int>(count), nullptr, contents.data(), lengths.data(),
                             formats.data(), 0) != 0;
  }
  work.answers_.push_back({index, false});
  return PQsendQueryPrepared(session_.get(), known->second.name.c_str(), static_cast<int>(count), contents.data(), lengths.data(),
                             formats.data(), 0) != 0;
}

// -- waiting ----------------------------------------------------------------------------------------------------------

void connection::await(const exchange_ptr& work) {
  try {
    for (auto role = role_of(*work); role != role_in_wait::done; role = role_of(*work)) {
      if (role == role_in_wait::reads)
        read_for_all(work);
      else
        work->wake_.acquire();
    }
  } catch (...) {
    // Rethrown below: the next reader must not depend on this one.
    pass_on(work.get());
    abandon(work);
    throw;
  }
  pass_on(work.get());
}

connection::role_in_wait connection::role_of(const exchange& work) {
  const std::lock_guard lock(mutex_);
  if (work.end != exchange::ending::none) return role_in_wait::done;
  if (reader_ == nullptr) reader_ = &work;
  return reader_ == &work ? role_in_wait::reads : role_in_wait::waits;
}

void connection::read_for_all(const exchange_ptr& mine) {
  // Its predecessor left nothing that had come: the socket announces what comes now.
  for (bool has_waited = false;; has_waited = true) {
    {
      const std::lock_guard lock(mutex_);
      if (has_waited || read_while_sending_) make_progress();
      if (mine->end != exchange::ending::none) return;
      if (PQsocket(session_.get()) < 0) return lose(words_of(session_.get()));
      socket_.start(PQsocket(session_.get()), unflushed_ ? socket_wait::interest::both : socket_wait::interest::reading);
    }
    // Outside a loop others may add to what has to be written while this thread sleeps: it checks at intervals.
    const auto until = socket_.loop() == nullptr ? steady_now() + std::chrono::milliseconds(20) : steady_time::max();
    socket_.wait(until);
  }
}

void connection::pass_on(const exchange* leaver) noexcept {
  const std::lock_guard lock(mutex_);
  if (reader_ != leaver) return;
  const auto next = std::ranges::find_if(in_flight_, [&](const auto& each) { return each.get() != leaver && !each->abandoned_; });
  reader_ = next == in_flight_.end() ? nullptr : next->get();
  if (reader_ == nullptr || (*next)->loop_ != socket_.loop()) socket_.stop();
  if (reader_ != nullptr) (*next)->wake_.release();
}

void connection::abandon(const exchange_ptr& work) noexcept {
  std::vector<std::string> texts;
  {
    const std::lock_guard lock(mutex_);
    work->abandoned_ = true;
    retired_ = true;
    // Only what runs just now can be stopped; what stands behind it is somebody else's.
    if (in_flight_.empty() || in_flight_.front() != work) return;
    for (const auto& each : work->steps) texts.push_back(each.text);
  }
  // A thread that is no loop's must not wait for a connection: the server's own bound ends the statement.
  if (around_.stopper && backend_ != 0 && in_fiber()) around_.stopper->stop(backend_, std::move(texts));
}

// -- reading, under the lock ------------------------------------------------------------------------------------------

bool connection::more_input() const {
  char byte = 0;
  if (::recv(PQsocket(session_.get()), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return true;
  return more_in_tls();
}

/// Read from the socket and not taken by libpq: the socket does not announce it.
bool connection::more_in_tls() const {
  auto* const tls = static_cast<SSL*>(PQsslStruct(session_.get(), "OpenSSL"));
  return tls != nullptr && SSL_pending(tls) > 0;
}

/// libpq reads as much as its buffer has room for. Where the socket announces input once, it goes on until there is none.
void connection::make_progress() {
  read_while_sending_ = false;
  do {
    if (in_flight_.empty()) return;
    ERR_clear_error();
    const int left = PQflush(session_.get());
    if (left >= 0) unflushed_ = left > 0;
    const bool readable = PQconsumeInput(session_.get()) != 0;
    while (!in_flight_.empty()) {
      // Before its first row is looked at: afterwards libpq refuses.
      if (const auto* const asked = bounded_head(); asked != nullptr && asked->result.count() == 0) PQsetSingleRowMode(session_.get());
      if (PQisBusy(session_.get()) != 0) break;
      row_began_.reset();
      auto* const result = PQgetResult(session_.get());
      if (result != nullptr && PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
        take_row(*bounded_head(), result);
      } else if (result != nullptr) {
        take_result(result);
      } else if (PQstatus(session_.get()) == CONNECTION_BAD) {
        break;
      } else if (auto& head = *in_flight_.front(); !head.answers_.empty()) {
        head.answers_.pop_front();
      }
    }
    if (!in_flight_.empty() && (left < 0 || !readable || PQstatus(session_.get()) == CONNECTION_BAD)) return lose(words_of(session_.get()));
    if (is_row_too_large()) return give_up_row();
  } while (!in_flight_.empty() && (socket_.announces_once() ? more_input() : more_in_tls()));
}

void connection::take_result(pg_result* owned) {
  rows result(owned);
  const auto work = in_flight_.front();
  const auto status = PQresultStatus(owned);
  if (status == PGRES_PIPELINE_SYNC) {
    in_flight_.pop_front();
    return settle(work, exchange::ending::answered);
  }
  if (status == PGRES_FATAL_ERROR) {
    // It was idle: of what was on its way when its time ran out the server has run nothing.
    if (auto farewell = error_of(owned); ended_idle(farewell)) return lose(std::move(farewell.message), exchange::ending::unsent);
  }
  if (work->answers_.empty()) {  // the server ends the session between two exchanges
    if (status == PGRES_FATAL_ERROR) lose(error_of(owned).message);
    return;
  }
  const auto [step, is_preparation] = work->answers_.front();
  const bool refused = status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE || status == PGRES_PIPELINE_ABORTED;
  if (is_preparation) {
    const auto known = prepared_.find(work->steps[step].text);
    if (refused)
      prepared_.erase(known);
    else
      known->second.state = preparation::done;
  }
  if (status == PGRES_PIPELINE_ABORTED) return;
  if (refused) return take_refusal(*work, step, owned);
  if (is_preparation) return;
  auto& asked = work->steps[step];
  if (asked.result.count() == 0) asked.result = std::move(result);  // else it only says that the rows have all come
}

/// Past the bound the rest is read and dropped: what others asked for comes behind it.
void connection::take_row(step& to, pg_result* owned) {
  if (to.too_large) return PQclear(owned);
  const auto before = to.result.bytes();
  const bool appended = to.result.append_row(owned);
  if (appended && to.result.bytes() <= *to.most_bytes) return;
  if (!appended || to.result.bytes() - before > *to.most_bytes) swollen_ = true;
  to.too_large = true;
  to.result = {};
}

/// The statement whose answer comes next, when its rows are bounded.
step* connection::bounded_head() const {
  if (in_flight_.empty() || in_flight_.front()->answers_.empty()) return nullptr;
  const auto [index, is_preparation] = in_flight_.front()->answers_.front();
  auto& asked = in_flight_.front()->steps[index];
  return is_preparation || !asked.most_bytes ? nullptr : &asked;
}

/// Whether one row that has not come whole is past the bound already: libpq would keep all of it. Noticed between
/// two of libpq's reads, which go on while the server keeps up; not at all on a socket in the file system.
bool connection::is_row_too_large() {
  const auto* const asked = bounded_head();
  if (asked == nullptr || *asked->most_bytes == 0) return false;
  const auto taken = bytes_read(PQsocket(session_.get()));
  if (!taken) return false;
  if (!row_began_) row_began_ = *taken;
  return *taken > *row_began_ + *asked->most_bytes + *asked->most_bytes / 8;  // TLS adds a little
}

/// Nothing but the end of the session saves the memory; reads that came behind it are asked again elsewhere.
void connection::give_up_row() {
  bounded_head()->too_large = true;
  const auto head = in_flight_.front();
  head->failed = head->answers_.front().step;
  head->error = {.state = std::string(row_too_large_state),
                 .message = "one row has more bytes than a query may return",
                 .detail = {},
                 .constraint = {},
                 .routine = {}};
  lose("an answer on it was too large");
}

void connection::take_refusal(exchange& from, std::size_t step, const pg_result* result) {
  auto error = error_of(result);
  if (is_stale_statement(error)) retired_ = true;
  if (is_read_only(error) && around_.era && around_.writes && steady_now() - opened_ >= around_.youth) around_.era->end(era_);
  // Without a SQLSTATE it is libpq that speaks: the connection is gone, and nobody knows what the server did.
  if (error.state.empty()) return;
  if (!from.failed) {
    from.failed = step;
    from.error = std::move(error);
  }
}

void connection::lose(std::string trouble, exchange::ending unanswered) {
  retired_ = true;
  if (reader_ != nullptr) socket_.interrupt();  // it may sleep on another loop, and libpq may have closed the socket
  const bool incomplete = unflushed_;
  auto all = std::exchange(in_flight_, {});
  for (const auto& each : all) {
    each->trouble = trouble;
    // The last one is cut off where the socket would take no more.
    settle(each, each->failed ? exchange::ending::answered : incomplete && each == all.back() ? exchange::ending::unsent : unanswered);
  }
}

void connection::settle(const exchange_ptr& done, exchange::ending how) {
  done->end = how;
  done->wake_.release();
}

// -- scripts ----------------------------------------------------------------------------------------------------------

void connection::run_script(const std::string& sql) {
  auto* const session = session_.get();
  const auto fail = [&] {
    retired_ = true;
    throw unavailable("connection_lost", "the connection to the database broke: {cause}", words_of(session));
  };
  if (PQexitPipelineMode(session) == 0 || PQsendQuery(session, sql.c_str()) == 0) fail();
  std::optional<server_error> refused;
  for (;;) {
    const int left = PQflush(session);
    if (left < 0 || PQconsumeInput(session) == 0) fail();
    if (PQisBusy(session) == 0) {
      auto* const result = PQgetResult(session);
      if (result == nullptr) break;
      const rows owned(result);
      if (PQresultStatus(result) == PGRES_FATAL_ERROR && !refused) refused = error_of(result);
      continue;
    }
    if (more_input()) continue;
    try {
      socket_.start(PQsocket(session), left > 0 ? socket_wait::interest::both : socket_wait::interest::reading);
      socket_.wait(steady_time::max());
      socket_.stop();
    } catch (...) {  // rethrown: what it leaves behind nobody may use
      retired_ = true;
      socket_.stop();
      throw;
    }
  }
  PQenterPipelineMode(session);
  if (refused) throw_error(*refused, sql);
}

}  // namespace mamey::inline v1::postgres_detail
