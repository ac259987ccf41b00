#pragma once

/// @file
/// The documents and messages that tests of stores use.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <mamey/core/error.hpp>
#include <mamey/core/json.hpp>
#include <mamey/messaging/store.hpp>

namespace mamey::testing {

struct part {
  std::string sku;
  int amount = 0;
  std::optional<std::string> note;
};

/// A versioned collection with a unique column, and a read model.
inline const collection& parts() {
  static const collection made{.name = "parts",
                               .model = &model_of<part>(),
                               .columns = {{"sku", &model_of<part>().members[0], true},
                                           {"amount", &model_of<part>().members[1]},
                                           {"note", &model_of<part>().members[2]}},
                               .make = []() -> std::shared_ptr<void> { return std::make_shared<part>(); }};
  return made;
}
inline const collection& part_views() {
  static const collection made{
      .name = "part_views", .model = &model_of<part>(), .columns = {{"amount", &model_of<part>().members[1]}}, .versioned = false};
  return made;
}

inline document part_document(std::string id, const part& content) {
  return {
      .id = std::move(id),
      .position = 3,
      .body = json::to_string(content),
      .columns = {sql_value(content.sku), sql_value(std::int64_t{content.amount}), content.note ? sql_value(*content.note) : sql_value()}};
}
inline document_write insert_part(std::string id, const part& content) {
  return {.into = &parts(), .kind = write_kind::insert, .content = part_document(std::move(id), content)};
}
inline document_write update_part(std::string id, const part& content, std::int64_t expected_version) {
  return {
      .into = &parts(), .kind = write_kind::update, .content = part_document(std::move(id), content), .expected_version = expected_version};
}
inline document_write remove_part(std::string id, std::int64_t expected_version) {
  return {.into = &parts(),
          .kind = write_kind::remove,
          .content = {.id = std::move(id), .body = {}, .columns = {}},
          .expected_version = expected_version};
}
inline document_write view_write(write_kind kind, std::string id, int amount) {
  return {.into = &part_views(),
          .kind = kind,
          .content = {.id = std::move(id), .body = json::to_string(part{.amount = amount}), .columns = {sql_value(std::int64_t{amount})}}};
}

inline envelope message(std::string id, std::string key = {}) {
  envelope made;
  made.id = std::move(id);
  made.type = "PartCounted";
  made.key = std::move(key);
  made.body = R"({"amount":1})";
  made.exchange = "parts";
  made.routing_key = "part_counted";
  return made;
}
inline change_set messages(std::initializer_list<envelope> all) { return {.outbox = std::vector<envelope>(all)}; }

/// The kind and code of the error that `call` throws.
template <class Call>
std::pair<error_kind, std::string> refusal(Call&& call) {
  try {
    call();
  } catch (const error& thrown) {
    return {thrown.kind(), thrown.code()};
  }
  return {error_kind::internal, "nothing was thrown"};
}
template <class Call>
error_kind refusal_kind(Call&& call) {
  const auto [kind, code] = refusal(std::forward<Call>(call));
  EXPECT_NE(code, "nothing was thrown");
  return kind;
}

inline std::vector<std::int64_t> sequences(const claim& of) {
  std::vector<std::int64_t> all;
  for (const auto& each : of.rows) all.push_back(each.sequence);
  return all;
}
inline std::vector<std::string> ids(const claim& of) {
  std::vector<std::string> all;
  for (const auto& each : of.rows) all.push_back(each.message.id);
  return all;
}
inline std::vector<std::string> ids(const std::vector<document>& of) {
  std::vector<std::string> all;
  for (const auto& each : of) all.push_back(each.id);
  return all;
}

}  // namespace mamey::testing
