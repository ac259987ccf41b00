#include <mamey/messaging/versions.hpp>

#include <mamey/core/error.hpp>

namespace mamey::inline v1 {

void upcasters::add(std::string type, int from_version, function lift) {
  const auto [at, fresh] = steps_.try_emplace({type, from_version}, std::move(lift));
  if (!fresh) throw conflict("upcaster_exists", "{} version {} has an upcaster already", type, from_version);
}

bool upcasters::applies(const std::string& type, int version, int reader_version) const {
  return version < reader_version && steps_.contains({type, version});
}

envelope upcasters::lift(envelope message, int reader_version) const {
  while (message.version < reader_version) {
    const auto step = steps_.find({message.type, message.version});
    if (step == steps_.end()) break;
    message.body = step->second(message.body);
    ++message.version;
  }
  return message;
}

}  // namespace mamey::inline v1
