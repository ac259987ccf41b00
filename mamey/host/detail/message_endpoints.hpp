#pragma once

/// @file
/// `/_messages`: what an operator does about messages that failed or wait, and sees of recurring jobs. Off unless section `management` says `messages: true`.

#include <vector>

#include <mamey/host/detail/management_guard.hpp>
#include <mamey/host/detail/message_flow.hpp>
#include <mamey/scheduling/job_runner.hpp>
#include <mamey/web/router.hpp>

namespace mamey::inline v1 {

/// `GET /_messages` (figures), `GET /_messages/errors`, `GET|DELETE /_messages/errors/{id}`, `POST /_messages/errors/{id}/retry?force=true`,
/// `GET /_messages/delayed?type=&key=&tenant=`, `DELETE /_messages/delayed/{id}`, `GET /_messages/jobs`. `jobs` may be null: nothing is declared.
std::vector<web::route> message_routes(message_flow& messages, const job_runner* jobs, const management_options& options);

}  // namespace mamey::inline v1
