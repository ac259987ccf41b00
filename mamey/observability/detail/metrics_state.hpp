#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <mamey/observability/metrics.hpp>

namespace mamey::inline v1::metrics::detail {

/// The samples of one name while a page is made.
struct page_block {
  std::string type;
  std::string help;
  std::string samples;
  std::set<std::string, std::less<>> collected;  // labels of the samples that collecting functions gave: a series stands once
};

/// What the page says of a name, and what registering it again is compared with.
struct description {
  std::string name;
  std::string help;
  std::string type;  // counter, gauge, histogram
  std::vector<std::string> label_names;
};

/// `{a="1",b="2"}` without the braces.
std::string label_text(std::span<const std::string> names, std::span<const std::string_view> values);
void append_sample(std::string& out, std::string_view name, std::string_view suffix, std::string_view labels, std::string_view more_labels,
                   std::string_view value);
std::string number_text(double value);

class family_state {
 public:
  family_state(description of, std::string constants, std::size_t max)
      : about(std::move(of)), constant_labels(std::move(constants)), max_children(max) {}
  virtual ~family_state() = default;
  virtual void expose(std::string& samples) const = 0;

  const description about;
  const std::string constant_labels;
  const std::size_t max_children;
};

struct collector {
  description about;
  std::function<void(const sample_sink&)> function;
};

struct registry_state {
  std::mutex families_mutex;  // the tables; never held while foreign code runs
  std::map<std::string, std::unique_ptr<family_state>, std::less<>> families;
  std::map<std::string, description, std::less<>> collected_names;

  std::mutex collect_mutex;  // held while collecting functions run, so that ending one waits for it
  std::map<std::uint64_t, collector> collectors;
  std::uint64_t next_collector = 0;

  std::string constant_label_text;
  std::size_t max_children = 0;
};

}  // namespace mamey::inline v1::metrics::detail
