#pragma once

/// @file
/// `/_messages`: what an operator does about messages that failed. Off unless section `management` says `messages: true`.

#include <vector>

#include <mamey/host/detail/framework_endpoints.hpp>
#include <mamey/host/detail/message_flow.hpp>

namespace mamey::inline v1 {

/// `GET /_messages` (figures), `GET /_messages/errors`, `GET|DELETE /_messages/errors/{id}`, `POST /_messages/errors/{id}/retry?force=true`.
std::vector<web::route> message_routes(message_flow& messages, const management_options& options);

}  // namespace mamey::inline v1
