#include <charconv>
#include <cmath>

#include <mamey/observability/detail/metrics_state.hpp>
#include <mamey/observability/detail/utf8_text.hpp>
#include <mamey/observability/log.hpp>

namespace mamey::inline v1 {
namespace metrics {

namespace {

const logger log{"mamey.metrics"};

enum class escape_quotes : bool { no, yes };

/// The text format's escapes; bytes that are not UTF-8 would make Prometheus refuse the page.
void append_escaped(std::string& out, std::string_view text, escape_quotes quotes) {
  while (!text.empty()) {
    const auto length = v1::detail::utf8_sequence_length(text);
    const char first = text.front();
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (first == '\\') {
      out += "\\\\";
    } else if (first == '\n') {
      out += "\\n";
    } else if (first == '"' && quotes == escape_quotes::yes) {
      out += "\\\"";
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

using page = std::map<std::string, detail::page_block, std::less<>>;

/// The block of a name; null when another registry gave the name another type.
detail::page_block* block_of(page& blocks, const detail::description& about) {
  const auto [place, added] = blocks.try_emplace(about.name);
  if (added) {
    place->second.type = about.type;
    place->second.help = about.help;
  }
  return place->second.type == about.type ? &place->second : nullptr;
}

void collect(detail::page_block& block, const detail::collector& collector, const std::string& constant_labels) {
  std::vector<std::pair<std::string, double>> samples;
  try {
    collector.function([&](std::initializer_list<std::string_view> values, double value) {
      if (values.size() != collector.about.label_names.size()) throw std::invalid_argument("a sample with the wrong number of labels");
      samples.emplace_back(detail::label_text(collector.about.label_names, {values.begin(), values.size()}), value);
    });
  } catch (const std::exception& failure) {
    log.warning("metric {metric} is missing from a scrape: {reason}", collector.about.name, failure);
    return;
  }
  for (auto& [labels, value] : samples) {
    if (!block.collected.insert(labels).second) continue;
    detail::append_sample(block.samples, collector.about.name, "", constant_labels, labels, detail::number_text(value));
  }
}

void add_registry(page& blocks, detail::registry_state& state) {
  {
    std::lock_guard lock(state.families_mutex);
    for (const auto& [name, family] : state.families) {
      if (auto* block = block_of(blocks, family->about)) family->expose(block->samples);
    }
  }
  std::lock_guard lock(state.collect_mutex);
  for (const auto& [id, collector] : state.collectors) {
    if (auto* block = block_of(blocks, collector.about)) collect(*block, collector, state.constant_label_text);
  }
}

}  // namespace

namespace detail {

std::string label_text(std::span<const std::string> names, std::span<const std::string_view> values) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) text += ',';
    text += names[i];
    text += "=\"";
    append_escaped(text, values[i], escape_quotes::yes);
    text += '"';
  }
  return text;
}

void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, std::string_view more_labels,
                   std::string_view value) {
  out += name;
  out += suffix;
  if (!labels.empty() || !more_labels.empty()) {
    out += '{';
    out += labels;
    if (!labels.empty() && !more_labels.empty()) out += ',';
    out += more_labels;
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

std::string number_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

}  // namespace detail

std::string expose(std::span<const registry* const> registries) {
  page blocks;
  for (const auto* registry : registries) add_registry(blocks, *registry->state_);
  std::string text;
  for (const auto& [name, block] : blocks) {
    if (block.samples.empty()) continue;
    text += "# HELP " + name + ' ';
    append_escaped(text, block.help, escape_quotes::no);
    text += "\n# TYPE " + name + ' ' + block.type + '\n';
    text += block.samples;
  }
  return text;
}

}  // namespace metrics
}  // namespace mamey::inline v1
