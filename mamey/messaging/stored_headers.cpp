#include <mamey/messaging/stored_headers.hpp>

#include <exception>

#include <mamey/core/json.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {
namespace {

const logger log{"mamey.messaging"};

}  // namespace

std::map<std::string, std::string> read_stored_headers(std::string_view text, std::string_view message_id) {
  if (text.empty()) return {};
  try {
    return json::parse<std::map<std::string, std::string>>(text);
  } catch (const std::exception& cause) {
    log.warning("the stored headers of {message_id} cannot be read and are left out: {detail}", message_id, std::string_view(cause.what()));
    return {};
  }
}

}  // namespace mamey::inline v1
