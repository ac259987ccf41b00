#include <mamey/web/detail/json_parts.hpp>
#include <mamey/web/openapi.hpp>

namespace mamey::inline v1::web {
namespace {

constexpr std::string_view before_url = R"html(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  h2 { margin-top: 2rem; border-bottom: 1px solid #8884; }
  details { border: 1px solid #8884; border-radius: 6px; margin: .4rem 0; padding: .4rem .8rem; }
  summary { cursor: pointer; }
  code, pre { font: 13px/1.45 ui-monospace, monospace; }
  pre { overflow: auto; background: #8881; padding: .6rem; border-radius: 4px; }
  .method { display: inline-block; min-width: 4.5rem; font-weight: 600; }
  .note { color: #888; margin-left: .8rem; }
  table { border-collapse: collapse; } td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
</style>
<h1 id="title">API</h1>
<main id="content">Loading…</main>
<script>
"use strict";
const make = (tag, text, className) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
};
const nameOf = schema => (schema.$ref || "").split("/").pop();
const describe = schema => {
  if (schema.$ref) return nameOf(schema);
  if (schema.anyOf) return schema.anyOf.map(describe).join(" | ");
  const type = [].concat(schema.type || "anything").join(" | ");
  const more = [];
  if (schema.type === "array") more.push("of " + describe(schema.items));
  for (const key of ["format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"])
    if (key in schema) more.push(key + " " + schema[key]);
  if (schema.enum) more.push(schema.enum.join(", "));
  return type + (more.length ? " (" + more.join("; ") + ")" : "");
};
const membersOf = schema => {
  const table = make("table");
  for (const [name, inner] of Object.entries(schema.properties || {})) {
    const row = table.appendChild(make("tr"));
    row.append(make("td", name + ((schema.required || []).includes(name) ? " *" : "")), make("td", describe(inner)));
  }
  return table;
};
const bodyOf = content => {
  const box = make("div");
  for (const [type, {schema}] of Object.entries(content || {})) {
    box.append(make("code", type + ": " + describe(schema)));
    if (schema.properties) box.append(membersOf(schema));
  }
  return box;
};
const operationBox = (path, method, operation) => {
  const box = make("details");
  const summary = box.appendChild(make("summary"));
  summary.append(make("span", method.toUpperCase(), "method"), make("code", path), make("span", operation.operationId, "note"));
  if (operation.parameters) {
    box.append(make("h4", "Parameters"));
    const table = box.appendChild(make("table"));
    for (const each of operation.parameters) {
      const row = table.appendChild(make("tr"));
      row.append(make("td", each.name + (each.required ? " *" : "")), make("td", each.in), make("td", describe(each.schema)));
    }
  }
  if (operation.requestBody) box.append(make("h4", "Body"), bodyOf(operation.requestBody.content));
  box.append(make("h4", "Answers"));
  for (const [status, answer] of Object.entries(operation.responses))
    box.append(make("div", status + " " + (answer.description || nameOf(answer))), bodyOf(answer.content));
  return box;
};
const show = api => {
  document.title = api.info.title;
  document.getElementById("title").textContent = api.info.title + " " + api.info.version;
  const content = document.getElementById("content");
  content.textContent = "";
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths))
    for (const [method, operation] of Object.entries(item)) {
      const tag = (operation.tags || [""])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operationBox(path, method, operation));
    }
  for (const [tag, boxes] of groups) content.append(make("h2", tag || "Endpoints"), ...boxes);
  content.append(make("h2", "Types"));
  for (const [name, schema] of Object.entries(api.components.schemas)) {
    const box = content.appendChild(make("details"));
    box.append(make("summary", name), schema.properties ? membersOf(schema) : make("div", describe(schema)));
  }
};
const from = new URL()html";

constexpr std::string_view after_url = R"html(, location.href.replace(/\/+([?#]|$)/, "$1"));
fetch(from).then(answer => answer.json()).then(show)
  .catch(error => document.getElementById("content").textContent = "The document could not be read: " + error);
</script>
</html>
)html";

}  // namespace

std::string write_documentation_page(std::string_view document_url) {
  return std::string(before_url).append(detail::quoted(document_url)).append(after_url);
}

}  // namespace mamey::inline v1::web
