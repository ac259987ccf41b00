#include <mamey/persistence/sent_rows.hpp>

#include <mamey/core/configuration.hpp>
#include <mamey/messaging/options.hpp>

namespace mamey::inline v1 {

sent_rows sent_rows_of(const configuration& values) {
  const auto outbox = values.bind<outbox_options>("outbox");
  return outbox.expiry > 0 || outbox.retention.count() > 0 ? sent_rows::archive : sent_rows::remove;
}

}  // namespace mamey::inline v1
