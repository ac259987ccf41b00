#include <mutex>
#include <string>

#include <mamey/application.hpp>
#include <mamey/feature/configuration_changes.hpp>
#include <mamey/http/client.hpp>

#include "access.hpp"
#include "configuration.hpp"
#include "observation.hpp"
#include "pages.hpp"

struct Hello {};
struct Secret {
  static constexpr auto access() { return mamey::requires_role("admin"); }
};
struct Broken {};
struct Price {};
struct Greeting {};
struct Stock {};
struct Text {
  std::string text;
};
struct PriceTag {
  std::string from;
};

/// Section `greeting`, with what changed since the start.
struct GreetingOptions {
  std::string text = "none";
};
class greeter {
 public:
  greeter(const GreetingOptions& options, mamey::configuration_changes& changes) : text_(options.text) {
    changes.on_change("greeting:text", [this](const mamey::configured_value& changed) {
      const std::lock_guard lock(guard_);
      text_ = changed.value;
    });
  }
  std::string text() const {
    const std::lock_guard lock(guard_);
    return text_;
  }

 private:
  mutable std::mutex guard_;
  std::string text_;
};

int main(int argc, char** argv) {
  return mamey::application("acme")
      .add(acme::header_authentication{})
      .add(acme::cors{})
      .add(acme::pages{})
      .add(acme::ticker{})
      .add(acme::farewell{})
      .add(acme::stubborn{})
      .add(acme::file_layer{})
      .add(acme::phonebook{})
      .add(acme::file_sink{})
      .add(acme::span_file{})
      .add(acme::stock_feature{})
      .options<GreetingOptions>("greeting")
      .services([](mamey::services& add) { add.add<greeter>(); })
      .get("/hello", [](const Hello&) { return Text{"hello"}; })
      .get("/secret", [](const Secret&) { return Text{"the secret"}; })
      .get("/broken", [](const Broken&) -> Text { throw mamey::conflict("taken", "it is taken"); })
      .get("/greeting", [](const Greeting&, const greeter& from) { return Text{from.text()}; })
      .get("/price", [](const Price&, mamey::http::client& client) { return client.service("pricing").get_json<PriceTag>("/price"); })
      .get("/stock", [](const Stock&, const acme::stock& from) { return Text{std::to_string(from.boxes())}; })
      .run(argc, argv);
}
