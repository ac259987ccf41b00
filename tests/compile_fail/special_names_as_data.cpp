#include <mamey/application.hpp>
// What an object holds may be called as its author likes.
struct Mail {
  mamey::uuid id;
  std::string message, access, collection, rules, check, indexes, mapping, options;
  int conflict_retries = 0, conflict_retry = 0, retries = 0;
  bool strict = false;
};
void send_mail(const Mail&, mamey::read_models<Mail>&);
auto mails = mamey::module("mails").commands<send_mail>();
const auto& info = mamey::message_info_of<Mail>();
const auto& kept = mamey::read_model_collection<Mail>();
